"""Hear music as two networks do that were trained to tag it: musicnn, by the songs of MagnaTagATune
(MTT) and of the Million Song Dataset (MSD).

What such a network knows of a sound just before it names genre, instruments and mood, its
penultimate layer, describes music further than measured features do.

Conventions
-----------
* The signal is mono float32 at 16,000 Hz, full scale ±1. Its mel spectrogram has frames of 512
  samples (periodic Hann), 256 apart, centred, padded with zeros, and 96 bands from 0 to 8 kHz
  (`mel_filters`); the networks take log10(1 + 10,000 · power).
* A window is 187 frames, 2.992 s. Windows start every `STEP` = 6 s unless told otherwise: half of
  the sound tells as much of a song as all of it.
* The weights are those of the package musicnn 0.1.0 (ISC licence, beside them) as
  `benchmarks/tagging_weights.py` converts them: as 16-bit integers with one scale for each output,
  and without the filters that training left without effect.

References
----------
Pons & Serra 2019, "musicnn: Pre-trained convolutional neural networks for music audio tagging",
arXiv 1909.06654.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain, islice
from pathlib import Path

import numpy as np

from m2l.errors import InputError

SR, N_FFT, HOP, BANDS = 16000, 512, 256, 96
FRAMES = 187  # of a window
STEP = 6.0  # s
NETWORKS = ("mtt", "msd")
SIZE = 200  # of each network's penultimate layer
NAMES = tuple(f"{name}_{i}" for name in NETWORKS for i in range(SIZE))
"""Of a song's embedding, as `m2l.music.features.extract` gives it."""
VERSION = "1"  # part of the cache key: raise it with every change that moves a number
WEIGHTS = Path(__file__).parents[1] / "weights" / "tagging.safetensors"

_BATCH = 2  # windows at a time: more need more memory and save no time


def network(front):
    """A musicnn without its weights.

    Parameters
    ----------
    front : five pairs of int
        Filters of the first layers: two for timbre, 7 frames by 38 and 67 bands, and three for
        rhythm, 128, 64 and 32 frames of one band. Of each, how many are multiplied by a positive
        number after the rectifier, and how many by a negative one.

    Returns
    -------
    torch Module: log mel spectrograms (N, 187, 96) -> tags (N, 50) in 0–1, embedding (N, 200)
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Line(nn.Module):
        """Batch normalisation at rest."""

        def __init__(self, width):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(width, 1))
            self.shift = nn.Parameter(torch.zeros(width, 1))

        def forward(self, x):  # (N, width, T)
            return x * self.scale + self.shift

    class Front(nn.Module):
        """The strongest answer of each filter over all bands."""

        def __init__(self, rising, falling, kernel):
            super().__init__()
            before = (kernel[0] - 1) // 2
            self.rising, self.pad = rising, (0, 0, before, kernel[0] - 1 - before)
            self.conv = nn.Conv2d(1, rising + falling, kernel)
            self.norm = Line(rising + falling)

        def forward(self, x):  # (N, 1, T, 96)
            x = self.conv(F.pad(x, self.pad))
            up, down = x[:, : self.rising].amax(3), x[:, self.rising :].amin(3)
            return self.norm(F.relu(torch.cat([up, down], 1)))  # (N, filters, T)

    class Musicnn(nn.Module):
        def __init__(self):
            super().__init__()
            kernels = (7, 38), (7, 67), (128, 1), (64, 1), (32, 1)
            width = sum(map(sum, front))
            self.norm = nn.Linear(1, 1)
            self.front = nn.ModuleList(
                Front(*filters, kernel) for filters, kernel in zip(front, kernels, strict=True)
            )
            # One input more than filters: filters without effect were the same all the time, which
            # only their edges betray.
            sizes = (width + 1, 64, 64)
            self.middle = nn.ModuleList(
                nn.Sequential(nn.Conv1d(size, 64, 7, padding=3), nn.ReLU(), Line(64))
                for size in sizes
            )
            self.pooled = Line(2 * (width + 3 * 64))
            self.dense = nn.Linear(2 * (width + 3 * 64), SIZE)
            self.embedding = Line(SIZE)
            self.tags = nn.Linear(SIZE, 50)

        def forward(self, x):  # (N, 187, 96)
            x = self.norm(x[..., None])[..., 0][:, None]  # (N, 1, 187, 96)
            front = torch.cat([layer(x) for layer in self.front], 1)  # (N, width, 187)
            first, second, third = self.middle
            one = first(F.pad(front, (0, 0, 0, 1), value=1))  # (N, 64, 187)
            two = second(one) + one
            three = third(two) + two
            heard = torch.cat([front, one, two, three], 1)
            pooled = self.pooled(torch.cat([heard.amax(2), heard.mean(2)], 1)[..., None])
            embedding = self.embedding(F.relu(self.dense(pooled[..., 0]))[..., None])[..., 0]
            return torch.sigmoid(self.tags(embedding)), embedding

    return Musicnn().eval()


@cache
def load(name):
    """One of `NETWORKS` with its weights, as `network`.

    Raises
    ------
    InputError
        If the file of weights is missing or damaged.
    """
    kept, told = _weights(name)
    state = {}
    for key, value in kept.items():
        if f"{key}.step" in kept:
            value = value * kept[f"{key}.step"].reshape(-1, *[1] * (value.dim() - 1))
        if not key.endswith(".step"):
            state[key.removeprefix(f"{name}.")] = value
    net = network(json.loads(told["networks"])[name]["front"])
    net.load_state_dict(state)
    return net.requires_grad_(False)


def _weights(beginning):
    """Tensors whose names begin so, and the metadata."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(WEIGHTS, "pt") as file:
            names = [name for name in file.keys() if name.startswith(beginning)]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in names}, file.metadata()
    except (OSError, SafetensorError) as error:
        raise InputError(f"{WEIGHTS}: missing or damaged ({error}); install m2l again") from None


@cache
def mel_filters():
    """The 96 bands' weights on the powers of the 257 frequencies; Tensor (257, 96)."""
    return _weights("mel")[0]["mel"]


def log_mel(samples):
    """What the networks are given of a stretch of sound, Tensor (..., T, 96).

    Parameters
    ----------
    samples : Tensor (..., 256 · T + 256)
        The frames' own samples, so 256 before the first frame's centre and 256 after the last's.
    """
    import torch

    frames = samples.unfold(-1, N_FFT, HOP) * torch.hann_window(N_FFT)
    power = torch.fft.rfft(frames).abs().square()
    return torch.log10(1 + 10000 * (power @ mel_filters()))


def embed(samples, sr=SR, step=STEP):
    """What the networks' penultimate layers say of each window of a sound.

    Parameters
    ----------
    samples : ndarray (n,), float32, at least 3 s
        Or an iterable of such pieces of one sound, of any length, so that an hour of it need not
        lie in memory.
    sr : sampling rate, Hz
    step : seconds from window to window

    Returns
    -------
    ndarray (T, 400), float32; window t is centred 1.496 + t · step s into the sound. A
    song's embedding is the mean over its windows.

    Raises
    ------
    InputError
        If the sound is shorter than a window.
    """
    import torch

    pieces = [samples] if isinstance(samples, np.ndarray) else samples
    windows = _windows(_resampled(pieces, sr), round(step * SR))
    nets, answers = [load(name) for name in NETWORKS], []
    with torch.inference_mode():
        while batch := list(islice(windows, _BATCH)):
            mel = log_mel(torch.from_numpy(np.stack(batch)))
            answers.append(torch.cat([net(mel)[1] for net in nets], 1).numpy())
    if not answers:
        raise InputError("sound: shorter than 3 seconds; give a longer one")
    return np.concatenate(answers)


def _resampled(pieces, sr):
    import soxr

    if sr == SR:
        yield from pieces
        return
    stream = soxr.ResampleStream(sr, SR, 1, dtype="float32")
    for piece in pieces:
        yield stream.resample_chunk(np.asarray(piece, np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _windows(pieces, step):
    """Cut a sound that comes in pieces into windows, each with its outer frames' outer halves."""
    edge = np.zeros(HOP, np.float32)
    held, due = edge, 0
    for piece in chain(pieces, [edge]):
        gone = min(due, len(held))
        held, due = np.concatenate([held[gone:], piece]), due - gone
        while due + HOP * (FRAMES + 1) <= len(held):
            yield held[due : due + HOP * (FRAMES + 1)]
            due += step
