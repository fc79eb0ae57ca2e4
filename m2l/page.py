"""What the book's pages play with: the generator for the browser, a grid of it, pieces of music.

Everything here is computed from what the package ships, so none of it is kept under version
control. The page "Play with it" runs the generator by ONNX Runtime Web; where it cannot run, and
on paper, the grid stands in its place.

Conventions
-----------
Emotions are quantiles u = (valence, arousal) in [-1, 1], as the generator takes them; the page
shows them as ratings, on 1–9. Scene n is the seed n of `m2l.generate`: the page shows for it what
the package paints. Paths are rows (seconds, valence, arousal).
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np

from m2l import generate
from m2l.errors import InputError
from m2l.sample import compose as synth

GRID = 7
SCENES = 256
SCENE = 22  # the one that the pages open with
SIDE = 384  # of a picture on the landing page, in pixels
TILE = 128  # of a picture in the grid, at least

MOODS = {"cheerful": (8, 7), "tense": (2, 8), "gloomy": (2, 2), "serene": (8, 3)}
PIECES = {mood: (mood,) for mood in MOODS} | {"journey": ("gloomy", "tense", "cheerful", "serene")}
"""Piece → the moods that it passes through; all are by one composer, of one seed."""
COMPOSER = 2
SECONDS = 20.0  # of a piece in one mood
PART = 13.0  # of a part of a piece in several, s
OVERLAP = 1.5  # of neighbouring parts, s


def build(folder, weights=generate.WEIGHTS, model="ear"):
    """Write all that the pages need.

    The files of ONNX Runtime Web lie in the folder `ort` beside; without them the page makes do
    with the grid.

    Parameters
    ----------
    folder : where to; made if need be.
    weights : path of a generator's file, the released one by default.
    model : m2l.music.ear.Ear, or the name of one that ships.

    Raises
    ------
    InputError
        If the weights are missing or damaged.
    """
    from PIL import Image

    from m2l.gan.pictures import plane, tile
    from m2l.music import ear

    folder, released = Path(folder), generate.load(weights)
    model = ear.load(model)
    folder.mkdir(parents=True, exist_ok=True)
    export(released, folder / "generator.onnx")
    generate.noise(range(SCENES), released.z).numpy().astype("<f4").tofile(folder / "noise.bin")

    def save(images, name, side):
        picture = tile(generate.enlarged(images, side))
        Image.fromarray(picture).save(folder / name, quality=90, subsampling=0, optimize=True)

    grid = generate.paint(plane(GRID), SCENE, released)
    save(grid, "grid.jpg", max(TILE, released.resolution))
    songs = {name: music(name, folder / f"{name}.mp3", model) for name in PIECES}
    for mood in MOODS:
        u = songs[mood]["composed"][0][1:]
        save(generate.paint(u, SCENE, released), f"{mood}.jpg", SIDE)
    runtime = (folder.parent / "ort").glob("*.wasm")
    facts = {
        "resolution": released.resolution,
        "z": released.z,
        "scene": SCENE,
        "scenes": SCENES,
        "grid": GRID,
        "ratings": np.round(ratings(released.va_map), 4).T.tolist(),
        "bytes": {
            "generator": (folder / "generator.onnx").stat().st_size,
            "runtime": sum(file.stat().st_size for file in runtime),  # 0 where there is none
        },
        "card": released.card,
        "pieces": songs,
    }
    (folder / "pieces.md").write_text(cards(songs))
    (folder / "generator.json").write_text(json.dumps(facts))  # last: with it, all is there


def export(released, path):
    """Write a generator as one ONNX graph.

    Inputs z (N, z), standard normal, and u (N, 2) in [-1, 1]; output image (N, 3, H, W) in [-1, 1].

    Raises
    ------
    InputError
        If ONNX is not installed.
    """
    import torch

    if not importlib.util.find_spec("onnxscript"):
        raise InputError("onnxscript is not installed: pip install 'm2l[book]'")

    class Painter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = released.network

        def forward(self, z, u):
            return released.image(z, u)

    shapes = {name: {0: torch.export.Dim.DYNAMIC} for name in ("z", "u")}
    torch.onnx.export(
        Painter().eval(),
        # Three, since a batch of one or two might be taken for a constant.
        (torch.zeros(3, released.z), torch.zeros(3, 2)),
        str(path),
        input_names=["z", "u"],
        output_names=["image"],
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    )


def ratings(va_map, knots=65):
    """Ratings (knots, 2) at equally spaced quantiles, between which the page interpolates."""
    return va_map.inverse(np.repeat(np.linspace(-1, 1, knots)[:, None], 2, axis=1))


def music(name, path, model):
    """Compose one of `PIECES` into an mp3.

    Returns
    -------
    dict with title, seconds, and two paths: `composed` is the emotion that the music was written
    for, at its quantile in the sample corpus, which spreads its pieces evenly over 1–9; `heard` is
    what the model hears about each second, at its quantile among songs.
    """
    import soundfile

    moods = PIECES[name]
    seconds = SECONDS if len(moods) == 1 else PART
    parts = [synth.compose(*MOODS[mood], seed=COMPOSER, seconds=seconds) for mood in moods]
    every = round((seconds - OVERLAP) * synth.SR)
    sound = np.zeros(every * (len(parts) - 1) + len(parts[0]), np.float32)
    composed = []
    for i, (mood, part) in enumerate(zip(moods, parts, strict=True)):
        sound[i * every : i * every + len(part)] += part
        start, u = i * every / synth.SR, (np.array(MOODS[mood]) - 5) / 4
        composed += [(start + OVERLAP, *u), (start + seconds - OVERLAP, *u)]
    soundfile.write(
        path,
        np.clip(sound, -1, 1),
        synth.SR,
        format="MP3",
        bitrate_mode="VARIABLE",
        compression_level=0.6,
    )
    return {
        "title": name.capitalize() if len(moods) == 1 else "Through all four",
        "seconds": round(len(sound) / synth.SR, 2),
        "composed": np.round(composed, 3).tolist(),
        "heard": np.round(listen(sound, model), 3).tolist(),
    }


def listen(sound, model):
    """What a model hears each second of a sound at 22,050 Hz.

    Returns
    -------
    ndarray (seconds, 3): seconds, and quantiles of valence and arousal among songs.
    """
    from m2l.music import ear

    heard = ear.over_time(sound, model)
    return np.column_stack([heard["time"], model.va_map(heard[["valence", "arousal"]].to_numpy())])


CARD = """\
:::{{grid-item}}
![Landscape painted for a {mood} piece: valence {v}, arousal {a}](_static/play/{mood}.jpg)

**{title}** valence {v}, arousal {a}

<audio controls preload="none" src="../_static/play/{mood}.mp3" aria-label="{title} piece, \
{seconds:.0f} seconds"></audio>
:::
"""


def cards(songs):
    """MyST of the landing page: each mood's picture and player, then what the ear hears."""
    body = "\n".join(
        CARD.format(mood=m, title=m.capitalize(), v=v, a=a, seconds=songs[m]["seconds"])
        for m, (v, a) in MOODS.items()
    )
    return f"::::{{grid}} 2 2 4 4\n:gutter: 3\n:class-container: pieces\n\n{body}::::\n"
