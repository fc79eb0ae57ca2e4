"""Facts about the 148 features: librosa's own values, invariances, and each refused file."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from m2l.errors import InputError
from m2l.music import features
from m2l.music.features import DESCRIPTORS, EXTENDED, FAMILIES, HOP, NAMES, ROWS, SR, from_signal

CHROMAS = ("chroma_stft", "chroma_cqt", "chroma_cens")
OWN = ("loudness", "mode", "key_clarity", "pulse_clarity")  # all others are librosa's


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(size=int(seconds * SR)).astype(np.float32)


def tones(pitches, seconds=4.0, harmonics=4):
    """A chord of MIDI pitches with a few weaker harmonics, peak near 0.5."""
    t = np.arange(int(seconds * SR)) / SR
    y = sum(
        np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * h * t) / h**2
        for pitch in pitches
        for h in range(1, harmonics + 1)
    )
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def clicks(bpm, seconds=12.0):
    y = np.zeros(int(seconds * SR), np.float32)
    burst = 0.5 * noise(0.02) * np.linspace(1, 0, int(0.02 * SR), dtype=np.float32)
    for start in np.arange(0, seconds - 0.1, 60 / bpm):
        i = int(start * SR)
        y[i : i + len(burst)] += burst
    return y + 1e-4 * noise(seconds, seed=1)


def describe(y):
    return dict(zip(NAMES, from_signal(y, NAMES), strict=True))


def rows(described, name, statistic="mean"):
    """The values of a descriptor's rows, found by name."""
    keys = [name] if DESCRIPTORS[name] == 1 else [f"{name}_{i}" for i in range(DESCRIPTORS[name])]
    return np.array([described[f"{key}_{statistic}"] for key in keys])


@pytest.fixture(scope="module")
def song():
    """Two chords a little sharp, clicks and noise: no descriptor is constant or at its floor."""
    chords = np.concatenate([tones([57.2, 61.2, 64.2]), tones([53.2, 57.2, 60.2])])
    return (0.5 * chords + 0.5 * clicks(100, 8.0) + 0.01 * noise(8.0, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def described(song):
    return describe(song)


@pytest.fixture(scope="module")
def by_librosa(song):
    """Each descriptor as one call of librosa on the signal gives it, (rows, frames)."""
    from m2l.music._librosa import librosa

    feature = librosa.feature
    tuned = features.tuning(np.abs(librosa.stft(song)))
    values = {
        "mfcc": feature.mfcc(y=song, sr=SR, n_mfcc=13),
        "chroma_stft": feature.chroma_stft(y=song, sr=SR, tuning=tuned),
        "chroma_cqt": feature.chroma_cqt(y=song, sr=SR, tuning=3 * tuned),
        "chroma_cens": feature.chroma_cens(y=song, sr=SR, tuning=3 * tuned),
        "tonnetz": feature.tonnetz(y=song, sr=SR, tuning=3 * tuned),
        "tempo": feature.tempo(y=song, sr=SR, aggregate=None),
        "onset_strength": librosa.onset.onset_strength(y=song, sr=SR),
        "zero_crossing_rate": feature.zero_crossing_rate(song),
        "rms": feature.rms(y=song),
        "spectral_flatness": feature.spectral_flatness(y=song),
    }
    for name in ("contrast", "centroid", "bandwidth", "rolloff"):
        values[f"spectral_{name}"] = getattr(feature, f"spectral_{name}")(y=song, sr=SR)
    return {name: np.atleast_2d(value) for name, value in values.items()}


def test_names_count_and_families():
    assert len(ROWS) == sum(DESCRIPTORS.values()) == 74
    assert len(NAMES) == len(set(NAMES)) == 148
    families = [name for members in FAMILIES.values() for name in members]
    assert sorted(families) == sorted(DESCRIPTORS)


@pytest.mark.parametrize("name", [name for name in DESCRIPTORS if name not in OWN])
def test_equals_librosa_by_name(name, described, by_librosa):
    expected = by_librosa[name].astype(np.float64)
    assert len(expected) == DESCRIPTORS[name]
    assert rows(described, name, "mean") == pytest.approx(expected.mean(axis=1), rel=1e-4)
    assert rows(described, name, "std") == pytest.approx(expected.std(axis=1), rel=1e-4)


def test_gain_moves_levels_only(song, described):
    louder = describe(2 * song)
    gain = 20 * np.log10(2)
    assert louder["loudness_mean"] - described["loudness_mean"] == pytest.approx(gain, abs=1e-4)
    assert louder["rms_mean"] == pytest.approx(2 * described["rms_mean"], rel=1e-5)
    # All 128 mel bands rise by the gain, and the orthonormal cosine transform puts a constant c
    # into coefficient 0 as c * sqrt(128).
    moved = louder["mfcc_0_mean"] - described["mfcc_0_mean"]
    assert moved == pytest.approx(gain * np.sqrt(128), abs=1e-2)
    levels = ("loudness_mean", "rms_mean", "rms_std", "mfcc_0_mean")
    others = [name for name in NAMES if name not in levels]
    before, after = (np.array([d[name] for name in others]) for d in (described, louder))
    assert after == pytest.approx(before, rel=1e-3, abs=1e-4)


def test_loudness_of_a_sine_is_its_a_weighted_level():
    t = np.arange(3 * SR) / SR
    for freq, weight in ((1000, 0.0), (100, -19.1)):
        y = np.sin(2 * np.pi * freq * t).astype(np.float32)
        level = np.median(features.curves(y)["loudness"])
        assert level == pytest.approx(-3.01 + weight, abs=0.1)


@pytest.mark.parametrize("name", CHROMAS)
def test_chroma_turns_with_the_pitch(name):
    chord, higher, sharp = (describe(tones(p + np.array([69, 73, 76]))) for p in (0, 1, 0.4))
    assert set(np.argsort(rows(chord, name))[-3:]) == {9, 1, 4}
    assert rows(higher, name) == pytest.approx(np.roll(rows(chord, name), 1), abs=0.05)
    assert rows(sharp, name) == pytest.approx(rows(chord, name), abs=0.05)


def test_mode_is_positive_in_major_and_negative_in_minor_and_a_cluster_has_no_key():
    for tonic in (57, 60, 66):
        major = describe(tones([tonic, tonic + 4, tonic + 7]))
        minor = describe(tones([tonic, tonic + 3, tonic + 7]))
        assert major["mode_mean"] > 0.05 > -0.05 > minor["mode_mean"]
        assert major["key_clarity_mean"] > 0.7
    assert describe(tones(range(60, 72)))["key_clarity_mean"] < 0.6  # no key


@pytest.mark.parametrize("bpm", [90, 120])
def test_clicks_have_their_tempo_and_a_clear_pulse(bpm):
    beat = describe(clicks(bpm))
    # One frame of lag is 5 beats a minute at 120.
    assert beat["tempo_mean"] == pytest.approx(bpm, abs=4)
    assert beat["pulse_clarity_mean"] > 3 * describe(0.1 * noise(12))["pulse_clarity_mean"]


def test_silence_within_a_song_and_a_low_hum_stay_finite():
    broken = tones([60, 64, 67], seconds=6)
    broken[SR : 4 * SR] = 0
    for y in (broken, tones([24], seconds=3.0, harmonics=1)):
        assert np.isfinite(from_signal(y)).all()


def test_tuning_is_librosas_on_every_fourth_frame(monkeypatch):
    from m2l.music._librosa import librosa

    def parabola(s, axis):
        """What librosa compiles; its cache may be one that crashes (see below)."""
        curvature, slope = s[2:] + s[:-2] - 2 * s[1:-1], (s[2:] - s[:-2]) / 2
        steep = np.abs(slope) >= np.abs(curvature)
        shift = np.where(steep, 0, -slope / np.where(steep, 1, curvature))
        return np.pad(shift, ((1, 1), (0, 0)))

    monkeypatch.setattr(librosa.core.pitch, "_parabolic_interpolation", parabola)
    for y in (tones([57.2, 61.2]), tones([60, 64, 67]), clicks(100), 0.1 * noise(5)):
        magnitude = np.abs(librosa.stft(y))
        whole = librosa.estimate_tuning(S=magnitude[:, ::4], sr=SR, n_fft=2048)
        assert features.tuning(magnitude) == pytest.approx(whole, abs=1e-9)
    assert features.tuning(np.abs(librosa.stft(tones([57.3])))) == pytest.approx(0.3, abs=0.05)
    assert features.tuning(np.zeros((1025, 9), np.float32)) == 0


def test_the_extended_set_adds_how_fast_each_descriptor_changes(song):
    assert len(EXTENDED) == len(set(EXTENDED)) == 222 and EXTENDED[:148] == NAMES
    values = dict(zip(EXTENDED, from_signal(song, EXTENDED), strict=True))
    np.testing.assert_array_equal([values[name] for name in NAMES], from_signal(song, NAMES))
    curves = features.curves(song)
    assert curves.shape == (1 + len(song) // HOP, 74)
    assert values["loudness_mean"] == pytest.approx(curves["loudness"].mean(), rel=1e-6)
    assert values["mode_std"] == pytest.approx(curves["mode"].std(ddof=0), rel=1e-6)
    step = np.abs(np.diff(curves["loudness"])).mean()
    assert values["loudness_change"] == pytest.approx(step, rel=1e-5)
    # A signal that is louder by a constant changes as fast as before.
    louder = dict(zip(EXTENDED, from_signal(2 * song, EXTENDED), strict=True))
    assert louder["loudness_change"] == pytest.approx(values["loudness_change"], rel=1e-3)
    assert louder["rms_change"] == pytest.approx(2 * values["rms_change"], rel=1e-3)
    some = ("tempo_std", "mode_change", "rms_mean")
    np.testing.assert_array_equal(from_signal(song, some), [values[name] for name in some])


def write(path, y, rate=SR, **options):
    soundfile.write(path, y, rate, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Three good songs and one that is none, in the order b, bad, a, c."""
    songs = tmp_path / "songs"
    songs.mkdir()
    bad = songs / "bad.mp3"
    bad.write_text("These are words, not music.\n" * 100)
    b, a, c = (write(songs / f"{n}.wav", 0.1 * noise(3.5, i)) for i, n in enumerate("bac"))
    return [b, bad, a, c]


def test_extract_many_is_the_same_for_any_jobs(folder, caplog):
    with caplog.at_level(logging.WARNING):
        table, skipped = features.extract_many(folder, progress=False)
    assert list(table.columns) == list(EXTENDED)
    assert list(table.index) == [str(p) for p in folder if p.suffix == ".wav"]
    assert [path for path, _ in skipped] == [str(folder[1])]
    assert "not audio that can be read" in skipped[0][1]
    assert [record.message for record in caplog.records] == [f"skipped: {skipped[0][1]}"]
    again, skipped_again = features.extract_many(folder, jobs=2, progress=False)
    assert again.equals(table)
    assert skipped_again == skipped
    assert features.extract(folder[2]).equals(table.loc[str(folder[2])])


def test_cache_keeps_features_by_content(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first, _ = features.extract_many(folder[:3], cache=cache, progress=False)
    moved = folder[0].rename(folder[0].with_name("moved.wav"))
    assert len(list(cache.iterdir())) == len(list(cache.glob("*.npz"))) == 2

    monkeypatch.setattr(features.songs, "blocks", lambda path: 1 / 0)
    second, skipped = features.extract_many([moved, folder[2]], cache=cache, progress=False)
    assert np.array_equal(second, first)
    assert not skipped
    # What is not kept is computed, and what fails in any way is only skipped.
    third, skipped = features.extract_many([folder[3]], cache=cache, progress=False)
    assert third.empty
    assert "ZeroDivisionError" in skipped[0][1]


def test_no_songs_give_an_empty_table_and_no_jobs_an_error():
    table, skipped = features.extract_many([])
    assert table.shape == (0, 222) and skipped == []
    with pytest.raises(InputError, match="jobs=0"):
        features.extract_many([], jobs=0)


def die_of_one(task):
    if task[0] == "deadly":
        os._exit(1)
    return task[0].upper()


def test_a_dying_process_costs_only_its_file(monkeypatch):
    monkeypatch.setattr(features, "_attempt", die_of_one)
    tasks = [(name, None) for name in ("a", "deadly", "b", "c")]
    done = dict(features._in_processes(tasks, jobs=2))
    assert done.pop(1) == "deadly: the process that read it died; leave this file out"
    assert done == {0: "A", 2: "B", 3: "C"}


@pytest.mark.data
def test_real_song():
    song = Path(os.environ["M2L_DATA"]) / "music/DEAM/MEMD_audio/10.mp3"
    values = features.extract(song)
    assert np.isfinite(values).all()
    assert 40 < values["tempo_mean"] < 240
    assert -60 < values["loudness_mean"] < 0
