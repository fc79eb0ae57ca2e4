import numpy as np
import pandas as pd
import pytest
import torch

from m2l.errors import InputError
from m2l.gan import autoencoder, photos
from m2l.gan.autoencoder import Autoencoder, Shape
from m2l.gan.pictures import to_tensor

SMALL = Shape(channels=4, encoder_width=16, decoder_width=16, decoder_blocks=1)


@pytest.fixture(scope="module")
def stripes():
    """Sixty pictures of stripes two pixels wide, in two tones of grey each."""
    tones = np.random.default_rng(0).integers(0, 256, (60, 2), dtype=np.uint8)
    row = tones[:, np.arange(16) // 2 % 2]
    return np.broadcast_to(row[:, None, :, None], (60, 16, 16, 3)).copy()


@pytest.fixture(scope="module")
def trained(stripes):
    return autoencoder.train(
        stripes, np.arange(50), SMALL, images=1200, crop=16, batch=8, lr=1e-2, bar=False
    )


def test_a_quarter_of_the_side_and_back():
    net = Autoencoder(SMALL)
    x = torch.rand(2, 3, 32, 16) * 2 - 1
    assert net.encode(x).shape == (2, 4, 8, 4)
    assert net(x).shape == x.shape
    assert net(x).abs().max() <= 1


def test_latents_have_three_deviations_to_the_end_of_their_range(stripes, trained):
    codes = trained.encode(to_tensor(stripes[:50]))
    assert codes.abs().max() <= 1
    np.testing.assert_allclose(codes.mean((0, 2, 3)), 0, atol=0.05)
    np.testing.assert_allclose(codes.std((0, 2, 3)), 1 / autoencoder.RANGE, atol=0.05)


def test_it_keeps_what_averaging_loses(stripes, trained):
    x = to_tensor(stripes[50:])  # not seen in training
    flat = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(x, 4), scale_factor=4)
    assert autoencoder.psnr(x, trained(x)).mean() > autoencoder.psnr(x, flat).mean() + 5


def test_a_forgiving_decoder_reads_the_same_latents_and_minds_noise_less(stripes, trained):
    other = autoencoder.forgive(
        trained, stripes, np.arange(50), 2.0, images=1200, crop=16, batch=8, lr=1e-2, bar=False
    )
    x = to_tensor(stripes[50:])
    codes = trained.encode(x)
    assert torch.equal(other.encode(x), codes) and other.shape.smooth
    flat = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(x, 4), scale_factor=4)
    assert autoencoder.psnr(x, other(x)).mean() > autoencoder.psnr(x, flat).mean() + 3
    noise = torch.randn(codes.shape, generator=torch.Generator().manual_seed(0)) / autoencoder.RANGE
    moved = [
        (net.decoder(codes + noise) - net.decoder(codes)).abs().mean() for net in (other, trained)
    ]
    assert moved[0] < moved[1]


def test_a_smooth_decoder_cannot_paint_a_checkerboard():
    x = torch.randn(1, 12, 3, 3)[:, :, :1, :1].expand(-1, -1, 3, 3)  # the same for every point
    assert torch.nn.functional.pixel_shuffle(x, 2).std((2, 3)).min() > 0.01
    painted = autoencoder.Shuffle()(x)
    assert painted.shape == (1, 3, 6, 6)
    torch.testing.assert_close(painted[:, :, :5, :5], painted[:, :, :1, :1].expand(-1, -1, 5, 5))


def test_shrunk_latents_mean_the_shrunk_picture():
    tones = np.random.default_rng(0).integers(0, 256, (60, 2), dtype=np.uint8)
    halves = np.broadcast_to(tones[:, None, np.arange(16) // 8, None], (60, 16, 16, 3))
    net = autoencoder.train(
        halves, np.arange(50), SMALL, images=1200, crop=16, batch=8, lr=1e-2, bar=False
    )
    x = to_tensor(halves[50:])
    half = torch.nn.functional.avg_pool2d(x, 2)
    decoded = net.decoder(torch.nn.functional.avg_pool2d(net.encode(x), 2))
    grey = half.mean((1, 2, 3), keepdim=True).expand_as(half)
    assert autoencoder.psnr(half, decoded).mean() > autoencoder.psnr(half, grey).mean() + 5


def test_equal_seeds_give_equal_networks(stripes):
    one, two = (
        autoencoder.train(stripes, np.arange(9), SMALL, images=64, crop=16, batch=16, bar=False)
        for _ in range(2)
    )
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_psnr_of_a_known_error():
    x = torch.zeros(2, 3, 4, 4)
    # An error of 0.2 on a range of 2 is a tenth of the peak: 20 dB.
    np.testing.assert_allclose(autoencoder.psnr(x, x + 0.2), 20, rtol=1e-5)


def test_reconstruction_loss_minds_blur_and_equals_zero_for_equals():
    x = torch.rand(2, 3, 16, 16)
    assert autoencoder.reconstruction(x, x) == 0
    smooth = torch.nn.functional.avg_pool2d(x, 2)
    smooth = torch.nn.functional.interpolate(smooth, scale_factor=2)
    # The finest octave is lost wholly: it counts once as pixels and once as detail.
    expected = 2 * (x - smooth).abs().mean()
    assert autoencoder.reconstruction(smooth, x) == pytest.approx(expected.item(), rel=1e-5)


def test_saved_and_read_again(trained, tmp_path):
    path = tmp_path / "autoencoder.safetensors"
    autoencoder.save(trained, path, {"what": "test"})
    again = autoencoder.load(path)
    x = torch.rand(1, 3, 8, 8)
    assert again.shape == SMALL and torch.equal(again(x), trained(x))


def test_files_that_are_no_autoencoder(trained, tmp_path):
    with pytest.raises(InputError, match="no autoencoder here"):
        autoencoder.load(tmp_path / "none.safetensors")
    path = tmp_path / "cut.safetensors"
    autoencoder.save(trained, path, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="truncated"):
        autoencoder.load(path)


def test_pyramid_of_latents_holds_mirror_images(stripes, trained, tmp_path):
    from PIL import Image

    rows = []
    for i, image in enumerate(stripes[:5]):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        rows.append((str(i), str(tmp_path / f"{i}.png"), 2.0 + i, 5.0, "train"))
    table = pd.DataFrame(rows, columns=["id", "path", "valence", "arousal", "split"])
    pictures = photos.build(table, top=16, folder=tmp_path / "pictures")
    made = autoencoder.latents(pictures, trained, tmp_path / "latents", bar=False)
    assert made.top == 4 and len(made) == 10 and made.array(4).shape == (10, 4, 4, 4)
    assert made.table["mirrored"].tolist() == [False] * 5 + [True] * 5
    np.testing.assert_array_equal(made.va[:5], made.va[5:])
    # A row is a photo's latents to the precision of a byte, its partner those of the mirror image.
    for row, picture in ((2, stripes[2]), (7, stripes[2][:, ::-1])):
        stored = torch.from_numpy(made.array(4)[row].copy()).permute(2, 0, 1) / 127.5 - 1
        code = trained.encode(to_tensor(picture[None]))[0]
        np.testing.assert_allclose(stored, code, atol=0.5 / 127.5 + 1e-6)
    assert autoencoder.latents(pictures, trained, tmp_path / "latents").folder == made.folder
