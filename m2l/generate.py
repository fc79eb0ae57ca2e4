"""From valence and arousal, or from a song, to landscapes.

Conventions
-----------
Valence and arousal are on 1–9. `landscapes` takes them on the photos' scale. A song's emotion is
on the music's scale, so `from_song` carries it over by quantiles: a song happier than 80 % of
songs gets a landscape happier than 80 % of landscapes. One seed is one scene.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from m2l import Callable, va
from m2l.errors import InputError

WEIGHTS = Path(__file__).parent / "weights" / "generator.safetensors"
OF = 8  # scenes tried for each picture of a song
OTHERS = 2**24  # between the seeds of the scenes that are tried for one picture


@dataclass
class Released:
    """A generator read from its file.

    Attributes
    ----------
    network : m2l.gan.networks.Generator
    resolution : side of the pictures, in pixels.
    finest : side of the largest; halved to the resolution, they are nearly the same pictures.
    va_map : QuantileMap of the photos' labels.
    emphasis : ndarray (2,), how many times further from the middle than is wanted valence and
        arousal are asked, see `m2l.experiments.emphasis`; 1 as trained.
    card : dict of text
    """

    network: object
    resolution: int
    finest: int
    va_map: va.QuantileMap
    emphasis: np.ndarray
    card: dict

    @property
    def z(self):
        """Length of the noise vector."""
        return self.network.sizes.z

    def image(self, z, u, side=None):
        """Noise (N, z) and quantiles (N, 2) in [-1, 1] to images (N, 3, R, R) in [-1, 1].

        A smaller side, such as R/2 or R/4, takes less time.
        """
        u = u * u.new_tensor(self.emphasis)
        return self.network(z, u, self.network.sizes.stage(side or self.resolution))


def load(path=WEIGHTS):
    """Read a released generator.

    Raises
    ------
    InputError
        If the file is missing, damaged or no generator of this package.
    """
    path = Path(path)
    return _load(path, path.stat().st_mtime_ns if path.is_file() else None)


@lru_cache(maxsize=4)
def _load(path, changed):
    """Read once for as long as the file stays as it is."""
    import torch

    from m2l.gan.checkpoints import read_checkpoint
    from m2l.gan.networks import Generator, Sizes

    missing = "generator here; train one with 'm2l gan train'"
    header, tensors = read_checkpoint(path, "m2l-generator", missing)
    try:
        va_map = va.QuantileMap(tensors.pop("va_knots").numpy())
        emphasis = np.array(json.loads(header.get("emphasis", "[1, 1]")), float)
        if emphasis.shape != (2,) or not np.isfinite(emphasis).all():
            raise ValueError(f"emphasis {emphasis}")
        if not all(t.isfinite().all() for t in tensors.values()):
            raise ValueError("values that are not finite")
        sizes = Sizes(**json.loads(header["sizes"]))
        with torch.random.fork_rng(devices=[]):
            network = Generator(sizes)
        network.load_state_dict(tensors)
        resolution, card = int(header["resolution"]), json.loads(header["card"])
        sides = [sizes.resolution(i) for i in range(len(sizes.widths))]
        if resolution not in sides:
            raise ValueError(f"resolution {resolution}")
        finest = sides[-1] if sizes.detail else resolution
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: tensors do not fit its header ({reason}); get it again"
        ) from None
    network = network.eval().requires_grad_(False)
    return Released(network, resolution, finest, va_map, emphasis, card)


def noise(seed, z):
    """Noise (N, z) of seeds (N,), each the same wherever it stands."""
    import torch

    return torch.cat(
        [torch.randn(1, z, generator=torch.Generator().manual_seed(int(s))) for s in seed]
    )


def landscapes(valence, arousal, seed=0, weights=WEIGHTS, batch=4, of=1, side=None):
    """Paint landscapes for an emotion.

    Parameters
    ----------
    valence, arousal : float or array, 1–9, on the scale of the photos' labels.
    seed : int or array; equal seeds give the same scene under different emotions.
        The three broadcast to the N pictures.
    weights : path of a generator's file, the released one by default.
    batch : pictures computed at a time; with more, memory is asked for and given back each time.
    of : scenes tried for each picture, `seed` and others; what is kept is the one whose emotion
        the scene network (`m2l.judge.scene`) sees closest to what is asked.
    side : of the pictures in pixels; the generator's own resolution by default.

    Returns
    -------
    ndarray (N, side, side, 3) uint8

    Raises
    ------
    InputError
        If valence or arousal leaves 1–9.
    """
    released = load(weights)
    ratings = va.check(valence, arousal)
    return paint(released.va_map(ratings), seed, released, batch, of, side)


def paint(u, seed, released, batch=4, of=1, side=None):
    """Paint landscapes for quantiles u (..., 2) in [-1, 1]; see `landscapes`."""
    u = np.asarray(u, np.float32)
    shape = np.broadcast_shapes(u.shape[:-1], np.shape(seed))
    u = np.broadcast_to(u, (*shape, 2)).reshape(-1, 2)
    seeds = np.broadcast_to(seed, shape).reshape(-1, 1) + OTHERS * np.arange(of)
    u = np.repeat(u, of, axis=0)
    z, side = noise(seeds.ravel(), released.z).numpy(), side or released.resolution
    if of > 1:
        from m2l.judge import scene

        images, net = render(z, u, released, batch), _chooser()
        off = (scene.look(net, images)[2] - released.va_map.inverse(u)) / net.va_sd.numpy()
        nearest = np.linalg.norm(off, axis=1).reshape(-1, of).argmin(1)
        kept = of * np.arange(len(nearest)) + nearest
        if side <= released.resolution:
            return resized(images[kept], side)
        z, u = z[kept], u[kept]
    return sized(z, u, released, side, batch)


@lru_cache(maxsize=1)
def _chooser():
    """The scene network that ships, read once for all songs of a folder."""
    from m2l.judge import scene

    return scene.load()


def sized(z, u, released, side, batch=4):
    """Pictures (N, side, side, 3) uint8, as `render` has them, from the resolution that suits."""
    native = released.resolution if side <= released.resolution else released.finest
    return resized(render(z, u, released, batch, native), side)


def render(z, u, released, batch=4, side=None):
    """Pictures (N, H, W, 3) uint8 of noise (N, z) and quantiles u (N, 2) in [-1, 1]."""
    import torch

    from m2l.gan.pictures import to_uint8

    z, u = (torch.as_tensor(np.array(x, np.float32)) for x in (z, u))
    with torch.inference_mode():
        parts = [
            to_uint8(released.image(z[i : i + batch], u[i : i + batch], side))
            for i in range(0, len(z), batch)
        ]
    return np.concatenate(parts)


def resized(images, side, how=None):
    """Images (N, H, W, 3) uint8 at another side, bicubic or by another of Pillow's rules."""
    from PIL import Image

    if side == images.shape[1]:
        return images
    how = Image.Resampling.BICUBIC if how is None else how
    return np.stack([np.asarray(Image.fromarray(x).resize((side, side), how)) for x in images])


def carry(emotion, model, released):
    """A song's valence and arousal to a landscape's, at the same quantiles.

    Parameters
    ----------
    emotion : array (..., 2), 1–9, predictions of `model`.

    Returns
    -------
    ndarray (..., 2), 1–9, on the scale of the photos' labels.
    """
    return released.va_map.inverse(model.va_map(emotion))


def from_song(path, seed=0, weights=WEIGHTS, model="ear", spread=False, of=OF, side=None):
    """Paint landscapes for a song.

    Parameters
    ----------
    path : the song's file.
    seed : int or array (N,)
    weights : path of a generator's file
    model : m2l.music.ear.Ear, or the name of one that ships.
    spread : whether each picture is for an emotion of its own, drawn from what the song may be
        felt like (`m2l.music.ear.Ear.draw`), in place of the one that is likeliest.
    of : scenes tried for each picture, see `landscapes`; with 1, a seed is the scene it is there.
    side : of the pictures in pixels; the generator's own resolution by default.

    Returns
    -------
    images : ndarray (N, side, side, 3) uint8
    emotion : Series with the song's valence and arousal, the ends of their intervals, and
        landscape_valence and landscape_arousal, what the pictures were asked for; with spread,
        on average.

    Raises
    ------
    InputError
        If the song cannot be read.
    """
    from pandas import DataFrame

    from m2l.music import ear, features

    model = ear.load(model)
    table = DataFrame([features.extract(path, model.names)])
    emotion = ear.describe(table, model).iloc[0]
    released = load(weights)
    if spread:
        drawn = model.draw(table, np.size(seed), int(np.min(seed)))[0]
        asked = released.va_map.inverse(model.label_map(drawn.reshape(*np.shape(seed), 2)))
    else:
        asked = carry(emotion[["valence", "arousal"]].to_numpy(float), model, released)
    emotion["landscape_valence"], emotion["landscape_arousal"] = asked.reshape(-1, 2).mean(0)
    return paint(released.va_map(asked), seed, released, of=of, side=side), emotion


def cover(path, count=1, size=1024, seed=0, weights=WEIGHTS):
    """Paint album covers for a song.

    Parameters
    ----------
    path : the song's file.
    count : how many, of the scenes from `seed` on; size : side in pixels.

    Returns
    -------
    ndarray (count, size, size, 3) uint8
    """
    return from_song(path, seed + np.arange(count), weights, side=size)[0]


def sheet(images, captions, columns=None):
    """Images (N, S, S, 3) uint8 on white, each above its caption, which may have two lines."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    from m2l.gan.pictures import tile

    n, side, cells = len(images), len(images[0]), []
    gap, line = side // 24, max(9, side // 16)
    fonts = f"{matplotlib.get_data_path()}/fonts/ttf"
    font = ImageFont.truetype(f"{fonts}/DejaVuSans.ttf", line * 3 // 4)
    for image, caption in zip(images, captions, strict=True):
        lines = caption.split("\n")
        cell = Image.new("RGB", (side + 2 * gap, side + 2 * gap + line * len(lines)), "white")
        cell.paste(Image.fromarray(image), (gap, gap))
        draw = ImageDraw.Draw(cell)
        for i, text in enumerate(lines):
            while draw.textlength(text, font) > side:
                text = text.rstrip("…")[:-1] + "…"
            draw.text((gap, side + gap * 1.2 + i * line), text, "black", font)
        cells.append(np.asarray(cell))
    columns = columns or int(np.ceil(np.sqrt(n)))
    blank = [np.full_like(cells[0], 255)] * (-n % columns)
    return tile(np.stack(cells + blank), columns)


def run(song, arousal=None, seed=0, weights=WEIGHTS, side=None):
    """Landscapes (N, side, side, 3) uint8 for a song's file, or for a valence and an arousal.

    What `m2l.generate` does when it is called; see `from_song` and `landscapes`.
    """
    if arousal is None:
        return from_song(song, seed, weights, side=side)[0]
    return landscapes(song, arousal, seed, weights, side=side)


Callable.make(__name__)
