"""OASIS: layout, scale, themes."""

import pytest

from m2l.corpora import oasis

ROWS = [
    "Lake 1,Scenery,1,0.75,7,1.5",
    "Lake 12,Scenery,4,0.75,4,1.5",
    "Dog 3,Animal,7,0.75,1,1.5",
    "Fire,Scenery,2.5,0.75,5.5,1.5",
    "Dog 4,Animal,,0.75,1,1.5",
    "Dog 5,Animal,7.5,0.75,1,1.5",
]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "images/OASIS"
    (folder / "images").mkdir(parents=True)
    (folder / "images/Lake 12.jpg").touch()
    header = "Theme,Category,Valence_mean,Valence_SD,Arousal_mean,Arousal_SD"
    (folder / "OASIS.csv").write_text("\n".join([header, *ROWS]))
    return oasis.load(tmp_path)


def test_labels_and_sds_are_mapped_to_1_9(corpus):
    assert corpus.table["valence"].tolist() == [1, 5, 9, 3]
    assert corpus.table["arousal"].tolist() == [9, 5, 1, 7]
    assert set(corpus.table["valence_sd"]) == {1.0} and set(corpus.table["arousal_sd"]) == {2.0}


def test_group_is_the_theme_without_its_number(corpus):
    assert corpus.table["group"].tolist() == ["Lake", "Lake", "Dog", "Fire"]
    assert corpus.table["theme"].tolist() == corpus.table["id"].tolist()
    assert corpus.table["category"].tolist() == ["Scenery", "Scenery", "Animal", "Scenery"]


def test_path_only_where_the_photo_is(corpus):
    assert corpus.table["path"][1].endswith("images/Lake 12.jpg")
    assert corpus.table["path"].drop(1).tolist() == [None] * 3


@pytest.mark.data
def test_real_oasis():
    corpus = oasis.load()
    assert len(corpus.dropped) == 0
    assert corpus.table["path"].notna().all()
    assert corpus.table["category"].eq("Scenery").sum() > 100
