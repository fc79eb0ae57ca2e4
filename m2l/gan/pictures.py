"""Pictures as arrays, as a network's tensors, and side by side.

Conventions
-----------
Arrays are (N, H, W, C) uint8; tensors (N, C, H, W) in [-1, 1].
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from m2l.doors import outputs


def to_tensor(images):
    """uint8 (N, H, W, C), copied, to a float tensor (N, C, H, W) in [-1, 1]."""
    # A copy, because memory maps are read-only.
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_uint8(images):
    """Tensor (N, C, H, W) in [-1, 1] to ndarray (N, H, W, C) uint8."""
    x = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return x.permute(0, 2, 3, 1).cpu().numpy()


def plane(n):
    """va (n², 2) in [-1, 1] on a grid: valence rises to the right, arousal upwards."""
    a, v = torch.meshgrid(torch.linspace(1, -1, n), torch.linspace(-1, 1, n), indexing="ij")
    return torch.stack([v, a], -1).reshape(-1, 2)


def save_grid(images, path, columns=None):
    """Tile images (N, H, W, 3) uint8 into one picture, .png or .jpg."""
    with outputs.writing(path) as aside:
        Image.fromarray(tile(images, columns)).save(aside, quality=88)


def tile(images, columns=None):
    """Tile images (N, H, W, 3) into one (H·rows, W·columns, 3)."""
    n, h, w, _ = images.shape
    columns = columns or math.isqrt(n)
    rows = -(-n // columns)
    canvas = np.zeros((rows * columns, h, w, 3), images.dtype)
    canvas[:n] = images
    return canvas.reshape(rows, columns, h, w, 3).swapaxes(1, 2).reshape(rows * h, columns * w, 3)
