"""The graphs for the browser: what they say is what the package says."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import soxr
import torch

from m2l import generate, graphs
from m2l.doors import songs
from m2l.errors import InputError
from m2l.gan.networks import Conv, Generator, Sizes, upsample
from m2l.music import ear, tagging

torch.set_num_threads(1)
rng = np.random.default_rng(0)


def run(path, **feeds):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("side", [4, 32])  # in one piece, and in tiles
def test_enlarging_before_or_after_the_channels_are_mixed_is_the_same(mode, side):
    torch.manual_seed(0)
    conv, x = Conv(5, 3), torch.randn(1, 5, side, side)
    torch.nn.init.normal_(conv.bias)
    torch.testing.assert_close(
        graphs.Enlarging(conv, side, mode)(x), conv(upsample(x, mode)), atol=1e-5, rtol=0
    )


def test_the_generators_graphs_are_the_network(tmp_path):
    released = generate.load()
    graphs.generator(released, tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 12e6
    for _ in range(3):
        z = rng.normal(size=(1, released.z)).astype(np.float32)
        u = rng.uniform(-1, 1, (1, 2)).astype(np.float32)
        half, features = run(tmp_path / "lead.onnx", z=z, u=u)
        whole, finer = run(tmp_path / "generator.onnx", z=z, u=u, before=features)
        (finest,) = run(tmp_path / "finest.onnx", z=z, u=u, before=finer, below=whole)
        sides = [released.resolution // 2, released.resolution, released.finest]
        assert [x.shape[-1] for x in (half, whole, finest)] == sides
        for image in (half, whole, finest):
            with torch.inference_mode():
                asked = torch.from_numpy(z), torch.from_numpy(u), image.shape[-1]
                expected = released.image(*asked).numpy()
            np.testing.assert_allclose(image, expected, atol=0.01)  # a level of 256 and a bit


@pytest.mark.parametrize("condition", ["ili", "none"])
def test_generators_of_other_kinds_have_graphs(condition, tmp_path, tiny_generator):
    torch.manual_seed(0)
    network = Generator(Sizes(z=8, widths=(8, 6), condition=condition))
    released = replace(generate.load(tiny_generator), network=network.requires_grad_(False))
    graphs.generator(released, tmp_path)
    z, u = np.ones((1, 8), np.float32), np.full((1, 2), 0.5, np.float32)
    _, features = run(tmp_path / "lead.onnx", z=z, u=u)
    feeds = {"z": z, "u": u, "before": features}
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx")
    (whole,) = session.run(None, {i.name: feeds[i.name] for i in session.get_inputs()})
    with torch.inference_mode():
        expected = released.image(torch.from_numpy(z), torch.from_numpy(u)).numpy()
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_a_generator_that_adds_detail_alone_is_refused(tmp_path, tiny_generator):
    network = Generator(Sizes(z=8, widths=(8, 6), detail=True))
    with pytest.raises(InputError, match="adds detail alone"):
        graphs.generator(replace(generate.load(tiny_generator), network=network), tmp_path)


def test_the_graph_hears_what_the_package_hears(tmp_path, song):
    model, path = ear.load(), tmp_path / "ear.onnx"
    graphs.ear(model, path)
    assert path.stat().st_size < 5e6
    y = np.tile(songs.read(song), 4)
    each = tagging.embed(y, songs.SR, 1.0)
    sound = soxr.resample(y, songs.SR, tagging.SR)
    sound = np.concatenate([np.zeros(tagging.HOP, np.float32), sound])
    n = tagging.HOP * (tagging.FRAMES + 1)
    windows = np.stack([sound[t * tagging.SR :][:n] for t in range(5)])
    nothing = np.zeros((0, len(tagging.NAMES)), np.float32)
    mix = np.full((1, 5), 0.2, np.float32)
    embedding, emotion = run(path, samples=windows, held=nothing, mix=mix)
    np.testing.assert_allclose(embedding, each[:5], atol=0.02)
    np.testing.assert_allclose(emotion, model.trees(each[:5].mean(0)[None]), atol=0.05)
    # What is held counts as what is heard, also when nothing is.
    held, emotion = run(path, samples=windows[:0], held=embedding, mix=mix)
    assert len(held) == 0
    np.testing.assert_allclose(emotion, model.trees(embedding.mean(0)[None]), atol=0.05)
