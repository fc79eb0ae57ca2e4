"""DEAM: layout, the exchange of valence and arousal, single ratings."""

import numpy as np
import pandas as pd
import pytest

from m2l.corpora import deam
from m2l.corpora.audit import findings, static_dynamic
from m2l.errors import InputError

IDS = [2, 3, 4, 5, 7, 8, 1001, 1002, 1003, 1004, 2001, 2002]
VALENCE = np.array([2.0, 3, 4, 5, 6, 7, 3, 4, 5, 6, 4, 5])
AROUSAL = np.array([5.0, 3, 7, 2, 6, 4, 6, 3, 5, 4, 6, 5])


def write(root, exchanged=True, valence=VALENCE, arousal=AROUSAL):
    """Lay out twelve songs as the authors do, with or without their exchange."""
    v, a = np.array(valence, float), np.array(arousal, float)
    early = np.array(IDS) <= 1000
    if exchanged:
        v[early], a[early] = a[early].copy(), v[early].copy()
    annotations = root / "music/DEAM/annotations"
    static = annotations / "annotations averaged per song/song_level"
    dynamic = annotations / "annotations averaged per song/dynamic (per second annotations)"
    single = annotations / "annotations per each rater/song_level"
    for folder in (static, dynamic, single, root / "music/DEAM/MEMD_audio"):
        folder.mkdir(parents=True)
    sd_v, sd_a = np.where(early & exchanged, [[1.5], [0.5]], [[0.5], [1.5]])
    late = np.array(IDS) > 2000
    averaged = pd.DataFrame({"song_id": IDS, " valence_mean": v, " valence_std": sd_v})
    averaged = averaged.assign(**{" arousal_mean": a, " arousal_std": sd_a})
    averaged[~late].to_csv(static / "static_annotations_averaged_songs_1_2000.csv", index=False)
    averaged[late].to_csv(static / "static_annotations_averaged_songs_2000_2058.csv", index=False)
    for name, values in (("valence", VALENCE), ("arousal", AROUSAL)):
        mapped = (values - 5) / 4
        pd.DataFrame(
            {"song_id": IDS, "sample_15000ms": mapped - 0.1, "sample_15500ms": mapped + 0.1}
        ).assign(sample_16000ms=np.nan).to_csv(dynamic / f"{name}.csv", index=False)
    twice = averaged.loc[averaged.index.repeat(2)]
    pd.DataFrame(
        {"workerID": "w", " SongId": twice["song_id"], " Valence": twice[" valence_mean"]}
    ).assign(**{" Arousal": twice[" arousal_mean"]})[~late.repeat(2)].to_csv(
        single / "static_annotations_songs_1_2000.csv", index=False
    )
    pd.DataFrame(
        {"SongId": twice["song_id"], " WorkerId": "w", " Arousal_Average": twice[" arousal_mean"]}
    ).assign(**{" Valence_Average": twice[" valence_mean"]})[late.repeat(2)].to_csv(
        single / "static_annotations_songs_2000_2058.csv", index=False
    )
    return root


def write_features_74(root, rng):
    """Four made-up features of these songs."""
    table = pd.DataFrame(rng.normal(size=(12, 4)), columns=list("abcd")).assign(track_id=IDS)
    table.to_csv(root / "music/DEAM/deam_features_74.csv", index=False)


def test_corrected_labels_are_the_true_ones(tmp_path):
    corpus = deam.load(write(tmp_path))
    table = corpus.table
    assert table["id"].tolist() == [str(i) for i in IDS]
    np.testing.assert_allclose(table["valence"], VALENCE)
    np.testing.assert_allclose(table["arousal"], AROUSAL)
    assert set(table["valence_sd"]) == {0.5} and set(table["arousal_sd"]) == {1.5}
    np.testing.assert_allclose(table["dynamic_valence"], VALENCE)
    np.testing.assert_allclose(table["dynamic_arousal"], AROUSAL)
    blocks = {"1-1000": 6, "1001-2000": 4, "2001-2058": 2}
    assert table["block"].value_counts().to_dict() == blocks
    assert corpus.notes == ("valence and arousal exchanged back for the ids up to 1000",)


def test_published_labels_are_exchanged_up_to_1000_only(tmp_path):
    corpus = deam.load(write(tmp_path), labels="published")
    early = corpus.table["block"] == "1-1000"
    assert early.sum() == 6 and corpus.notes == ()
    np.testing.assert_allclose(corpus.table["valence"][early], AROUSAL[:6])
    np.testing.assert_allclose(corpus.table["valence"][~early], VALENCE[6:])


def test_copy_in_order_is_left_alone(tmp_path):
    corpus = deam.load(write(tmp_path, exchanged=False))
    assert corpus.notes == ()
    np.testing.assert_allclose(corpus.table["valence"], VALENCE)


def test_too_few_songs_to_tell_are_taken_to_be_exchanged(tmp_path):
    few = AROUSAL.copy()
    few[2:6] = np.nan
    corpus = deam.load(write(tmp_path, exchanged=False, arousal=few))
    assert corpus.notes != ()
    np.testing.assert_allclose(corpus.table["valence"][:2], AROUSAL[:2])


def test_audio_is_found_in_either_folder(tmp_path):
    folder = write(tmp_path) / "music/DEAM"
    (folder / "audio").mkdir()
    (folder / "MEMD_audio/2.mp3").touch()
    (folder / "audio/3.mp3").touch()
    paths = deam.load(tmp_path).table["path"]
    assert paths[0].endswith("MEMD_audio/2.mp3") and paths[1].endswith("audio/3.mp3")
    assert paths[2:].tolist() == [None] * 10


def test_missing_file_is_named(tmp_path):
    write(tmp_path)
    next(tmp_path.rglob("*2000_2058.csv")).unlink()
    with pytest.raises(InputError, match=r"2000_2058\.csv: not found"):
        deam.ratings(tmp_path)


@pytest.mark.parametrize("labels", ["corrected", "published"])
def test_ratings_average_to_the_labels(labels, tmp_path):
    write(tmp_path)
    ratings = deam.ratings(tmp_path, labels)
    assert ratings.columns.tolist() == ["id", "rater", "valence", "arousal"]
    assert len(ratings) == 2 * len(IDS)
    means = ratings.groupby("id")[["valence", "arousal"]].mean()
    table = deam.load(tmp_path, labels).table.set_index("id")
    pd.testing.assert_frame_equal(means.loc[table.index], table[["valence", "arousal"]])


def test_features_come_without_labels(tmp_path):
    folder = tmp_path / "music/DEAM"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=r"deam_features_74\.csv: not found"):
        deam.features_74(tmp_path)
    (folder / "deam_features_74.csv").write_text("track_id,zcr,valence_mean\n2,0.5,3.1\n")
    features = deam.features_74(tmp_path)
    assert features.to_dict() == {"zcr": {"2": 0.5}} and features.index.name == "id"


@pytest.mark.data
def test_real_deam():
    table = deam.load().table
    assert len(table) == deam.CARD.counts["songs"]
    after, before = static_dynamic(table), static_dynamic(deam.load(labels="published").table)
    assert (after[["valence_valence", "arousal_arousal"]] > 0.9).all(axis=None)
    assert before.loc["1-1000", "valence_valence"] < 0.6
    assert deam.features_74().shape == (1802, 74)


@pytest.mark.data
def test_real_ratings_share_the_exchange():
    means = deam.ratings(labels="published").groupby("id")[["valence", "arousal"]].mean()
    table = deam.load(labels="published").table.set_index("id")
    early = table.index[table["block"] == "1-1000"]
    difference = (means - table[["valence", "arousal"]]).loc[early].abs()
    assert difference.max(axis=None) < 0.01


@pytest.mark.data
def test_real_audit_finds_the_exchange_without_being_told_where():
    found = findings(deam.load(labels="published").table).set_index("check")
    assert found.loc["exchange", "severity"] == "error"
    ids = set(map(int, found.loc["exchange", "ids"]))
    early = {int(i) for i in deam.load().table["id"] if int(i) <= 1000}
    assert len(ids ^ early) <= 5
    assert "exchange" not in set(findings(deam.load().table)["check"])
