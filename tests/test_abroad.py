"""What models say of clips rated elsewhere, and of a song as it goes on."""

import numpy as np
import pandas as pd
import pytest

from m2l.experiments import abroad


def clips(va):
    return pd.DataFrame(va, columns=["valence", "arousal"])


def test_order_and_spread_are_told_apart():
    rated = np.random.default_rng(0).uniform(1, 9, (14, 2))
    narrow = abroad.elsewhere(clips(rated), 5 + 0.1 * (rated - 5), np.array([8, 1]))
    for d in ("valence", "arousal"):
        assert narrow[d]["r"]["value"] == pytest.approx(1)
        assert narrow[d]["rank"]["value"] == pytest.approx(1)
        assert np.ptp(narrow[d]["heard"]) == pytest.approx(0.1 * np.ptp(narrow[d]["rated"]))
    assert narrow["valence"]["held"] == 14 > narrow["arousal"]["held"]
    turned = abroad.elsewhere(clips(rated), 10 - rated)
    assert turned["valence"]["rank"]["value"] == pytest.approx(-1)


def test_annotations_over_time_are_on_the_songs_scale(tmp_path):
    folder = tmp_path / "music/DEAM/annotations/annotations averaged per song"
    folder /= "dynamic (per second annotations)"
    folder.mkdir(parents=True)
    line = "song_id,sample_15000ms,sample_15500ms,sample_16000ms\n7,-1,0.5,\n"
    (folder / "valence.csv").write_text(line)
    told = abroad.dynamic("valence", "7", tmp_path)
    assert told.to_dict() == {15.0: 1.0, 15.5: 7.0}
