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
model in the latent space of an autoencoder with light regularisation.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

from m2l.errors import InputError
from m2l.photos import Pyramid

WEIGHTS = Path(__file__).parent / "weights" / "autoencoder.safetensors"
FACTOR = 4  # pixels of a picture to one of its latents, along a side
RANGE = 3.0
NOISE = 0.1  # of a latent's deviation: the decoder forgives what the GAN does not hit exactly


@dataclass(frozen=True)
class Shape:
    """Sizes of an autoencoder: channels of the latents, width and residual blocks of each half."""

    channels: int = 8
    width: int = 96
    encoder_blocks: int = 1
    decoder_blocks: int = 3


class Residual(nn.Module):
    """x + conv(gelu(conv(gelu(x))))."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        return x + self.conv2(F.gelu(self.conv1(F.gelu(x))))


class Encoder(nn.Module):
    """Pictures to latents (N, C, H/4, W/4), not yet scaled."""

    def __init__(self, shape):
        super().__init__()
        w = shape.width
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
        w = shape.width
        self.shape = shape
        self.register_buffer("mean", torch.zeros(shape.channels))
        self.register_buffer("sd", torch.ones(shape.channels))
        self.body = nn.Sequential(
            nn.Conv2d(shape.channels, w, 3, padding=1),
            *(Residual(w) for _ in range(shape.decoder_blocks)),
            nn.GELU(),
            nn.Conv2d(w, w, 1),
            nn.PixelShuffle(2),  # w / 4 channels at half the picture's side
            Residual(w // 4),
            nn.GELU(),
            nn.Conv2d(w // 4, 3 * 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def scale(self, latents):
        """The encoder's latents to [-1, 1]."""
        x = (latents - self.mean[:, None, None]) / (RANGE * self.sd[:, None, None])
        return x.clamp(-1, 1)

    def forward(self, x):
        return self.body(x * RANGE * self.sd[:, None, None] + self.mean[:, None, None])


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
        return self.decoder(self.encode(x)).clamp(-1, 1)


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


def train(
    photos, rows, shape=Shape(), images=200_000, crop=64, batch=32, lr=2e-3, seed=0, bar=None
):
    """Fit an autoencoder to random crops of photos, mirrored half the time.

    Parameters
    ----------
    photos : ndarray (N, R, R, 3) uint8, such as a pyramid's top
    rows : ndarray of the photos to learn from
    images : crops shown
    crop : side of a crop, a multiple of 8
    bar : whether to show progress; by default only on a terminal.

    Returns
    -------
    Autoencoder, in evaluation mode.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = Autoencoder(shape)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-4, fused=True)
    steps = max(1, images // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps)
    side = photos.shape[1]
    shown = tqdm(range(steps), "autoencoder", disable=None if bar is None else not bar)
    for _ in shown:
        picks = rng.choice(rows, batch)
        y, x = rng.integers(side - crop + 1, size=(2, batch))
        cut = np.stack(
            [photos[i, a : a + crop, b : b + crop] for i, a, b in zip(picks, y, x, strict=True)]
        )
        target = torch.from_numpy(cut).permute(0, 3, 1, 2).float() / 127.5 - 1
        flip = torch.from_numpy(rng.random(batch) < 0.5)
        target[flip] = target[flip].flip(3)
        latents = net.encoder(target)
        loss = reconstruction(net.decoder.body(latents + NOISE * torch.randn_like(latents)), target)
        # Of unit variance, or the encoder would outgrow the noise.
        loss = loss + 0.01 * (latents.var((0, 2, 3)) - 1).square().mean()
        loss = loss + 0.01 * latents.mean((0, 2, 3)).square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if shown.n % 50 == 0:
            shown.set_postfix_str(f"loss {loss.item():.3f}")
    net.eval().requires_grad_(False)
    some = rng.choice(rows, min(len(rows), 256), replace=False)
    latents = torch.cat([net.encoder(prepare(photos[part])) for part in np.array_split(some, 8)])
    net.decoder.mean, net.decoder.sd = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    return net


def prepare(images):
    """uint8 (N, H, W, 3) to a batch in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def save(net, path, card):
    """Write an autoencoder with a card."""
    header = {"format": "m2l-autoencoder", "shape": json.dumps(asdict(net.shape))}
    tensors = {k: v.detach().contiguous() for k, v in net.state_dict().items()}
    save_file(tensors, path, header | {"card": json.dumps(card)})


def load(path=WEIGHTS):
    """Read an autoencoder written by `save`.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    from m2l.training import read_checkpoint

    if not Path(path).is_file():
        raise InputError(f"{path}: no autoencoder here; train one with 'm2l gan autoencoder'")
    header, tensors = read_checkpoint(path, "m2l-autoencoder")
    try:
        net = Autoencoder(Shape(**json.loads(header["shape"])))
        net.load_state_dict(tensors)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: tensors do not fit an autoencoder; get it again") from error
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def latents(pyramid, net, folder=None, bar=None):
    """Encode a pyramid of photos into one of latents, each photo and its mirror image, once.

    Parameters
    ----------
    pyramid : m2l.photos.Pyramid
    net : Autoencoder
    folder : where to keep it; the cache by default, under the fingerprints of photos and network.

    Returns
    -------
    Pyramid
        Arrays (2N, R, R, C) uint8, R up to a quarter of the photos' top; -1..1 becomes 0..255.
    """
    tensors = b"".join(v.numpy().tobytes() for v in net.state_dict().values())
    mark = hashlib.sha256(tensors).hexdigest()[:8]
    folder = Path(folder or pyramid.folder.parent / f"latents-{mark}-{pyramid.folder.name}")
    if (folder / "pyramid.json").exists():
        return Pyramid(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        top, n = pyramid.top // FACTOR, len(pyramid)
        sides = [4 << i for i in range(12) if 4 << i <= top]
        arrays = {
            s: np.lib.format.open_memmap(
                scratch / f"{s}.npy", "w+", np.uint8, (2 * n, s, s, net.shape.channels)
            )
            for s in sides
        }
        photos = pyramid.array(pyramid.top)
        for i in tqdm(range(0, n, 64), "latents", disable=None if bar is None else not bar):
            x = prepare(photos[i : i + 64])
            for start, picture in ((i, x), (n + i, x.flip(3))):
                code = net.encode(picture)
                for s in sides:
                    small = F.adaptive_avg_pool2d(code, s).permute(0, 2, 3, 1)
                    arrays[s][start : start + len(x)] = ((small + 1) * 127.5).round().numpy()
        for array in arrays.values():
            array.flush()
        table = pyramid.table.assign(mirrored=False)
        table = pd.concat([table, table.assign(mirrored=True)], ignore_index=True)
        table.to_parquet(scratch / "table.parquet")
        (scratch / "pyramid.json").write_text(json.dumps({"top": top}))
        if not (folder / "pyramid.json").exists():
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Pyramid(folder)
