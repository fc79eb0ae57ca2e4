"""Songs and pictures of the user study: chosen, cut, painted, and named without a hint."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from m2l.errors import InputError
from m2l.experiments import stimuli
from m2l.music import ear
from m2l.people import design as study

RATE = 22050


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    rows = []
    for i in range(12):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        rows.append((str(path), *rng.uniform(2, 8, 2), "predicted"))
    return pd.DataFrame(rows, columns=["path", "valence", "arousal", "label_source"])


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("music"), np.random.default_rng(0)
    for i in range(12):
        tone = np.sin(2 * np.pi * 110 * (i + 1) * np.arange(5 * RATE) / RATE)
        noise = 0.02 * rng.standard_normal(5 * RATE)
        soundfile.write(folder / f"{i:02d}.wav", 0.05 * (i + 1) * tone + noise, RATE)
    soundfile.write(folder / "short.wav", np.ones(RATE), RATE)
    soundfile.write(folder / "silent.wav", np.zeros(5 * RATE), RATE)
    return folder


@pytest.fixture(scope="module")
def out(songs, photos, tiny_generator, tiny_forest, tmp_path_factory):
    """A folder of stimuli for ten songs of four seconds."""
    folder = tmp_path_factory.mktemp("stimuli") / "new"
    generators = dict.fromkeys(study.SYSTEMS[:-1], tiny_generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ear, "load", lambda *_: tiny_forest)
        stimuli.prepare([songs], generators, photos, folder, 10, seconds=4, side=32)
    return folder


def test_everything_that_the_design_names_is_there(out):
    found = study.stimuli(out / "stimuli.json", out)
    small = study.settings() | {"participants": 4, "songs": 10, "songs_each": 10, "seconds": 4}
    made = study.design(small, found)
    for song in made["songs"].values():
        info = soundfile.info(out / song["src"])
        assert (info.duration, info.format) == (song["seconds"], "OGG")
    for image in made["images"].values():
        with Image.open(out / image["src"]) as picture:
            assert (picture.size, picture.mode) == ((32, 32), "RGB")
        assert 1 <= image["valence"] <= 9 and 1 <= image["arousal"] <= 9
    assert len(list((out / "images").iterdir())) == 50


def test_sources_are_known_and_different(out):
    sources = json.loads((out / "stimuli.json").read_text())["sources"]
    assert len(set(sources.values())) == 10
    assert not {"short.wav", "silent.wav"} & {s.rsplit("/", 1)[-1] for s in sources.values()}


def test_generated_pictures_of_a_song_ask_for_one_emotion_and_photos_differ(out):
    images = pd.DataFrame(json.loads((out / "stimuli.json").read_text())["images"]).T
    made = images[images["system"] != "real photo"]
    assert (made.groupby("song")[["valence", "arousal"]].nunique() == 1).all(axis=None)
    photos = images[images["system"] == "real photo"]
    assert not photos.duplicated(["valence", "arousal"]).any()


def test_a_clip_is_the_middle_at_one_loudness(tmp_path):
    sound = np.pad(0.1 * np.random.default_rng(0).standard_normal(6 * RATE), RATE)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    clip, rate = stimuli.clip(tmp_path / "a.wav", 4)
    assert (clip.shape, rate) == ((4 * RATE, 1), RATE)
    middle = clip[RATE:-RATE]
    assert 20 * np.log10(np.sqrt((middle**2).mean())) == pytest.approx(-20, abs=0.1)
    assert clip[0] == clip[-1] == 0
    soundfile.write(tmp_path / "b.wav", 2 * sound, RATE)
    assert np.allclose(stimuli.clip(tmp_path / "b.wav", 4)[0], clip, atol=1e-3)


def test_what_stands_in_is_named(songs, photos, tiny_generator, tiny_forest, tmp_path, monkeypatch):
    monkeypatch.setattr(ear, "load", lambda *_: tiny_forest)
    painted = photos.assign(label_source="synthetic")
    stimuli.prepare([songs], {"full": tiny_generator}, painted, tmp_path / "new", 10, 4, side=32)
    found = study.stimuli(tmp_path / "new" / "stimuli.json", tmp_path)
    assert found["stand_ins"] == list(study.SYSTEMS[1:])
    made = study.design(study.settings() | {"songs": 10, "songs_each": 10}, found)
    assert made["stand_ins"] == found["stand_ins"] and len(made["images"]) == 50


def test_points_are_spread():
    line = np.array([[0.0], [1], [4.9], [5], [5.1], [9], [10]])
    assert stimuli.spread(line, 3) == [3, 0, 6]
    assert sorted(stimuli.spread(line, 7)) == list(range(7))
    assert len(set(stimuli.spread(np.zeros((4, 2)), 4))) == 4


def test_photos_are_matched_once_each():
    points, others = np.array([[0.0], [0.1]]), np.array([[5.0], [0.0], [0.3]])
    assert stimuli.nearest(points, others).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 13}, "photos: 12 for 13 songs"),
        ({"count": 11, "seconds": 6}, "songs: 0 of 6 s or more"),
    ],
)
def test_too_little_is_refused(songs, photos, tiny_generator, tiny_forest, tmp_path, monkeypatch,
                               changes, message):  # fmt: skip
    monkeypatch.setattr(ear, "load", lambda *_: tiny_forest)
    given = {
        "songs": [songs],
        "generators": dict.fromkeys(study.SYSTEMS[:-1], tiny_generator),
        "photos": photos,
        "out": tmp_path / "new",
        "count": 10,
    }
    with pytest.raises(InputError, match=message):
        stimuli.prepare(**given | changes)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_left_alone(songs, photos, tmp_path):
    (tmp_path / "mine.txt").write_text("here")
    with pytest.raises(InputError, match="not empty"):
        stimuli.prepare([songs], {}, photos, tmp_path, 10)
