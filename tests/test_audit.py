"""The audit of labels: every defect that is planted is found, and clean labels raise nothing."""

import numpy as np
import pandas as pd
import pingouin
import pytest

from m2l.corpora import audit
from m2l.errors import InputError


def clean():
    """400 songs in the order of their ids, with static labels near their dynamic ones."""
    rng = np.random.default_rng(0)
    labels = np.tile(rng.uniform(2, 8, (400, 2)), 2) + rng.normal(0, 0.3, (400, 4))
    columns = ["valence", "arousal", "dynamic_valence", "dynamic_arousal"]
    return pd.DataFrame(labels, columns=columns).assign(id=[str(i) for i in range(400)])


def rated(n=60, raters=12, song_sd=1.2, noise_sd=1.0, seed=0):
    """Songs that all raters rated: labels with known variance components."""
    rng = np.random.default_rng(seed)
    songs = 5 + rng.normal(0, song_sd, (n, 2))
    values = songs[:, None] + rng.normal(0, noise_sd, (n, raters, 2))
    who = {"id": np.repeat(np.arange(n), raters), "rater": np.tile(np.arange(raters), n)}
    return pd.DataFrame(
        who | dict(zip(("valence", "arousal"), values.reshape(-1, 2).T, strict=True))
    )


def only(found, check):
    """The one finding there is."""
    assert found["check"].tolist() == [check]
    return found.iloc[0]


# -- findings --------------------------------------------------------------------------------


def test_clean_labels_raise_nothing():
    assert audit.findings(clean()).empty


def test_missing_labels():
    table = clean()
    table.loc[[3, 7], "arousal"] = np.nan
    found = only(audit.findings(table), "missing")
    assert found["ids"] == ("3", "7") and found["text"] == "arousal: 2 missing"
    nothing = audit.findings(clean().assign(valence=np.nan, dynamic_valence=np.nan))
    assert "valence: 400 missing" in nothing["text"].tolist()


def test_values_outside_the_scale():
    table = clean()
    table.loc[9, "valence"] = 11
    found = only(audit.findings(table), "range")
    assert found["ids"] == ("9",) and found["text"] == "valence: 1 outside 1 to 9"


@pytest.mark.parametrize(("low", "high", "formula"), [(0, 1, "1 + 8x"), (-1, 1, "5 + 4x")])
def test_another_scale_and_how_to_map_it(low, high, formula):
    table = clean()
    table["valence"] = low + (table["valence"] - 1) / 8 * (high - low)
    found = only(audit.findings(table), "scale")
    assert found["severity"] == "error" and len(found["ids"]) == 400
    assert found["text"].startswith("valence runs") and found["text"].endswith(f"by {formula}")
    table["arousal"] = low + (table["arousal"] - 1) / 8 * (high - low)
    assert audit.findings(table, scale=(low, high)).empty


def test_what_is_listed_twice_and_that_errors_come_first():
    table = clean().assign(title=[f"Song {i}" for i in range(400)], artist="Ann")
    table.loc[8, ["title", "artist"]] = "song 2 ", "ann"
    table.loc[9, "title"] = None
    table.loc[[2, 8], "valence"] = 3.0, 4.5
    table.loc[[2, 8], "arousal"] = 3.0, 3.1
    found = only(audit.findings(table), "same song")
    assert found["ids"] == ("8",) and "1.50 apart" in found["text"]
    table.loc[11, "id"] = "10"
    found = audit.findings(table)
    assert found["check"].tolist() == ["same id", "same song"]
    assert found["severity"].tolist() == ["error", "warning"] and found["ids"][0] == ("10",)


# -- exchanged columns -----------------------------------------------------------------------


def exchanged(first, last):
    table = clean()
    rows = slice(first, last - 1)
    table.loc[rows, ["valence", "arousal"]] = table.loc[rows, ["arousal", "valence"]].to_numpy()
    return table


@pytest.mark.parametrize(("first", "last"), [(0, 150), (120, 260), (330, 400)])
def test_exchanged_blocks_are_found_without_being_told_where(first, last):
    table = exchanged(first, last)
    found = only(audit.findings(table), "exchange")
    assert found["severity"] == "error"
    assert len(set(found["ids"]) ^ {str(i) for i in range(first, last)}) <= 6


def test_unrelated_labels_are_one_block_that_tells_nothing():
    table = clean()
    table[["dynamic_valence", "dynamic_arousal"]] = np.random.default_rng(1).uniform(2, 8, (400, 2))
    assert set(audit.find_blocks(table)) == {"0-399"}
    assert audit.static_dynamic(table, ["all"] * 400)["verdict"].tolist() == ["unclear"]
    assert audit.findings(table).empty


def test_static_dynamic_of_given_blocks():
    table = exchanged(0, 150).assign(block=["x"] * 150 + ["y"] * 248 + ["z"] * 2)
    blocks = audit.static_dynamic(table)
    assert blocks["songs"].to_dict() == {"x": 150, "y": 248, "z": 2}
    assert blocks["verdict"].to_dict() == {"x": "exchanged", "y": "in order", "z": "unclear"}
    x = table[:150]
    assert blocks.loc["x", "valence_arousal"] == pytest.approx(
        np.corrcoef(x["valence"], x["dynamic_arousal"])[0, 1]
    )
    assert blocks.loc["x", "valence_arousal"] > 0.9 > 0.2 > abs(blocks.loc["x", "valence_valence"])
    assert blocks.loc["z", "valence_valence":"arousal_valence"].isna().all()


def test_evidence_falls_through_the_exchanged_songs_and_climbs_after():
    evidence = audit.running_evidence(exchanged(0, 150))
    assert abs(evidence.argmin() - 149) <= 3
    assert evidence[149] < -50 and evidence[-1] > evidence[149] + 100


# -- the noise ceiling -----------------------------------------------------------------------


def test_ceiling_and_icc_equal_the_analysis_of_variance():
    ratings = rated(n=40, raters=6, song_sd=1, noise_sd=1.5)
    table = pingouin.intraclass_corr(ratings, "id", "rater", "valence")
    single, mean = table["ICC"].iloc[[0, 3]]  # ICC(1,1) and ICC(1,k)
    assert audit.icc(*audit.moments(ratings, "valence")) == pytest.approx(single)
    assert audit.ceiling(*audit.moments(ratings, "valence"), draws=5)["value"] == pytest.approx(
        mean
    )


def test_known_reliability_is_recovered_with_varying_numbers_of_raters():
    full = rated(n=4000, raters=12, song_sd=1, noise_sd=2)
    number = np.random.default_rng(1).integers(3, 13, 4000)
    ratings = full[np.tile(np.arange(12), 4000) < np.repeat(number, 12)]
    known = 1 / (1 + 4 * (1 / number).mean())
    found = audit.ceiling(*audit.moments(ratings, "valence"), draws=200)
    assert found["value"] == pytest.approx(known, abs=0.02)
    assert found["low"] < known < found["high"] < found["low"] + 0.06
    assert audit.icc(*audit.moments(ratings, "valence")) == pytest.approx(1 / 5, abs=0.02)


def test_an_item_with_one_rating_takes_the_noise_of_the_others():
    values = np.arange(12.0)  # of variance 13
    found = audit.ceiling(values, [1] * 11 + [np.nan], [4] * 11 + [1], draws=5)
    assert found["value"] == pytest.approx(1 - (11 * 0.25 + 1) / 12 / 13)


@pytest.mark.parametrize("numbers", [[1] * 12, [5] * 9])
def test_too_little_for_a_ceiling(numbers):
    values = list(range(len(numbers)))
    with pytest.raises(InputError, match="more than one rating"):
        audit.ceiling(values, [1.0] * len(numbers), numbers)
