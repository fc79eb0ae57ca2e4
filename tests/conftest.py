"""What several tests share: a small forest, an untrained generator, a piece of music."""

import os

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image


def pytest_collection_modifyitems(items):
    """What is marked `data` is skipped where there are no corpora."""
    if not os.path.isdir(os.environ.get("M2L_DATA", "")):
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason="M2L_DATA names no folder of corpora"))


@pytest.fixture(autouse=True)
def same_numbers(request):
    """A module's `rng` starts anew in each test: none depends on which ran before."""
    rng = getattr(request.module, "rng", None)
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = np.random.default_rng(1).bit_generator.state


@pytest.fixture(scope="session")
def tiny_forest():
    """A forest of five trees that has learnt random features by heart."""
    from m2l.music import ear, features, forest

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, len(features.NAMES))), rng.uniform(2, 8, (60, 2))
    return ear.fit(
        x,
        y,
        np.arange(60) // 2,
        features.NAMES,
        {"what": "random"},
        make=lambda: forest.default_forest(0, n_estimators=5),
    )


def make_pyramid(folder, seed=0, n=30, train=24, side=8):
    """Photos of noise, whose labels are all different, uniform on 2–8."""
    from m2l.gan import photos

    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    rows = []
    for i in range(n):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
        rows.append((str(i), str(path), *rng.uniform(2, 8, 2), "train" if i < train else "test"))
    table = pd.DataFrame(rows, columns=["id", "path", "valence", "arousal", "split"])
    return photos.build(table, top=side, folder=folder / "pyramid")


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory):
    """File of an untrained generator of 8×8 pictures; its photos' labels are uniform on 2–8."""
    from m2l.gan.networks import Sizes
    from m2l.gan.presets import Preset, Stage
    from m2l.gan.training import Run

    folder = tmp_path_factory.mktemp("generator")
    pyramid = make_pyramid(folder, seed=1, n=40)
    preset = Preset(
        "tiny", Sizes(z=8, widths=(8, 6)), (Stage(4, 4, images=4), Stage(8, 4, images=4))
    )
    run = Run(preset, pyramid, folder / "run", accelerator="cpu")
    run.progress.stage = 2
    run.release(folder / "generator.safetensors", {"what": "untrained"})
    return folder / "generator.safetensors"


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """Four seconds of a cheerful piece, as a WAV file."""
    from m2l.sample import compose as synth

    path = tmp_path_factory.mktemp("songs") / "cheerful.wav"
    soundfile.write(path, synth.compose(7, 7, seconds=4), synth.SR)
    return path


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """Folder of what the pages play with, as the package ships it, with shorter pieces."""
    from click.testing import CliRunner

    from m2l import page
    from m2l.cli import main

    folder = tmp_path_factory.mktemp("static") / "play"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "SECONDS", 6.0)
        patch.setattr(page, "PART", 6.0)
        patch.setattr(page, "FILM_PART", 4.0)
        patch.setattr(page, "FILM", 192)
        told = CliRunner().invoke(main, ["page", "-o", str(folder)], catch_exceptions=False)
    assert told.output == f"{folder}: written\n"
    return folder
