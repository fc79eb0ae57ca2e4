"""What the page to play with needs: the scenes, the grid, the pieces and their paths."""

import json
from pathlib import Path

import av
import numpy as np
import onnxruntime
import pytest
import soundfile
import torch
from PIL import Image

from m2l import generate, page
from m2l.doors import songs
from m2l.gan.pictures import plane
from m2l.music import ear

ROOT = Path(__file__).parent.parent

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def facts(played):
    return json.loads((played / "generator.json").read_text())


# -- scenes ----------------------------------------------------------------------------------


def test_scene_n_is_seed_n(played, facts):
    noise = np.fromfile(played / "noise.bin", "<f4").reshape(facts["scenes"], facts["z"])
    for seed in (0, facts["scene"], facts["scenes"] - 1):
        np.testing.assert_array_equal(noise[seed], generate.noise([seed], facts["z"])[0])
    u = np.array([[0.3, -0.6]], np.float32)
    painted = generate.paint(u, 7, generate.load())[0]
    feeds = {"z": noise[7:8], "u": u}
    _, feeds["before"] = onnxruntime.InferenceSession(played / "lead.onnx").run(None, feeds)
    image, _ = onnxruntime.InferenceSession(played / "generator.onnx").run(None, feeds)
    assert np.abs((image[0].transpose(1, 2, 0) + 1) * 127.5 - painted).max() < 2


# -- what is beside it -----------------------------------------------------------------------


def test_ratings_are_those_of_the_photos(facts):
    va_map = generate.load().va_map
    knots = np.array(facts["ratings"])
    u = np.linspace(-1, 1, 200)
    told = [np.interp(u, np.linspace(-1, 1, knots.shape[1]), row) for row in knots]
    np.testing.assert_allclose(np.stack(told, 1), va_map.inverse(np.stack([u, u], 1)), atol=0.05)
    np.testing.assert_allclose(knots[:, [0, -1]], va_map.knots[:, [0, -1]], atol=1e-3)


def test_facts_are_those_of_the_files(played, facts):
    released = generate.load()
    sizes = {p.stem: p.stat().st_size for p in played.glob("*.onnx")}
    assert facts["bytes"] == {
        "generator": sizes["lead"] + sizes["generator"] + sizes["finest"],
        "ear": sizes["ear"],
        "runtime": 0,
        "gpu": 0,
    }
    side = released.resolution
    assert (facts["sides"], facts["z"]) == ([side // 2, side, released.finest], released.z)
    assert facts["card"] == released.card


def test_the_grid_is_the_plane(played, facts):
    n, scene = facts["grid"], facts["scene"]
    with Image.open(played / "grid.jpg") as file:
        grid = np.asarray(file, float)
    side = len(grid) // n
    tiles = grid.reshape(n, side, n, side, 3).swapaxes(1, 2).reshape(n * n, side, side, 3)
    expected = generate.paint(plane(n), scene, generate.load())
    np.testing.assert_allclose(tiles.mean((1, 2)), expected.mean((1, 2)), atol=4)


def test_pieces_can_be_heard(played, facts):
    assert list(facts["pieces"]) == list(page.PIECES)
    for name, piece in facts["pieces"].items():
        sound = songs.read(played / f"{name}.mp3")
        assert len(sound) / songs.SR == pytest.approx(piece["seconds"], abs=0.2)
        for way in ("composed", "heard"):
            seconds, *u = np.array(piece[way]).T
            assert (np.diff(seconds) > 0).all() and seconds[0] >= 0
            assert seconds[-1] <= piece["seconds"] and np.abs(u).max() <= 1
        sent = [page.MOODS[mood] for mood in page.PIECES[name]]  # at a part's start and end
        np.testing.assert_allclose(
            np.array(piece["composed"])[:, 1:] * 4 + 5, np.repeat(sent, 2, axis=0)
        )


def test_quantiles_are_those_of_songs(facts):
    levels = np.array(facts["hearing"]["quantiles"])
    ratings = np.linspace(1, 9, levels.shape[1])
    told = np.stack([np.interp([3.3, 5, 6.1], ratings, row) for row in levels], 1)
    expected = ear.load().va_map(np.array([[3.3] * 2, [5] * 2, [6.1] * 2]))
    np.testing.assert_allclose(told, expected, atol=0.02)


def test_the_first_page_has_a_small_film(played):
    assert (played / "film.mp4").stat().st_size < 1e6
    with av.open(str(played / "film.mp4")) as file:
        assert {s.type for s in file.streams} == {"video", "audio"}
        parts = len(page.PIECES["journey"])
        assert file.duration / 1e6 == pytest.approx(4 * parts - page.OVERLAP * (parts - 1), abs=0.1)
    with Image.open(played / "film.jpg") as poster:
        assert poster.size == (192, 192)


def test_cards_show_and_play_each_mood(played):
    text = (played / "pieces.md").read_text()
    assert {p.stem for p in played.glob("*.jpg")} == {"grid", "film", "stills", *page.MOODS}
    for mood, (v, a) in page.MOODS.items():
        assert f"valence {v}, arousal {a}](_static/play/{mood}.jpg)" in text
        assert f'src="../_static/play/{mood}.mp3" aria-label="{mood.capitalize()} piece' in text
        assert soundfile.info(played / f"{mood}.mp3").format == "MP3"


def test_the_runtime_is_pinned():
    wanted = json.loads((ROOT / "web/package.json").read_text())["dependencies"]["onnxruntime-web"]
    lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    assert lock["node_modules/onnxruntime-web"]["version"] == wanted
    assert all("integrity" in entry for name, entry in lock.items() if name)
    assert not any("resolved" in entry for entry in lock.values())  # any registry will do
