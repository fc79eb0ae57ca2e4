"""A song's film: what steers it, its frames, and the file read back."""

import av
import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from PIL import Image

from m2l import film, generate
from m2l.cli import main
from m2l.doors import songs
from m2l.errors import InputError
from m2l.music import ear, features
from m2l.sample import compose as synth

torch.set_num_threads(1)
PARTS = ((2, 2), (8, 8))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A gloomy part, then a cheerful one, of 12 s each."""
    path = tmp_path_factory.mktemp("film") / "two.wav"
    parts = [synth.compose(*va, seed=1, seconds=12) for va in PARTS]
    soundfile.write(path, np.concatenate(parts), synth.SR)
    return path


@pytest.fixture
def heard(monkeypatch):
    """Emotions that the song is taken to have, set by the test: rows of seconds and u."""
    told = [(0, 0, 0)]
    monkeypatch.setattr(film, "path", lambda song: (np.array(told)[:, 0], np.array(told)[:, 1:]))
    return told


def frames(song, weights, size, fps, seed=0):
    return np.stack(list(film.storyboard(song, seed).frames(size, fps, weights)))


# -- what steers it --------------------------------------------------------------------------


def test_a_scene_is_its_seed_and_no_longer_on_the_way():
    z = film.scenes(np.linspace(3, 8, 51), 400)
    length = np.linalg.norm(z, axis=1) / np.sqrt(400)
    assert length.min() > 0.85 and length.max() < 1.15
    seeds = generate.noise(range(3, 9), 400).numpy()
    # A tenth of the way at a time.
    for a, b in ((z[::10], seeds), (z[1:], z[:-1])):
        alike = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert alike.min() > 0.95


def test_places_on_the_way_are_moved_but_not_the_scenes(tiny_generator):
    released = generate.load(tiny_generator)
    scene = np.linspace(2, 6, 81)
    even = film.evenly(scene, np.zeros(2), released)
    assert (np.diff(even) > 0).all()
    np.testing.assert_allclose(even[::20], scene[::20], atol=1e-9)


def test_the_music_turns_where_it_turns():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1, 12))
    parts = np.concatenate([np.tile(x, (40, 1)) for x in (a, b, a)])  # of 20 s
    rows = parts + rng.normal(0, 0.5, parts.shape)
    turns = film.boundaries(rows)
    np.testing.assert_allclose(turns, [20, 40], atol=1)
    assert not len(film.boundaries(rng.normal(size=(120, 12))))
    assert not len(film.boundaries(np.ones((120, 12))))
    # Neither units nor an offset change it.
    np.testing.assert_array_equal(film.boundaries(rows * np.arange(1, 13) + 7), turns)


def test_a_piece_turns_where_its_parts_meet(two):
    seconds, level, rows = film.describe(two)
    assert seconds == 24 and len(level) == len(rows) == 48
    np.testing.assert_allclose(film.boundaries(rows), [12], atol=2)  # a last chord fades


def test_a_tone_has_its_level_band_and_pitch(tmp_path):
    t = np.arange(25 * synth.SR) / synth.SR
    for loud in (1, 0.25):
        soundfile.write(tmp_path / "a.wav", 0.5 * loud * np.sin(2 * np.pi * 440 * t), synth.SR)
        _, level, rows = film.describe(tmp_path / "a.wav")
        np.testing.assert_allclose(level, 20 * np.log10(0.5 * loud / np.sqrt(2)), atol=0.05)
        assert (rows[:, 24] > 0.9).all()  # A
        assert (rows[:, :24].argmax(1) == int(24 * np.log(440 / 60) / np.log(10000 / 60))).all()


def test_loudness_is_relative_to_the_song():
    time = np.arange(0, 30, 0.25)
    decibels = -20 + 10 * np.sin(np.arange(60) / 9)
    level = film._loudness(decibels, time)
    assert level.min() == 0 and level.max() == 1
    np.testing.assert_allclose(film._loudness(decibels - 6, time), level)
    np.testing.assert_allclose(film._loudness(np.full(60, -20.0), time), 0.5)


# -- frames ----------------------------------------------------------------------------------


def test_frames_follow_the_emotion_and_not_by_jumps(two, heard, tiny_generator):
    still = frames(two, tiny_generator, 32, 8).astype(np.int16)
    heard[:] = (10, -0.8, -0.8), (14, 0.8, 0.8)
    moved = frames(two, tiny_generator, 32, 8).astype(np.int16)
    step = np.abs(np.diff(moved, axis=0)).mean((1, 2, 3))
    assert still.shape == moved.shape == (24 * 8, 32, 32, 3)
    apart = np.abs(moved - still).mean((1, 2, 3))
    assert apart[:64].min() > 1 and apart[-64:].min() > 1  # before and after, another emotion
    assert apart[12 * 8 - 4 : 12 * 8 + 4].min() < apart[:64].min()  # at the middle, nearly the same
    cut = np.abs(moved[0] - moved[-1]).mean()
    assert step.max() < cut / 4


def test_one_film_is_always_the_same_and_seeds_differ(song, heard, tiny_generator):
    one, again, other = (frames(song, tiny_generator, 16, 4, seed) for seed in (0, 0, 5))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - other).mean() > 2


# -- the file --------------------------------------------------------------------------------


def read(path):
    """Frames (N, H, W, 3), their times, and the sound (n,) at 22,050 Hz."""
    with av.open(str(path)) as file:
        frames = [(f.to_ndarray(format="rgb24"), f.time) for f in file.decode(video=0)]
    with av.open(str(path)) as file:
        to = av.AudioResampler("flt", "mono", features.SR)
        sound = [r.to_ndarray()[0] for f in file.decode(audio=0) for r in to.resample(f)]
        return *map(np.stack, zip(*frames, strict=True)), np.concatenate(sound)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_film_is_as_long_as_the_song_and_sounds_like_it(
    two, heard, tiny_generator, tmp_path, suffix
):
    heard[:] = (0, -0.8, -0.8), (24, 0.8, 0.8)
    out = tmp_path / f"two{suffix}"
    assert film.write(two, out, 64, 12, weights=tiny_generator) == (24, 24)
    shown, time, sound = read(out)
    assert shown.shape[1:] == (64, 64, 3)
    assert abs(time[-1] + 1 / 12 - 24) <= 1 / 12 and abs(len(sound) / features.SR - 24) <= 1 / 12
    y = songs.read(two)
    n = min(len(y), len(sound))
    assert np.corrcoef(y[:n], sound[:n])[0, 1] > 0.9  # in step to less than a millisecond
    assert np.abs(shown - frames(two, tiny_generator, 64, 12).astype(float)).mean() < 8
    assert list(tmp_path.iterdir()) == [out]


def test_a_gif_has_its_frames(song, heard, tiny_generator, tmp_path):
    film.write(song, tmp_path / "a.gif", 32, weights=tiny_generator)
    with Image.open(tmp_path / "a.gif") as file:
        assert file.size == (32, 32)
        shown = sum((file.seek(i), file.info["duration"])[1] for i in range(file.n_frames))
    assert abs(shown - 4000) <= 100


def test_an_interrupt_keeps_what_is_done(song, heard, tiny_generator, tmp_path, monkeypatch):
    whole = film.Storyboard.frames

    def interrupted(self, *args):
        for i, frame in enumerate(whole(self, *args)):
            if i == 30:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(film.Storyboard, "frames", interrupted)
    monkeypatch.setattr(generate, "WEIGHTS", tiny_generator)
    out = tmp_path / "a.mp4"
    result = CliRunner().invoke(main, ["film", str(song), "-o", str(out), "--size", "64"])
    assert result.exit_code == 130
    assert f"interrupted; {out} holds the first 1 of 4 s" in result.output
    pictures, _time, sound = read(out)
    assert len(pictures) == 30 and abs(len(sound) / features.SR - 30 / 24) < 0.1


@pytest.mark.parametrize(
    ("name", "size", "match"),
    [
        ("b.avi", 64, "no .mp4 or .webm or .gif"),
        ("a.mp4", 64, "is an input"),
        ("b.mp4", 65, "even number"),
    ],
)
def test_what_is_no_film_is_not_written(song, tmp_path, name, size, match):
    (tmp_path / "a.mp4").write_bytes(song.read_bytes())
    with pytest.raises(InputError, match=match):
        film.write(tmp_path / "a.mp4", tmp_path / name, size)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_way_is_what_is_heard_among_songs(song, monkeypatch, tiny_forest):
    monkeypatch.setattr(ear, "load", lambda model="ear": tiny_forest)
    time, u = film.path(song)
    heard = ear.over_time(song)
    np.testing.assert_array_equal(time, heard["time"])
    np.testing.assert_array_equal(u, tiny_forest.va_map(heard[["valence", "arousal"]].to_numpy()))
    assert np.abs(u).max() <= 1


# -- covers ----------------------------------------------------------------------------------


@pytest.fixture
def painter(monkeypatch, tiny_forest, tiny_generator):
    monkeypatch.setattr(ear, "load", lambda model="ear": tiny_forest)
    load = generate.load
    monkeypatch.setattr(generate, "load", lambda path=None: load(tiny_generator))
    return lambda *args: CliRunner().invoke(main, ["cover", *map(str, args)])


def test_covers_are_squares_of_one_scene_each(song, painter):
    one = generate.cover(song, size=64)
    assert one.shape == (1, 64, 64, 3) and one.dtype == np.uint8
    three = generate.cover(song, 3, 64, seed=0)
    assert three.shape == (3, 64, 64, 3)
    np.testing.assert_array_equal(three[2], generate.cover(song, 1, 64, seed=2)[0])


def test_a_sheet_to_choose_from_and_one_beside(song, painter, tmp_path):
    copy = tmp_path / "a.wav"
    copy.write_bytes(song.read_bytes())
    assert painter(copy, "-o", tmp_path / "six.png", "-n", 6, "--size", 96).exit_code == 0
    with Image.open(tmp_path / "six.png") as file:
        assert file.width > 3 * 96 and file.height > 2 * 96
    assert painter(copy, "--beside").exit_code == 0
    with Image.open(tmp_path / "a.cover.png") as file:
        assert file.size == (1024, 1024)
    assert painter(copy).exit_code == painter(copy, "--beside", "-o", "x").exit_code == 2


def test_a_folder_has_a_cover_for_each_song_and_a_contact_sheet(song, painter, tmp_path):
    album = tmp_path / "album"
    (album / "b").mkdir(parents=True)
    for name in ("a.wav", "a.flac", "b/a.wav"):
        y, rate = soundfile.read(song)
        soundfile.write(album / name, y, rate)
    (album / "text.mp3").write_text("no song")
    (album / "b/a.wav").rename(album / "b/\na.wav")
    result = painter(album, "-o", tmp_path / "out", "--size", 64)
    assert result.exit_code == 0, result.output
    written = sorted(
        str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png")
    )
    assert written == ["a.flac.cover.png", "a.wav.cover.png", "b/\na.cover.png", "covers.png"]
    pictures = [np.asarray(Image.open(tmp_path / "out" / n)) for n in written[:3]]
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 2  # a scene of its own
    result = painter(album, "--beside", "--size", 64)
    assert (album / "b/\na.cover.png").is_file() and (album / "covers.png").is_file()
