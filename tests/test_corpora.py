"""The registry, the summary, and what all corpora share."""

import numpy as np
import pandas as pd
import pytest

from m2l import corpora
from m2l.corpora._common import build
from m2l.errors import InputError

CARD = corpora.card("oasis")
REAL = [name for name in corpora.names() if name != "sample"]


def rows(**columns):
    """Six good rows, with some columns replaced."""
    columns = {"valence": [2.0, 3, 4, 5, 6, 7], "arousal": [3.0, 3, 3, 3, 3, 3]} | columns
    return pd.DataFrame({"id": list("abcdef"), "path": None, "label_source": "rated"} | columns)


@pytest.mark.parametrize("name", REAL)
def test_card_is_complete(name):
    card = corpora.card(name)
    assert card.name == name
    for text in (card.title, card.citation, card.bibkey, card.licence, card.where, card.layout):
        assert text
    assert "doi:10." in card.citation
    assert all(count > 0 for count in card.counts.values())


def test_unknown_corpus_names_the_known_ones():
    with pytest.raises(InputError, match=r"emopia.*deam, pmemo"):
        corpora.load("emopia")


def test_data_root_is_the_argument_or_else_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("M2L_DATA", str(tmp_path))
    (tmp_path / "other").mkdir()
    assert corpora.data_root() == tmp_path
    assert corpora.data_root(tmp_path / "other") == tmp_path / "other"
    with pytest.raises(InputError, match="no such folder"):
        corpora.data_root(tmp_path / "gone")
    monkeypatch.delenv("M2L_DATA")
    with pytest.raises(InputError, match="M2L_DATA: not set"):
        corpora.data_root()


@pytest.mark.parametrize("name", REAL)
def test_missing_corpus_says_what_to_get_and_where_to_put_it(name, tmp_path):
    with pytest.raises(InputError) as caught:
        corpora.load(name, tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path)) and "\n" not in message
    assert corpora.card(name).title in message and corpora.card(name).where in message


def test_build_maps_the_ends_and_the_middle_of_a_scale():
    labels = {"valence": [1.0, 4, 7, 1, 4, 7], "valence_sd": [3.0] * 6}
    corpus = build(CARD, rows(**labels), "file", scale=(1, 7))
    assert corpus.table["valence"].tolist() == [1, 5, 9, 1, 5, 9]
    assert corpus.table["valence_sd"].tolist() == [4] * 6
    assert corpus.notes == ("labels mapped from 1–7 to 1–9",)


def test_build_drops_bad_labels_with_reason_and_keeps_the_first_of_an_id():
    bad = rows(
        valence=[np.nan, 9.5, 4, 1, 6, 7], arousal=[3, 3, "loud", 9, 3, 3], id=list("abcded")
    )
    corpus = build(CARD, bad, "file")
    assert corpus.table["id"].tolist() == ["d", "e"] and corpus.table.index.tolist() == [0, 1]
    assert corpus.table["valence"].tolist() == [1, 6]
    why = ("label is missing", "label outside 1–9", "label is no number", "id listed before")
    assert list(corpus.dropped.itertuples(index=False, name=None)) == list(
        zip("abcd", why, strict=True)
    )
    assert corpus.told() == [f"1 of 6 photos left out: {reason}" for reason in why]


@pytest.mark.parametrize("values", [np.linspace(0, 0.98, 6), np.linspace(-1, 1, 6), [10.0] * 6])
def test_build_refuses_another_scale(values):
    with pytest.raises(InputError, match=r"file: . of 6 labels are not on the scale 1 to 9"):
        build(CARD, rows(arousal=values), "file")


def test_the_scale_is_checked_label_by_label():
    """A fifth of each column lies outside, but two fifths of the labels do."""
    beyond = {"valence": [9.5, 5, 5, 5, 5], "arousal": [5, 0.5, 5, 5, 5]}
    with pytest.raises(InputError, match="2 of 5 labels are not on the scale"):
        build(CARD, rows().iloc[:5].assign(**beyond), "file")


def test_summary_survives_missing_and_broken_corpora(tmp_path, monkeypatch):
    (tmp_path / "images/OASIS").mkdir(parents=True)
    (tmp_path / "images/OASIS/OASIS.csv").write_text(
        "Theme,Category,Valence_mean,Valence_SD,Arousal_mean,Arousal_SD\n"
        "Lake 1,Scenery,4,1,4,1\nLake 2,Scenery,,1,4,1\n"
    )

    def broken(root):
        raise RuntimeError("anything")

    monkeypatch.setattr("m2l.corpora.pmemo.load", broken)
    table = corpora.summary(tmp_path).set_index("name")
    assert table.index.tolist() == corpora.names()
    assert table["present"].to_dict() == {name: False for name in REAL} | {
        "oasis": True,
        "sample": True,
    }
    oasis = table.loc["oasis"]
    assert (oasis["n"], oasis["files"], oasis["dropped"]) == (1, 0, 1)
    assert oasis["reasons"] == {"label is missing": 1} and oasis["label_source"] == "rated"
    assert "not found" in table.loc["deam", "notes"] and "anything" in table.loc["pmemo", "notes"]


@pytest.mark.data
def test_real_summary():
    table = corpora.summary(clean=False).set_index("name")
    assert table["present"].all()
    assert table["n"].drop("sample").min() > 400
