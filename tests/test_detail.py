"""A stage for larger pictures: joined to a generator, and what it brings."""

import json

import numpy as np
import pytest
import torch
from test_evaluation import cache, root  # noqa: F401

from m2l import generate
from m2l.errors import InputError
from m2l.experiments import detail
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.networks import Generator, Sizes


@pytest.fixture
def stage(tiny_generator, tmp_path):
    """A stage for 16×16 on top of the tiny generator, and other weights below it."""
    header, tensors = read_checkpoint(tiny_generator, "m2l-generator")
    sizes = json.loads(header["sizes"]) | {"widths": (8, 6, 4), "detail": True}
    torch.manual_seed(1)
    header |= {"sizes": json.dumps(sizes)}
    header["card"] = json.dumps({"training": "preset larger, 9 images", "data": "3 photos"})
    network = Generator(Sizes(**sizes)).state_dict()
    path = tmp_path / "stage.safetensors"
    write_checkpoint(path, {"va_knots": tensors["va_knots"]} | network, header)
    return path


def test_a_joined_generator_paints_the_same_pictures_and_larger_ones(
    tiny_generator, stage, tmp_path
):
    joined = tmp_path / "joined.safetensors"
    detail.join(joined, tiny_generator, stage)
    released = generate.load(joined)
    assert (released.resolution, released.finest) == (8, 16)
    assert released.card["larger"] == "preset larger, 9 images; 3 photos"
    asked = [3, 6, 7], [2, 5, 7], [0, 1, 2]
    small = generate.landscapes(*asked, weights=joined)
    np.testing.assert_array_equal(small, generate.landscapes(*asked, weights=tiny_generator))
    large = generate.landscapes(*asked, weights=joined, side=16)
    assert large.shape == (3, 16, 16, 3)
    # What is larger than the finest is that enlarged, what is smaller the usual one.
    np.testing.assert_array_equal(
        generate.landscapes(*asked, weights=joined, side=32), generate.resized(large, 32)
    )
    np.testing.assert_array_equal(
        generate.landscapes(*asked, weights=joined, side=6), generate.resized(small, 6)
    )
    alone = generate.landscapes(*asked, weights=tiny_generator, side=16)
    assert (alone != large).any()
    halved = large.reshape(3, 8, 2, 8, 2, 3).mean((2, 4))
    assert np.abs(halved - small).mean() < 0.3 * small.std()


def test_only_a_stage_of_the_same_generator_is_joined(tiny_generator, stage, tmp_path):
    for generator, other in ((tiny_generator, tiny_generator), (stage, stage)):
        with pytest.raises(InputError, match="no stage that adds detail to pictures of"):
            detail.join(tmp_path / "joined.safetensors", generator, other)
    assert not (tmp_path / "joined.safetensors").exists()


def test_what_a_stage_brings(tiny_generator, stage, root, tmp_path):  # noqa: F811
    out, weights = tmp_path / "detail.json", tmp_path / "joined.safetensors"
    detail.detail(
        out, weights, stage, tiny_generator, root=root, photos="landscapes128", n=24, draws=4
    )
    told = json.loads(out.read_text())
    assert generate.load(weights).finest == told["finest"] == 16 and told["resolution"] == 8
    kid = {name: x["value"] for name, x in told["kid"].items()}
    assert set(kid) == {*detail.PAINTED, "photos", "photos enlarged", "gain", "loss"}
    assert kid["gain"] == pytest.approx(kid["enlarged"] - kid["finest"])
    fine = {name: x["value"] for name, x in told["detail"].items()}
    assert fine["photos enlarged"] < fine["photos"]  # enlarging takes detail away
    assert 0 < told["moved"] < 0.2


def test_too_few_photos_to_judge_a_stage_by(tiny_generator, stage, root, tmp_path):  # noqa: F811
    with pytest.raises(InputError, match="too few to judge by"):
        detail.detail(
            tmp_path / "d.json",
            tmp_path / "g.safetensors",
            stage,
            tiny_generator,
            root=root,
            photos="landscapes128",
            limit=4,
        )
