"""Losses: closed forms and invariances."""

import math

import pytest
import torch

from m2l.gan import losses

FORMS = losses.FORMS


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


def test_hinge_is_flat_beyond_its_margin():
    real, fake = torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -9.0])
    assert losses.critic_loss(real, fake, "hinge").item() == 0
    assert losses.critic_loss(real - 1, fake + 3, "hinge").item() == (1 + 0) / 2 + (3 + 0) / 2
    assert losses.generator_loss(fake).item() == 5


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


@pytest.mark.parametrize("form", FORMS)
def test_matching_equal_batches_costs_nothing(rng, form):
    maps = gates(rng)
    assert losses.affective_matching(maps, [m.clone() for m in maps], form).item() == 0


@pytest.mark.parametrize("form", FORMS)
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
    moved = [
        m.flatten(3)[..., torch.randperm(m[0, 0, 0].numel(), generator=rng)].view_as(m)
        for m in moved
    ]
    same, other = (losses.affective_matching(fake, m, "channel") for m in (real, moved))
    torch.testing.assert_close(same, other)
    same, other = (losses.affective_matching(fake, m, "spatial") for m in (real, moved))
    assert not math.isclose(same, other, rel_tol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_matching_teaches_the_fake_side_only(rng, form):
    fake, real = ([m.requires_grad_(True) for m in gates(rng)] for _ in range(2))
    losses.affective_matching(fake, real, form).backward()
    assert all(m.grad.abs().sum() > 0 for m in fake)
    assert all(m.grad is None for m in real)


def test_matching_without_erus_is_zero():
    assert losses.affective_matching([], []).item() == 0


# -- augmentation ---------------------------------------------------------------------------


@pytest.fixture
def images(rng):
    return torch.rand(64, 3, 16, 16, generator=rng) * 2 - 1


@pytest.mark.parametrize("policy", ["color", "translation", "color,translation"])
def test_the_middle_of_every_choice_is_the_image_itself(images, policy):
    torch.testing.assert_close(losses.augment(images, policy, torch.full((64, 7), 0.5)), images)


def test_brightness_saturation_and_contrast(images):
    def coloured(**u):
        choice = torch.full((64, 7), 0.5)
        choice[:, ["brightness", "saturation", "contrast"].index(*u)] = next(iter(u.values()))
        return losses.augment(images, "color", choice)

    torch.testing.assert_close(coloured(brightness=0.75), images + 0.25)
    grey = coloured(saturation=0.0)
    torch.testing.assert_close(grey, images.mean(1, keepdim=True).expand_as(images))
    soft, hard = coloured(contrast=0.0), coloured(contrast=1.0)
    for x, factor in ((soft, 0.5), (hard, 1.5)):
        torch.testing.assert_close(x.mean((1, 2, 3)), images.mean((1, 2, 3)))
        torch.testing.assert_close(x.std((1, 2, 3)), factor * images.std((1, 2, 3)))


def test_translation_moves_whole_pixels_over_zeros(images, rng):
    u = torch.rand(64, 7, generator=rng)
    u[0, 3:5] = torch.tensor([0.0, 0.999])  # two up, two to the right: an eighth of 16
    moved = losses.augment(images, "translation", u)
    assert torch.equal(moved[0, :, :14, 2:], images[0, :, 2:, :14])
    assert not moved[0, :, 14:].any() and not moved[0, :, :, :2].any()
    shifts = set()
    for x, y in zip(images, moved, strict=True):
        padded = torch.nn.functional.pad(x, [2] * 4)
        found = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if torch.equal(y, padded[:, i : i + 16, j : j + 16])
        ]
        assert len(found) == 1
        shifts |= set(found)
    assert len(shifts) > 15  # of 25


def test_a_crop_is_a_window_of_half_the_side(images, rng):
    u = torch.rand(64, 7, generator=rng)
    u[0, 3:5], u[1, 3:5] = torch.tensor([[0.0, 0.999], [0.999, 0.0]])
    windows = losses.augment(images, "crop", u)
    assert torch.equal(windows[0], images[0, :, :8, 8:])
    assert torch.equal(windows[1], images[1, :, 8:, :8])
    where = {
        (i, j)
        for x, y in zip(images, windows, strict=True)
        for i in range(9)
        for j in range(9)
        if torch.equal(y, x[:, i : i + 8, j : j + 8])
    }
    assert len(where) > 30  # of 81


def test_cutout_blanks_a_square_of_half_the_side(images, rng):
    cut = losses.augment(images, "cutout", torch.rand(64, 7, generator=rng))
    for x, y in zip(images, cut, strict=True):
        gone = (y == 0).all(0)
        assert torch.equal(x * ~gone, y)
        rows, columns = gone.any(1).sum().item(), gone.any(0).sum().item()
        assert gone.sum() == rows * columns and 4 <= min(rows, columns) <= max(rows, columns) <= 8
    whole = losses.augment(images[:1], "cutout", torch.full((1, 7), 0.5))
    assert (whole == 0).all(1).sum() == 64


@pytest.mark.parametrize("policy", [*losses.POLICIES, ",".join(losses.POLICIES)])
def test_augmentation_lets_gradients_through(rng, policy):
    """Else the generator would learn nothing; where pixels stay, all of it comes through."""
    x = torch.rand(3, 3, 4, 4, generator=rng, dtype=torch.float64).requires_grad_(True)
    u = torch.rand(3, 7, generator=rng, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: losses.augment(x, policy, u), x)
    losses.augment(x, policy, u).square().sum().backward()
    assert (x.grad.flatten(1).abs().amax(1) > 0).all()


def test_each_image_has_its_own_choice(images, rng):
    same = images[:1].expand(8, -1, -1, -1)
    for policy in losses.POLICIES:
        out = losses.augment(same, policy, torch.rand(8, 7, generator=rng))
        assert len({x.numpy().tobytes() for x in out}) > 4
