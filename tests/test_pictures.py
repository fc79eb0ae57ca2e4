"""Pictures: to tensors and back, over the plane, side by side."""

import numpy as np
import torch

from m2l.gan import pictures


def test_uint8_and_back():
    levels = torch.arange(256).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    images = pictures.to_uint8(levels / 127.5 - 1)
    assert images.shape == (1, 16, 16, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[0, ..., 0].ravel(), np.arange(256))
    assert pictures.to_uint8(torch.tensor([-2.0, 2.0]).view(1, 1, 1, 2)).ravel().tolist() == [
        0,
        255,
    ]


def test_plane_rises_to_the_right_and_upwards():
    va = pictures.plane(3).view(3, 3, 2)
    assert va[0, 0].tolist() == [-1, 1] and va[2, 2].tolist() == [1, -1]
    assert torch.equal(va[1, :, 0], torch.tensor([-1.0, 0, 1]))
    assert torch.equal(va[:, 1, 1], torch.tensor([1.0, 0, -1]))


def test_tiles_lie_row_by_row():
    images = (
        np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3)
    )
    tiled = pictures.tile(images, columns=3)
    assert tiled.shape == (4, 6, 3)
    np.testing.assert_array_equal(tiled[::2, ::2, 0], [[0, 1, 2], [3, 4, 0]])
    assert pictures.tile(images[:4]).shape == (4, 4, 3)


def test_a_tensor_is_the_inverse_of_uint8_and_a_copy():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 5), dtype=np.uint8)
    images.flags.writeable = False  # as a memory map
    x = pictures.to_tensor(images[:, :, ::-1])
    assert x.shape == (2, 5, 4, 6) and x.dtype == torch.float32 and x.abs().max() <= 1
    np.testing.assert_array_equal(pictures.to_uint8(x), images[:, :, ::-1])
