"""Losses: closed forms and invariances."""

import math

import pytest
import torch

from m2l import losses


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def gates(rng, sides=(8, 4)):
    return [torch.rand(6, 2, 3, s, s, generator=rng) for s in sides]


def test_scores_that_are_known():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0, 4.0])
    assert losses.critic_loss(real, fake).item() == 1 - 2
    assert losses.generator_loss(fake).item() == -1
    assert losses.drift(real).item() == 5


def test_critic_and_generator_pull_opposite_ways():
    fake = torch.tensor([0.5, 2.0])
    assert losses.critic_loss(torch.zeros(2), fake) == -losses.generator_loss(fake)


@pytest.mark.parametrize("norm", [0.0, 0.25, 1.0, 3.0])
def test_penalty_of_a_linear_critic(rng, norm):
    """The gradient of w·x is w everywhere, so the penalty is (‖w‖ − 1)²."""
    w = torch.randn(3, 4, 4, generator=rng, dtype=torch.float64)
    w = (w * norm / w.norm()).requires_grad_(True)
    real, fake = torch.randn(2, 5, 3, 4, 4, generator=rng, dtype=torch.float64)
    mix = torch.rand(5, 1, 1, 1, generator=rng, dtype=torch.float64)
    penalty = losses.gradient_penalty(lambda x: (x * w).sum((1, 2, 3)), real, fake, mix)
    assert penalty.item() == pytest.approx((norm - 1) ** 2, abs=1e-12)
    penalty.backward()
    assert w.grad.isfinite().all()
    if norm:
        torch.testing.assert_close(w.grad, 2 * (norm - 1) * w.detach() / norm)


@pytest.mark.parametrize("share, expected", [(0.0, 4.0), (0.5, 1.0), (1.0, 0.0)])
def test_penalty_is_taken_where_mix_says(share, expected):
    """‖x‖²/2 has gradient x: norm 1 at the real images, 3 at the generated ones."""
    real, fake = torch.zeros(2, 4, 3, 2, 2)
    real[:, 0, 0, 0], fake[:, 0, 0, 0] = 1, 3
    penalty = losses.gradient_penalty(
        lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, torch.full((4, 1, 1, 1), share)
    )
    assert penalty.item() == pytest.approx(expected, abs=1e-6)


def test_penalty_averages_over_images():
    """Gradient norms 1 and 3 give (0 + 4)/2, not the penalty of their mean."""
    x = torch.zeros(2, 3, 2, 2)
    x[0, 0, 0, 0], x[1, 0, 0, 0] = 1, 3
    penalty = losses.gradient_penalty(
        lambda y: y.square().sum((1, 2, 3)) / 2, x, x, torch.zeros(2, 1, 1, 1)
    )
    assert penalty.item() == pytest.approx(2)


@pytest.mark.parametrize("form", ["spatial", "channel"])
def test_matching_equal_batches_costs_nothing(rng, form):
    maps = gates(rng)
    assert losses.affective_matching(maps, [m.clone() for m in maps], form).item() == 0


@pytest.mark.parametrize("form", ["spatial", "channel"])
def test_matching_is_symmetric_in_value(rng, form):
    a, b = gates(rng), gates(rng)
    torch.testing.assert_close(
        losses.affective_matching(a, b, form), losses.affective_matching(b, a, form)
    )


@pytest.mark.parametrize("form", ["spatial", "channel"])
def test_matching_adds_valence_and_arousal(form):
    """Valence maps 0.1 apart and arousal maps 0.3 apart, everywhere: 0.4, at any ERU count."""
    real = torch.full((4, 2, 3, 5, 5), 0.5)
    fake = real.clone()
    fake[:, 0] += 0.1
    fake[:, 1] -= 0.3
    for erus in (1, 3):
        value = losses.affective_matching([fake] * erus, [real] * erus, form)
        assert value.item() == pytest.approx(0.4, abs=1e-6)


def test_channel_form_forgets_where_and_in_which_image(rng):
    fake, real = gates(rng), gates(rng)
    moved = [m[torch.randperm(len(m), generator=rng)] for m in real]
    moved = [m.flatten(3)[..., torch.randperm(m[0, 0, 0].numel())].view_as(m) for m in moved]
    same, other = (losses.affective_matching(fake, m, "channel") for m in (real, moved))
    torch.testing.assert_close(same, other)
    same, other = (losses.affective_matching(fake, m, "spatial") for m in (real, moved))
    assert not math.isclose(same, other, rel_tol=1e-4)


def test_channel_form_never_exceeds_spatial(rng):
    fake, real = gates(rng), gates(rng)
    assert losses.affective_matching(fake, real, "channel") < losses.affective_matching(fake, real)


@pytest.mark.parametrize("form", ["spatial", "channel"])
def test_matching_teaches_the_fake_side_only(rng, form):
    fake, real = ([m.requires_grad_(True) for m in gates(rng)] for _ in range(2))
    losses.affective_matching(fake, real, form).backward()
    assert all(m.grad.abs().sum() > 0 for m in fake)
    assert all(m.grad is None for m in real)


def test_matching_without_erus_is_zero():
    assert losses.affective_matching([], []).item() == 0


def test_matching_refuses_unlike_networks(rng):
    with pytest.raises(ValueError):
        losses.affective_matching(gates(rng), gates(rng)[:1])
