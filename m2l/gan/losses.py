"""What the generator and the critic minimise.

The critic: Wasserstein distance, gradient penalty, drift. The generator: Wasserstein distance
and affective feature matching (AFM). Beside them stand the projected critic's objective, hinge, and
an augmentation of what the critic sees, for few photos. Each loss is a scalar tensor; weights are
applied where they are called.

Conventions
-----------
Scores (N,); images (N, 3, H, W) in [-1, 1]; the critic's emotion maps are a list of gates
(N, 2, C, H, W), one per ERU, valence first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

OBJECTIVES = ("wgan-gp", "hinge")
FORMS = ("spatial", "channel")
POLICIES = ("crop", "color", "translation", "cutout")


def critic_loss(real, fake, objective="wgan-gp"):
    """What the critic minimises, from scores (N,).

    Parameters
    ----------
    real, fake : Tensor (N,)
    objective : "wgan-gp" is the negative Wasserstein estimate, E[D(fake)] − E[D(real)];
        "hinge" E[max(0, 1 − D(real))] + E[max(0, 1 + D(fake))].

    References
    ----------
    Arjovsky et al. 2017, "Wasserstein GAN", eq. 2; Lim & Ye 2017, "Geometric GAN".
    """
    if objective == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return fake.mean() - real.mean()


def generator_loss(fake):
    """−E[D(fake)] from scores (N,), of either objective."""
    return -fake.mean()


def drift(real):
    """E[D(real)²]: keeps the critic's scores near zero (Karras et al. 2018, appendix A.1)."""
    return real.square().mean()


def gradient_penalty(critic, real, fake, mix):
    """Penalise critics whose gradient norm leaves 1 between real and generated images.

    Parameters
    ----------
    critic : callable, (N, 3, H, W) -> (N,)
    real, fake : Tensor (N, 3, H, W)
    mix : Tensor (N, 1, 1, 1) in [0, 1], the share of the real image at each point tested

    Returns
    -------
    Tensor, scalar, differentiable in the critic's parameters; weight it by 10.

    References
    ----------
    Gulrajani et al. 2017, "Improved training of Wasserstein GANs", eq. 3.
    """
    x = torch.lerp(fake, real, mix).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def affective_matching(fake, real, form="spatial"):
    """L_v + L_a: mean absolute difference between the critic's emotion maps of two batches.

    Parameters
    ----------
    fake, real : lists of gates (N, 2, C, H, W), one per ERU, valence first, from generated and
        from real images of the same va
    form : "spatial" compares every pixel of the pairs, as published; "channel" compares each
        channel's mean over batch and pixels, which does not ask unpaired images to agree in
        layout.

    Returns
    -------
    Tensor, scalar, averaged over ERUs; the real side carries no gradient.

    References
    ----------
    Park & Lee 2020, affective feature matching; the weight there is 100.
    """
    if form == "channel":
        fake, real = ([g.mean((0, 3, 4)) for g in gates] for gates in (fake, real))
    # The mean over both gates is half of L_v + L_a.
    terms = [2 * (f - r.detach()).abs().mean() for f, r in zip(fake, real, strict=True)]
    return torch.stack(terms).mean() if terms else torch.zeros(())


def augment(x, policy, u):
    """Change images at random and differentiably, so that few photos are not learned by heart.

    Everything the critic sees passes through here, real and generated, when it learns and when
    the generator learns from it.

    Parameters
    ----------
    x : Tensor (N, C, H, W)
    policy : str, some of `POLICIES` joined by commas; "" changes nothing.
        "crop" takes a window of half the side, anywhere; "color" moves brightness by ±0.5, and
        saturation and contrast by factors of 0–2 and 0.5–1.5; "translation" moves the image by up
        to an eighth of its side; "cutout" blanks a square of half its side.
    u : Tensor (N, 7), uniform in [0, 1), one number a choice; a crop and a translation share
        theirs. At 0.5, colour and translation leave the image as it is.

    Returns
    -------
    Tensor (N, C, H, W), of half the height and width after a crop

    References
    ----------
    Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training".
    """
    chosen = policy.split(",") if policy else ()
    if "crop" in chosen:
        x = _window(x, u[:, 3:5])
    if "color" in chosen:
        brightness, saturation, contrast = u[:, :3, None, None, None].unbind(1)
        x = x + (brightness - 0.5)
        grey = x.mean(1, keepdim=True)
        x = grey + (x - grey) * (2 * saturation)
        level = x.mean((1, 2, 3), keepdim=True)
        x = level + (x - level) * (contrast + 0.5)
    if "translation" in chosen:
        x = _translate(x, u[:, 3:5])
    if "cutout" in chosen:
        x = x * _cutout(x, u[:, 5:7])
    return x


def _translate(x, u):
    """Move each image by whole pixels, (N, 2) down and right, over a ground of zeros."""
    h, w = x.shape[2:]
    most = max(1, round(h / 8))
    down, right = (torch.floor(u * (2 * most + 1)).long() - most).unbind(1)
    return _take(F.pad(x, [most] * 4), most - down, most - right, h, w)


def _window(x, u):
    """A window of half the side of each image, (N, 2) down and right."""
    h, w = (side // 2 for side in x.shape[2:])
    top, left = (torch.floor(v * (side + 1)).long() for v, side in ((u[:, 0], h), (u[:, 1], w)))
    return _take(x, top, left, h, w)


def _take(x, top, left, h, w):
    """Of each image h rows from its `top` and w columns from its `left`, (N,) each."""
    c = x.shape[1]
    rows = top[:, None] + torch.arange(h, device=x.device)
    columns = left[:, None] + torch.arange(w, device=x.device)
    # Two gathers: going back through one index of both is many times as slow on a GPU.
    x = x.gather(2, rows[:, None, :, None].expand(-1, c, -1, x.shape[3]))
    return x.gather(3, columns[:, None, None].expand(-1, c, h, -1))


def _cutout(x, u):
    """Masks (N, 1, H, W) that are 0 in a square of half the side, centred anywhere."""
    side = x.shape[-1]
    size = side // 2
    start = torch.floor(u * (side + 1 - size % 2)).long() - size // 2  # may stick out
    place = torch.arange(side, device=x.device)
    inside = (place >= start[..., None]) & (place < start[..., None] + size)  # (N, 2, side)
    return 1 - (inside[:, 0, :, None] & inside[:, 1, None]).to(x.dtype)[:, None]
