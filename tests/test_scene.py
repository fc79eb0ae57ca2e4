"""The network that judges pictures: it learns painted scenes, and its file is checked."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from m2l.errors import InputError
from m2l.judge import scene
from m2l.sample import paint

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def painted():
    """Seas and forests of 32×32, half of them gloomy: images, scenes, va."""
    seeds = [s for s in range(200) if paint.scene(s) in ("sea", "forest")][:60]
    va = np.tile([[2.0, 3], [8, 3]], (30, 1))
    images = np.stack([paint.landscape(v, a, s, 32) for s, (v, a) in zip(seeds, va, strict=True)])
    return images, np.array([paint.scene(s) for s in seeds]), va


@pytest.fixture(scope="module")
def net(painted):
    images, scenes, va = painted
    return scene.train(images[:48], scenes[:48], va[:48], epochs=14, batch=16)


def test_it_learns_two_scenes_and_their_mood(net, painted):
    images, scenes, va = painted
    features, probabilities, told = scene.look(net, images[48:])
    named = np.array(net.scenes)[probabilities.argmax(1)]
    assert (named == scenes[48:]).mean() >= 0.9
    bright = va[48:, 0] > 5
    assert told[bright, 0].mean() - told[~bright, 0].mean() > 3
    assert features.shape == (12, 128)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


def test_the_seed_decides(painted):
    few = [part[:16] for part in painted]
    state = torch.get_rng_state()
    nets = [scene.train(*few, epochs=1, seed=s) for s in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    a, b, c = (scene.look(n, few[0])[0] for n in nets)
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)


def test_it_looks_at_other_sizes_and_in_batches(net, painted):
    images = painted[0][:4]
    small = scene.look(net, images)
    large = scene.look(net, images.repeat(4, axis=1).repeat(4, axis=2))
    assert large[0].shape == small[0].shape
    np.testing.assert_allclose(large[2], small[2], atol=1.5)
    oblong = scene.look(net, images.repeat(2, axis=1))  # 64 high, 32 wide
    assert oblong[0].shape == small[0].shape
    own_size = images.repeat(2, axis=1).repeat(2, axis=2)
    assert scene.prepare(own_size).shape == (4, 3, 64, 64)
    for one, by_two in zip(small, scene.look(net, images, batch=2), strict=True):
        np.testing.assert_allclose(one, by_two, atol=1e-4)


def test_a_coarsened_batch_is_what_a_coarse_picture_becomes():
    x = scene.prepare(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8))
    torch.manual_seed(0)
    seen = {}
    for _ in range(20):
        y = scene._coarsened(x)
        seen[round(y.std().item(), 3)] = y
    assert y.shape == x.shape and len(seen) == 3  # as it is, at half and at a quarter
    smoothest = seen[min(seen)]
    coarse = torch.nn.functional.avg_pool2d(x, 4)
    want = torch.nn.functional.interpolate(coarse, (64, 64), mode="bilinear")
    torch.testing.assert_close(smoothest, want)


def test_saved_and_loaded_it_sees_the_same(net, painted, tmp_path):
    scene.save(net, tmp_path / "scene.safetensors", {"what": "test"})
    loaded = scene.load(tmp_path / "scene.safetensors")
    assert loaded.scenes == net.scenes and not loaded.training
    for one, other in zip(scene.look(net, painted[0]), scene.look(loaded, painted[0]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "header",
    [
        {"format": "m2l-generator"},
        {"scenes": "["},
        {"scenes": None},
        {"scenes": json.dumps(["sea"])},
        {"scenes": "3"},
    ],
    ids=str,
)
def test_tampered_files_are_refused(net, tmp_path, header):
    path = tmp_path / "scene.safetensors"
    scene.save(net, path, {})
    with safe_open(path, "pt") as file:
        head = {k: v for k, v in (file.metadata() | header).items() if v is not None}
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    save_file(tensors, path, head)
    with pytest.raises(InputError) as error:
        scene.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_the_package_ships_a_scene_network(painted):
    net = scene.load()
    assert len(net.scenes) > 1
    features, probabilities, va = scene.look(net, painted[0][:4])
    assert features.shape == (4, 128) and probabilities.shape == (4, len(net.scenes))
    assert np.isfinite(va).all()
