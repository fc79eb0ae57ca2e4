"""A small network that looks at landscapes: what scene, how pleasant, how exciting.

It is trained on real photos that the generator never sees (the "probe" split) and gives the
metrics a feature space and an estimate of valence and arousal that do not depend on the
generator's training. In training it also sees photos as they are at lower resolutions, so one
network judges pictures of 16×16 and upwards.

Conventions
-----------
Images (N, H, W, 3) uint8 of any size are resized to 64×64 by box or bilinear interpolation.
Valence and arousal are on 1–9. Features are the (N, 128) vector under the last layer.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import trange

from m2l.gan.checkpoints import load_network, write_checkpoint
from m2l.gan.pictures import to_tensor

WEIGHTS = Path(__file__).parents[1] / "weights" / "scene.safetensors"
SIDE = 64


class SceneNet(nn.Module):
    """Five strided blocks, then one layer for scenes and one for valence and arousal."""

    def __init__(self, scenes):
        super().__init__()
        widths = (3, 24, 48, 96, 128, 128)
        self.scenes = list(scenes)

        def half(before, width, stride):
            convolution = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
            return convolution, nn.BatchNorm2d(width), nn.ReLU()

        self.blocks = nn.Sequential(
            *(nn.Sequential(*half(a, b, 2), *half(b, b, 1)) for a, b in pairwise(widths))
        )
        self.scene = nn.Linear(widths[-1], len(self.scenes))
        self.va = nn.Linear(widths[-1], 2)
        self.register_buffer("va_mean", torch.zeros(2))
        self.register_buffer("va_sd", torch.ones(2))

    def forward(self, x):
        """Images (N, 3, 64, 64) in [-1, 1] to features (N, 128), scene logits and va (N, 2)."""
        features = self.blocks(x).mean((2, 3))
        dropped = F.dropout(features, 0.3, self.training)
        return features, self.scene(dropped), self.va_mean + self.va_sd * self.va(dropped)


def prepare(images):
    """uint8 (N, H, W, 3) to the network's input (N, 3, 64, 64) in [-1, 1]."""
    x = to_tensor(images)
    if x.shape[2:] == (SIDE, SIDE):
        return x
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=x.shape[-1] > SIDE)


def train(images, scenes, va, epochs=40, batch=64, seed=0):
    """Fit to photos.

    Parameters
    ----------
    images : ndarray (N, H, W, 3) uint8
    scenes : array (N,) of str
    va : ndarray (N, 2), 1–9

    Returns
    -------
    SceneNet, in evaluation mode.
    """
    names = sorted(set(scenes))
    target = torch.tensor([names.index(s) for s in scenes])
    va = torch.as_tensor(np.asarray(va), dtype=torch.float32)
    x = prepare(images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SceneNet(names)
        net.va_mean, net.va_sd = va.mean(0), va.std(0).clamp_min(1e-6)
        optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
        steps = epochs * -(-len(x) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps)
        for _ in trange(epochs, desc="scene network", disable=None, leave=False):
            for rows in torch.randperm(len(x)).split(batch):
                image = _coarsened(_augment(x[rows]))
                _, logits, estimate = net(image)
                loss = F.cross_entropy(logits, target[rows], label_smoothing=0.05)
                loss = loss + ((estimate - va[rows]) / net.va_sd).square().mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    # Rounded to half precision, as `save` keeps it, so that what is measured is what is shipped.
    return net.half().float().eval().requires_grad_(False)


def _augment(x):
    """Mirror half the images and shift each batch by up to four pixels."""
    flip = torch.rand(len(x)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dy, dx = torch.randint(0, 9, (2,)).tolist()
    return F.pad(x, (4, 4, 4, 4), mode="reflect")[..., dy : dy + SIDE, dx : dx + SIDE]


def _coarsened(x):
    """A batch as it is at 64×64, 32×32 or 16×16, at random: what coarse pictures will look like."""
    factor = (1, 2, 4)[torch.randint(3, ()).item()]
    if factor == 1:
        return x
    return F.interpolate(F.avg_pool2d(x, factor), (SIDE, SIDE), mode="bilinear")


@torch.inference_mode()
def look(net, images, batch=32):
    """Features (N, 128), scene probabilities (N, S) and va (N, 2) of images, as arrays."""
    parts = [net(prepare(images[i : i + batch])) for i in range(0, len(images), batch)]
    features, logits, va = (torch.cat(p) for p in zip(*parts, strict=True))
    return features.numpy(), logits.softmax(1).numpy(), va.numpy().astype(float)


def save(net, path, card):
    """Write the network with its scenes and a card, in half precision."""
    tensors = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    header = {"format": "m2l-scene", "scenes": json.dumps(net.scenes), "card": json.dumps(card)}
    write_checkpoint(path, tensors, header)


def load(path=None):
    """Read a network written by `save`; the shipped one by default.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    return load_network(
        path or WEIGHTS,
        "m2l-scene",
        lambda header: SceneNet(json.loads(header["scenes"])),
        "a scene network",
        "'m2l metrics scene' trains one from photos",
    )
