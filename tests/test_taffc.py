"""4Q-TAFFC: layout, derived labels, artists."""

import pandas as pd
import pytest

from m2l.corpora import taffc

ROWS = [
    "MT1,Ann,One,Q1,3,6.5,6.1",
    "MT2,ann,Two,Q2,4,3.5,6.0",
    "MT3,,Three,Q3,5,3.0,4.0",
    "MT4,Bob,Four,Q4,3,6.0,4.5",
    "MT5,Bob,Five,Q4,3,,4.5",
    "MT6,Cy,Six,Q1,3,6.0,9.5",
]


def write(root, rng):
    """Lay out thirty empty clips by ten artists, with labels at random."""
    clips = root / "music/4Q-TAFFC/audio/Q1"
    clips.mkdir(parents=True)
    rows = []
    for i in range(30):
        (clips / f"MT{i:03}.ogg").touch()
        v, a = rng.uniform(5, 9, 2).round(2)
        rows.append((f"MT{i:03}", f"Singer{i % 10}", f"Ballad{i}", "Q1", 3, v, a))
    columns = ["song", "artist", "title", "quadrant", "n_tags", "valence", "arousal"]
    pd.DataFrame(rows, columns=columns).to_csv(root / "music/4Q-TAFFC/annotations.csv", index=False)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "music/4Q-TAFFC"
    for clip in ("Q1/MT1.ogg", "Q2/MT2.mp3", "Q4/MT3.ogg"):
        (folder / "audio" / clip).parent.mkdir(parents=True, exist_ok=True)
        (folder / "audio" / clip).touch()
    header = "song,artist,title,quadrant,n_tags,valence,arousal"
    (folder / "annotations.csv").write_text("\n".join([header, *ROWS]))
    return taffc.load(tmp_path)


def test_labels_are_said_to_be_derived(corpus):
    assert set(corpus.table["label_source"]) == {"derived"}
    assert "not ratings" in corpus.notes[0]


def test_rows_without_a_clip_are_kept(corpus):
    paths = corpus.table["path"]
    assert paths[0].endswith("audio/Q1/MT1.ogg") and paths[1].endswith("audio/Q2/MT2.mp3")
    assert paths[2:].tolist() == [None, None]  # a clip in another quadrant's folder is not it


def test_group_is_the_artist_or_else_the_song(corpus):
    assert corpus.table["group"].tolist() == ["ann", "ann", "MT3", "bob"]
    assert corpus.table["quadrant"].tolist() == ["Q1", "Q2", "Q3", "Q4"]
    assert corpus.table["n_tags"].tolist() == [3, 4, 5, 3]


@pytest.mark.data
def test_real_taffc():
    table = taffc.load().table
    assert table["path"].notna().sum() == 720
    assert table["quadrant"].value_counts().nunique() == 1
    high_v, high_a = table["valence"] >= 5, table["arousal"] >= 5
    assert (high_v == table["quadrant"].isin(["Q1", "Q4"])).all()
    assert (high_a == table["quadrant"].isin(["Q1", "Q2"])).all()
