"""Emphasis: what is found, what is written, and what it does to a picture."""

import json

import numpy as np
import pytest
import torch
from test_evaluation import cache, judged, root  # noqa: F401

from m2l import generate
from m2l.experiments import emphasis
from m2l.va import DIMENSIONS


def test_signal_is_the_slope_in_units_of_the_noise():
    asked = np.random.default_rng(0).normal(size=(4000, 2))
    noise = np.random.default_rng(1).normal(size=(4000, 2))
    told = 3 + asked * (0.5, 2.0) + noise
    np.testing.assert_allclose(emphasis.signal(asked, told), (0.5, 2.0), rtol=0.05)
    # Twice as far from the middle, twice the signal: why factors are multiplied by what is missing.
    np.testing.assert_allclose(emphasis.signal(asked, told + asked * (0.5, 2.0)), (1, 4), rtol=0.05)


def test_a_generator_with_factors_is_written(root, judged, tiny_generator, tmp_path):  # noqa: F811
    out, weights = tmp_path / "emphasis.json", tmp_path / "louder.safetensors"
    judge = judged / "scene.safetensors"
    emphasis.emphasis(out, weights, tiny_generator, judge, root=root, n=24, rounds=2, draws=4)
    told = json.loads(out.read_text())
    factors = np.array([told["emphasis"][d] for d in DIMENSIONS])
    assert (emphasis.LIMITS[0] <= factors).all() and (factors <= emphasis.LIMITS[1]).all()
    assert told["search"][0]["factors"] == [1, 1]
    assert told["curve"][0]["factors"] == [1, 1]
    assert told["curve"][2]["factors"] == pytest.approx(factors)

    plain, louder = generate.load(tiny_generator), generate.load(weights)
    np.testing.assert_allclose(louder.emphasis, factors)
    z, u = torch.randn(2, plain.z), torch.tensor([[0.5, -0.9], [0.1, 1]])
    torch.testing.assert_close(louder.image(z, u), plain.image(z, u * u.new_tensor(factors)))
    assert f"{factors[0]:.2f} times" in louder.card["emphasis"]


@pytest.mark.parametrize("wrong", ["[1]", "[1, NaN]", "loud"])
def test_factors_that_cannot_be(tiny_generator, tmp_path, wrong):
    from m2l.errors import InputError
    from m2l.gan.checkpoints import read_checkpoint, write_checkpoint

    header, tensors = read_checkpoint(tiny_generator, "m2l-generator")
    write_checkpoint(tmp_path / "g.safetensors", tensors, header | {"emphasis": wrong})
    with pytest.raises(InputError, match="do not fit its header"):
        generate.load(tmp_path / "g.safetensors")


def test_a_header_without_factors_is_as_trained(tiny_generator):
    assert json.dumps(generate.load(tiny_generator).emphasis.tolist()) == "[1.0, 1.0]"
