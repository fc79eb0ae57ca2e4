"""PMEmo: layout, scale, artists."""

import pytest

from m2l.corpora import pmemo
from m2l.errors import InputError


def write(root, labels=("0,0.5", "1,0.25", "0.75,0.125", "0.5,0.5", "0.5,", "1.5,0.5")):
    folder = root / "music/PMEmo2019"
    (folder / "annotations").mkdir(parents=True)
    (folder / "chorus").mkdir()
    (folder / "chorus/4.mp3").touch()
    rows = [f"{i},{pair}" for i, pair in zip((1, 4, 5, 6, 7, 8), labels, strict=True)]
    (folder / "annotations/static_annotations.csv").write_text(
        "\n".join(["musicId,Arousal(mean),Valence(mean)", *rows])
    )
    (folder / "metadata.csv").write_text(
        "musicId,fileName,title,artist\n1,1.mp3,One,Ann\n4,4.mp3,Two,ann \n5,5.mp3,Three,\n"
        "6,6.mp3,Four,Bob\n"
    )
    return root


def test_labels_are_mapped_to_1_9(tmp_path):
    corpus = pmemo.load(write(tmp_path))
    assert corpus.table["arousal"].tolist() == [1, 9, 7, 5]
    assert corpus.table["valence"].tolist() == [5, 3, 2, 5]
    assert corpus.notes == ("labels mapped from 0–1 to 1–9",)
    assert set(corpus.table["label_source"]) == {"rated"}


def test_group_is_the_artist_or_else_the_song(tmp_path):
    table = pmemo.load(write(tmp_path)).table
    assert table["group"].tolist() == ["ann", "ann", "5", "bob"]
    assert table["title"].tolist() == ["One", "Two", "Three", "Four"]


def test_ids_are_text(tmp_path):
    """A blank last line makes no decimals of them, and zeros before them count."""
    root = write(tmp_path)
    with (root / "music/PMEmo2019/annotations/static_annotations.csv").open("a") as file:
        file.write("\n04,0.5,0.5\n,,\n")
    table = pmemo.load(root).table
    assert table["id"].tolist() == ["1", "4", "5", "6", "04"]
    assert table["path"].notna().tolist() == [False, True, False, False, False]


def test_no_artist_at_all(tmp_path):
    root = write(tmp_path)
    (root / "music/PMEmo2019/metadata.csv").write_text("musicId,title,artist\n1,7,\n4,8,\n")
    table = pmemo.load(root).table
    assert table["group"].tolist() == table["id"].tolist()
    assert table["title"].tolist()[:2] == ["7", "8"]


def test_labels_already_on_1_9_are_refused(tmp_path):
    with pytest.raises(InputError, match="6 of 6 labels are not on the scale 0 to 1"):
        pmemo.load(write(tmp_path, labels=["4,5"] * 6))


@pytest.mark.data
def test_real_pmemo():
    table = pmemo.load().table
    assert len(table) == pmemo.CARD.counts["songs with static labels"]
    assert table[["valence", "arousal"]].std().round(3).tolist() == [1.296, 1.479]
