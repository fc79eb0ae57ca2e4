"""What the page to play with needs: the graph, the grid, the pieces and their paths."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
import torch
from click.testing import CliRunner
from PIL import Image

from m2l import generate, page
from m2l.cli import main
from m2l.doors import songs
from m2l.errors import InputError
from m2l.gan.pictures import plane
from m2l.music import ear, features
from m2l.sample import compose as synth

ROOT = Path(__file__).parent.parent

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_forest):
    """What the page needs, by the released generator and a small forest, with shorter pieces."""
    folder = tmp_path_factory.mktemp("static") / "play"
    (folder.parent / "ort").mkdir()
    (folder.parent / "ort/runtime.wasm").write_bytes(b"0123456789")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "SECONDS", 8.0)
        patch.setattr(page, "PART", 5.0)
        patch.setattr(ear, "load", lambda *_: tiny_forest)
        assert (
            CliRunner().invoke(main, ["page", "-o", str(folder)]).output == f"{folder}: written\n"
        )
    return folder


@pytest.fixture(scope="module")
def facts(built):
    return json.loads((built / "generator.json").read_text())


# -- the graph -------------------------------------------------------------------------------


def inputs(n, released, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, released.z)).astype(np.float32)
    return z, rng.uniform(-1, 1, (n, 2)).astype(np.float32)


def run(path, z, u):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["image"], {"z": z, "u": u})[0]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_graph_is_the_network(built, n):
    released = generate.load()
    z, u = inputs(n, released)
    with torch.inference_mode():
        expected = released.image(torch.from_numpy(z), torch.from_numpy(u)).numpy()
    image = run(built / "generator.onnx", z, u)
    assert image.shape == (n, 3, released.resolution, released.resolution)
    np.testing.assert_allclose(image, expected, atol=1e-4)


def test_scene_n_is_seed_n(built, facts):
    noise = np.fromfile(built / "noise.bin", "<f4").reshape(facts["scenes"], facts["z"])
    for seed in (0, facts["scene"], facts["scenes"] - 1):
        np.testing.assert_array_equal(noise[seed], generate.noise([seed], facts["z"])[0])
    u = np.array([[0.3, -0.6]], np.float32)
    painted = generate.paint(u, 7, generate.load())[0]
    graph = run(built / "generator.onnx", noise[7:8], u)[0].transpose(1, 2, 0)
    assert np.abs((graph + 1) * 127.5 - painted).max() < 1


# -- what is beside it -----------------------------------------------------------------------


def test_ratings_are_those_of_the_photos(facts):
    va_map = generate.load().va_map
    knots = np.array(facts["ratings"])
    u = np.linspace(-1, 1, 200)
    told = [np.interp(u, np.linspace(-1, 1, knots.shape[1]), row) for row in knots]
    np.testing.assert_allclose(np.stack(told, 1), va_map.inverse(np.stack([u, u], 1)), atol=0.05)
    np.testing.assert_allclose(knots[:, [0, -1]], va_map.knots[:, [0, -1]], atol=1e-3)


def test_facts_are_those_of_the_files(built, facts):
    released = generate.load()
    size = (built / "generator.onnx").stat().st_size
    assert facts["bytes"] == {"generator": size, "runtime": 10}
    assert (facts["resolution"], facts["z"]) == (released.resolution, released.z)
    assert facts["card"] == released.card


def test_the_grid_is_the_plane(built, facts):
    n, scene = facts["grid"], facts["scene"]
    with Image.open(built / "grid.jpg") as file:
        grid = np.asarray(file, float)
    side = len(grid) // n
    tiles = grid.reshape(n, side, n, side, 3).swapaxes(1, 2).reshape(n * n, side, side, 3)
    expected = generate.paint(plane(n), scene, generate.load())
    np.testing.assert_allclose(tiles.mean((1, 2)), expected.mean((1, 2)), atol=4)


def test_pieces_can_be_heard(built, facts):
    assert list(facts["pieces"]) == list(page.PIECES)
    for name, piece in facts["pieces"].items():
        sound = songs.read(built / f"{name}.mp3")
        assert len(sound) / features.SR == pytest.approx(piece["seconds"], abs=0.2)
        for way in ("composed", "heard"):
            seconds, *u = np.array(piece[way]).T
            assert (np.diff(seconds) > 0).all() and seconds[0] >= 0
            assert seconds[-1] <= piece["seconds"] and np.abs(u).max() <= 1


def test_paths_go_where_the_music_was_sent(facts):
    for mood, (v, a) in page.MOODS.items():
        path = np.array(facts["pieces"][mood]["composed"])
        np.testing.assert_allclose(path[:, 1:], [[(v - 5) / 4, (a - 5) / 4]] * 2)
    journey = np.array(facts["pieces"]["journey"]["composed"])[::2, 1:]
    sent = [page.MOODS[mood] for mood in page.PIECES["journey"]]
    np.testing.assert_allclose(journey * 4 + 5, sent)


def test_each_second_is_heard_among_songs(tiny_forest):
    sound = synth.compose(6, 4, seconds=8)
    heard = page.listen(sound, tiny_forest)
    told = ear.over_time(sound, tiny_forest)
    np.testing.assert_allclose(heard[:, 0], np.arange(8))
    np.testing.assert_allclose(heard[:, 1:], tiny_forest.va_map(told[["valence", "arousal"]]))


def test_cards_show_and_play_each_mood(built):
    text = (built / "pieces.md").read_text()
    assert {p.name for p in built.glob("*.jpg")} == {"grid.jpg"} | {f"{m}.jpg" for m in page.MOODS}
    for mood, (v, a) in page.MOODS.items():
        assert f"valence {v}, arousal {a}](_static/play/{mood}.jpg)" in text
        assert f'src="../_static/play/{mood}.mp3" aria-label="{mood.capitalize()} piece' in text
        assert soundfile.info(built / f"{mood}.mp3").format == "MP3"


def test_without_a_generator_nothing_is_built(tmp_path):
    with pytest.raises(InputError, match="no generator here"):
        page.build(tmp_path, tmp_path / "none.safetensors")


def test_the_runtime_is_pinned():
    wanted = json.loads((ROOT / "web/package.json").read_text())["dependencies"]["onnxruntime-web"]
    lock = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
    assert lock["node_modules/onnxruntime-web"]["version"] == wanted
    assert all("integrity" in entry for name, entry in lock.items() if name)
    assert not any("resolved" in entry for entry in lock.values())  # any registry will do
