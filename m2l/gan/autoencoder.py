"""A small autoencoder that makes a 128×128 picture cost the GAN as little as a 32×32 one.

Each 4×4 patch of a picture becomes `channels` numbers, with what its neighbours say taken into
account; the GAN learns these latents, resolution by resolution, and the decoder paints them. The
networks work at a quarter of the picture's side (space-to-depth in front, pixel shuffle behind),
so they are cheap, and being convolutional they take pictures of any size that 4 divides.

Conventions
-----------
Pictures (N, 3, H, W) in [-1, 1]; latents (N, C, H/4, W/4), scaled so that `RANGE` standard
deviations of a channel reach 1, and clipped to [-1, 1].

References
----------
Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models": a generative
model in the latent space of an autoencoder with light regularisation. Skorokhodov et al. 2025,
"Improving the diffusability of autoencoders": the decoder's scale equivariance, which `train` asks
for.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from m2l.doors import cache
from m2l.gan import photos
from m2l.gan.checkpoints import load_network, write_checkpoint
from m2l.gan.pictures import to_tensor, to_uint8

WEIGHTS = Path(__file__).parents[1] / "weights" / "autoencoder.safetensors"
FACTOR = 4  # pixels of a picture to one of its latents, along a side
RANGE = 3.0
NOISE = 0.2  # of a latent's deviation: the decoder forgives what the GAN does not hit exactly


@dataclass(frozen=True)
class Shape:
    """Sizes of an autoencoder: channels of the latents, width and residual blocks of each half.

    `smooth` takes out of the decoder what pixel shuffle leaves of a checkerboard.
    """

    channels: int = 4
    encoder_width: int = 64
    encoder_blocks: int = 1
    decoder_width: int = 64
    decoder_blocks: int = 2
    smooth: bool = False


class Residual(nn.Module):
    """x + conv(gelu(conv(gelu(x))))."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        return x + self.conv2(F.gelu(self.conv1(F.gelu(x))))


class Shuffle(nn.PixelShuffle):
    """Pixel shuffle to twice the side, then means of 2×2 pixels, blind to a checkerboard.

    References
    ----------
    Sugawara et al. 2019, "Checkerboard artifacts free convolutional neural networks".
    """

    def __init__(self):
        super().__init__(2)

    def forward(self, x):
        padded = F.pad(super().forward(x), (0, 1, 0, 1), mode="replicate")
        return F.avg_pool2d(padded, 2, stride=1)


class Encoder(nn.Module):
    """Pictures to latents (N, C, H/4, W/4), not yet scaled."""

    def __init__(self, shape):
        super().__init__()
        w = shape.encoder_width
        self.body = nn.Sequential(
            nn.PixelUnshuffle(FACTOR),
            nn.Conv2d(3 * FACTOR**2, w, 3, padding=1),
            *(Residual(w) for _ in range(shape.encoder_blocks)),
            nn.Conv2d(w, shape.channels, 1),
        )

    def forward(self, x):
        return self.body(x)


class Decoder(nn.Module):
    """Scaled latents to pictures."""

    def __init__(self, shape):
        super().__init__()
        w, shuffle = shape.decoder_width, Shuffle if shape.smooth else partial(nn.PixelShuffle, 2)
        self.shape = shape
        self.register_buffer("mean", torch.zeros(shape.channels))
        self.register_buffer("sd", torch.ones(shape.channels))
        self.body = nn.Sequential(
            nn.Conv2d(shape.channels, w, 3, padding=1),
            *(Residual(w) for _ in range(shape.decoder_blocks)),
            nn.GELU(),
            nn.Conv2d(w, w, 1),
            shuffle(),  # w / 4 channels at half the picture's side
            Residual(w // 4),
            nn.GELU(),
            nn.Conv2d(w // 4, 3 * 4, 3, padding=1),
            shuffle(),
        )

    def scale(self, latents):
        """The encoder's latents to [-1, 1]."""
        x = (latents - self.mean[:, None, None]) / (RANGE * self.sd[:, None, None])
        return x.clamp(-1, 1)

    def forward(self, x):
        whole = x * RANGE * self.sd[:, None, None] + self.mean[:, None, None]
        return self.body(whole).clamp(-1, 1)


class Autoencoder(nn.Module):
    """Encoder and decoder of one shape."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.encoder, self.decoder = Encoder(shape), Decoder(shape)

    def encode(self, x):
        return self.decoder.scale(self.encoder(x))

    def forward(self, x):
        """Pictures to what their latents tell of them."""
        return self.decoder(self.encode(x))


def reconstruction(output, target):
    """Mean absolute difference of pictures, and of what each octave of detail adds to the last.

    Without the second, a few pixels of blur cost next to nothing.
    """
    loss = (output - target).abs().mean()
    for _ in range(3):
        small, small_target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
        detail = output - F.interpolate(small, scale_factor=2, mode="nearest")
        wanted = target - F.interpolate(small_target, scale_factor=2, mode="nearest")
        loss = loss + (detail - wanted).abs().mean()
        output, target = small, small_target
    return loss


def psnr(a, b):
    """Peak signal-to-noise ratio in dB, (N,), of pictures (N, 3, H, W) in [-1, 1]."""
    return 10 * torch.log10(4 / (a - b).square().mean((1, 2, 3)))


def train(photos, rows, shape=Shape(), lr=3e-3, seed=0, bar=None, **shown):
    """Fit an autoencoder to random crops of photos, mirrored half the time.

    Parameters
    ----------
    photos : ndarray (N, R, R, 3) uint8, such as a pyramid's top
    rows : ndarray of the photos to learn from
    bar : whether to show progress; by default only on a terminal.
    shown : images, crops shown; crop, their side, a multiple of 16; batch

    Returns
    -------
    Autoencoder, in evaluation mode.
    """
    torch.manual_seed(seed)
    net = Autoencoder(shape)

    def loss(target):
        with torch.autocast("cpu", torch.bfloat16):
            latents = net.encoder(target).float()
            total = _painted(net, latents, target, NOISE)
        # Of unit variance, or the encoder would outgrow the noise.
        mean, variance = latents.mean((0, 2, 3)), latents.var((0, 2, 3))
        return total + 0.01 * (mean.square() + (variance - 1).square()).mean()

    _minimise(loss, net, photos, rows, lr, seed, "autoencoder", bar, **shown)
    some = np.random.default_rng(seed).choice(rows, min(len(rows), 256), replace=False)
    with torch.no_grad():
        parts = [net.encoder(to_tensor(photos[part])) for part in np.array_split(some, 8)]
    latents = torch.cat(parts)
    net.decoder.mean, net.decoder.sd = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    return net.eval().requires_grad_(False)


def forgive(net, photos, rows, noise=3 * NOISE, lr=3e-3, seed=0, bar=None, **shown):
    """Fit another decoder to the latents of a trained autoencoder, one that forgives more.

    A generator's latents miss in ways that photographs' latents never do, and a decoder that has
    not seen the like answers with a grid of dots. This one has seen noise of any strength up to
    `noise`, and is smooth.

    Parameters
    ----------
    net : Autoencoder
    noise : the strongest, in deviations of the latents
    shown : as all else, as in `train`

    Returns
    -------
    Autoencoder with the encoder of `net`, in evaluation mode.
    """
    torch.manual_seed(seed)
    other = Autoencoder(replace(net.shape, smooth=True))
    other.encoder.load_state_dict(net.encoder.state_dict())
    other.encoder.requires_grad_(False)
    other.decoder.mean, other.decoder.sd = net.decoder.mean.clone(), net.decoder.sd.clone()

    def loss(target):
        with torch.autocast("cpu", torch.bfloat16):
            latents = other.encoder(target).float()
            return _painted(other, latents, target, noise * torch.rand(len(target), 1, 1, 1))

    _minimise(loss, other.decoder, photos, rows, lr, seed, "decoder", bar, **shown)
    return other.eval().requires_grad_(False)


def _painted(net, latents, target, noise):
    """Loss of pictures decoded from noisy latents.

    Latents shrunk by half must mean the picture shrunk by half. It keeps them smooth, as pictures
    are, and gives the GAN's lower stages something to paint.
    """

    def loss(latents, target):
        output = net.decoder.body(latents + noise * torch.randn_like(latents))
        return reconstruction(output.float(), target)

    return loss(latents, target) + 0.5 * loss(F.avg_pool2d(latents, 2), F.avg_pool2d(target, 2))


def _minimise(loss, module, photos, rows, lr, seed, name, bar, images=48_000, crop=64, batch=32):
    """Fit a module's parameters by AdamW on a one-cycle schedule, a step a batch of crops."""
    steps = max(1, images // batch)
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps)
    crops = _crops(photos, rows, steps, crop, batch, seed)
    with tqdm(crops, name, total=steps, disable=None if bar is None else not bar) as shown:
        for target in shown:
            value = loss(target)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            optimiser.step()
            schedule.step()
            if shown.n % 50 == 0:
                shown.set_postfix_str(f"loss {value.item():.3f}")


def _crops(photos, rows, steps, crop, batch, seed):
    """Batches of random crops, (batch, 3, crop, crop) in [-1, 1], mirrored half the time."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        picks = rng.choice(rows, batch)
        corners = rng.integers(photos.shape[1] - crop + 1, size=(2, batch))
        cut = [
            photos[i, y : y + crop, x : x + crop] for i, y, x in zip(picks, *corners, strict=True)
        ]
        target = to_tensor(np.stack(cut))
        flip = torch.from_numpy(rng.random(batch) < 0.5)
        target[flip] = target[flip].flip(3)
        yield target


def save(net, path, card):
    """Write an autoencoder with a card."""
    header = {"format": "m2l-autoencoder", "shape": json.dumps(asdict(net.shape))}
    header["card"] = json.dumps(card)
    write_checkpoint(path, net.state_dict(), header)


def load(path=WEIGHTS):
    """Read an autoencoder written by `save`.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    return load_network(
        path,
        "m2l-autoencoder",
        lambda header: Autoencoder(Shape(**json.loads(header["shape"]))),
        "an autoencoder",
        "train one with 'm2l gan autoencoder'",
    )


@torch.inference_mode()
def latents(pyramid, net, folder=None, bar=None):
    """Encode a pyramid of photos into one of latents, each photo and its mirror image, once.

    Parameters
    ----------
    pyramid : m2l.gan.photos.Pyramid
    net : Autoencoder
    folder : where to keep it; the cache by default, under the contents of photos and network.

    Returns
    -------
    Pyramid
        Arrays (2N, R, R, C) uint8, R up to a quarter of the photos' top; -1..1 becomes 0..255.
    """
    # What the latents depend on; the decoder may be another one.
    parts = [*net.encoder.state_dict().values(), net.decoder.mean, net.decoder.sd]
    key = cache.key(pyramid.key, *(v.numpy() for v in parts))
    n, top = len(pyramid), pyramid.top // FACTOR

    def make(scratch):
        arrays = photos.memory_maps(scratch, top, 2 * n, net.shape.channels)
        pictures = pyramid.array(pyramid.top)
        for i in tqdm(range(0, n, 64), "latents", disable=None if bar is None else not bar):
            x = to_tensor(pictures[i : i + 64])
            for start, picture in ((i, x), (n + i, x.flip(3))):
                code = net.encode(picture)
                for s, array in arrays.items():
                    array[start : start + len(x)] = to_uint8(F.adaptive_avg_pool2d(code, s))
        for array in arrays.values():
            array.flush()
        table = pyramid.table.assign(mirrored=False)
        table = pd.concat([table, table.assign(mirrored=True)], ignore_index=True)
        photos.seal(scratch, table, top, key)

    return photos.Pyramid(cache.folder(folder or cache.root() / f"latents-{key}", make, key))
