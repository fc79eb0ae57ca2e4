"""Songs for the report to show: drawn fairly, with honest intervals and coarse spectra."""

import numpy as np
import soundfile

from m2l.experiments import songs


def test_songs_are_drawn_of_each_quadrant_and_no_artist_twice():
    quadrants = np.repeat(["Q1", "Q2", "Q3", "Q4"], 30)
    artists = np.tile(np.arange(20), 6)
    rows = songs.drawn(quadrants, artists, 3)
    assert quadrants[rows].tolist() == ["Q1"] * 3 + ["Q2"] * 3 + ["Q3"] * 3 + ["Q4"] * 3
    assert len(set(artists[rows])) == 12
    assert rows == songs.drawn(quadrants, artists, 3) != songs.drawn(quadrants, artists, 3, seed=1)


def test_a_tone_is_one_line_and_higher_tones_lie_higher(tmp_path):
    lines = []
    for frequency in (220, 1760):
        path = tmp_path / f"{frequency}.wav"
        time = np.arange(22050 * 4) / 22050
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * frequency * time), 22050)
        picture = songs.spectrum(path)
        assert picture.shape == (128, 128, 3)
        lines.append(picture.sum(2, dtype=int).mean(1).argmax())
    assert lines[1] < lines[0]
