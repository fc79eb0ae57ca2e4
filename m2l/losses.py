"""What the generator and the critic minimise.

The critic: Wasserstein distance, gradient penalty, drift. The generator: Wasserstein distance
and affective feature matching (AFM). Each function returns a scalar tensor; weights are applied
where they are called.

Conventions
-----------
Scores (N,); images (N, 3, H, W) in [-1, 1]; the critic's emotion maps are a list of gates
(N, 2, C, H, W), one per ERU, valence first.
"""

from __future__ import annotations

import torch


def critic_loss(real, fake):
    """Negative Wasserstein estimate, E[D(fake)] − E[D(real)], from scores (N,).

    References
    ----------
    Arjovsky et al. 2017, "Wasserstein GAN", eq. 2.
    """
    return fake.mean() - real.mean()


def generator_loss(fake):
    """−E[D(fake)] from scores (N,)."""
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
    pool = {"spatial": lambda g: g, "channel": lambda g: g.mean((0, 3, 4))}[form]
    # The mean over both gates is half of L_v + L_a.
    terms = [2 * (pool(f) - pool(r.detach())).abs().mean() for f, r in zip(fake, real, strict=True)]
    return torch.stack(terms).mean() if terms else torch.zeros(())
