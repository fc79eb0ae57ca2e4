"""What the book's pages play with: generator and ear for the browser, a grid, pieces and a film.

Everything here is computed from what the package ships, so none of it is kept under version
control. The page "Play with it" runs the networks by ONNX Runtime Web; where they cannot run, and
on paper, the grid stands in its place.

Conventions
-----------
Emotions are quantiles u = (valence, arousal) in [-1, 1], as the generator takes them; the page
shows them as ratings, on 1–9. Scene n is the seed n of `m2l.generate`: the page shows for it what
the package paints. Paths are rows (seconds, valence, arousal).
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from m2l import film as films
from m2l import generate
from m2l.sample import compose as synth

GRID = 7
SCENES = 256
SCENE = 0  # the one that the pages open with, and the film
SIDE = 384  # of a picture on the landing page, in pixels
TILE = 128  # of a picture in the grid, at least

MOODS = {"cheerful": (8, 7), "tense": (2, 8), "gloomy": (2, 2), "serene": (8, 3)}
PIECES = {mood: (mood,) for mood in MOODS} | {"journey": ("gloomy", "tense", "cheerful", "serene")}
"""Piece → the moods that it passes through; all are by one composer, of one seed."""
COMPOSER = 2
SECONDS = 20.0  # of a piece in one mood
PART = 13.0  # of a part of a piece in several, s
OVERLAP = 1.5  # of neighbouring parts, s
FILM, FILM_PART = 448, 7.0  # the first page's film: side in pixels, s of each mood
STILLS = 7


def build(out, weights=generate.WEIGHTS):
    """Write what the book's pages play with.

    \b
    lead.onnx         the generator to half its side: z (1, 100), u (1, 2) to image and features
    generator.onnx    the rest of it, to its side
    finest.onnx       and its detail, to twice its side
    ear.onnx          the networks and trees that hear a song
    generator.json    its card, the scale of its plane, the pieces and their paths
    noise.bin         z of the scenes 0 to 255, float32
    grid.jpg, *.jpg   one scene over the plane; a landscape for each mood
    *.mp3             pieces that m2l composes
    film.mp4          the film of one that passes through all moods; film.jpg, stills.jpg of it

    The files of ONNX Runtime Web lie in the folder `ort` beside; without them the page makes do
    with the grid.

    Parameters
    ----------
    out : folder, made if need be.
    weights : a generator; the released one by default.

    Raises
    ------
    InputError
        If the weights are missing or damaged.
    """
    from PIL import Image

    from m2l import graphs
    from m2l.gan.pictures import plane, tile
    from m2l.music import ear, tagging

    folder, released, model = Path(out), generate.load(weights), ear.load()
    side = released.resolution
    folder.mkdir(parents=True, exist_ok=True)
    graphs.generator(released, folder)
    graphs.ear(model, folder / "ear.onnx")
    generate.noise(range(SCENES), released.z).numpy().astype("<f4").tofile(folder / "noise.bin")

    def save(u, name, side):
        picture = Image.fromarray(tile(generate.paint(u, SCENE, released, side=side)))
        picture.save(folder / name, quality=90, subsampling=0, optimize=True)

    save(plane(GRID), "grid.jpg", max(TILE, side))
    songs = {}
    for name, moods in PIECES.items():
        songs[name] = {"title": name.capitalize() if len(moods) == 1 else "Through all four"}
        seconds = SECONDS if len(moods) == 1 else PART
        songs[name] |= piece(moods, folder / f"{name}.mp3", seconds)
    for mood in MOODS:
        save(songs[mood]["composed"][0][1:], f"{mood}.jpg", SIDE)
    film(folder, weights)
    sizes = {file.stem: file.stat().st_size for file in folder.glob("*.onnx")}
    runtimes = {file.suffixes[0]: file.stat().st_size for file in folder.parent.glob("ort/*.wasm")}
    facts = {
        "sides": [side // 2, side] + [released.finest] * (released.finest > side),
        "z": released.z,
        "scene": SCENE,
        "scenes": SCENES,
        "grid": GRID,
        "ratings": np.round(ratings(released.va_map), 4).T.tolist(),
        "bytes": {
            "generator": sum(n for name, n in sizes.items() if name != "ear"),
            "ear": sizes["ear"],
            "runtime": runtimes.get(".wasm", 0),  # 0 where there is none
            "gpu": runtimes.get(".jspi", 0),  # of the one that knows WebGPU
        },
        "hearing": {
            "rate": tagging.SR,
            "window": graphs.WINDOW,
            "every": tagging.STEP,
            "about": ear.WINDOW,
            "quantiles": np.round(model.va_map(np.linspace([1, 1], [9, 9], 801)), 4).T.tolist(),
        },
        "card": released.card,
        "pieces": songs,
    }
    (folder / "pieces.md").write_text(cards(songs))
    (folder / "generator.json").write_text(json.dumps(facts))  # last: with it, all is there


def ratings(va_map, knots=65):
    """Ratings (knots, 2) at equally spaced quantiles, between which the page interpolates."""
    return va_map.inverse(np.repeat(np.linspace(-1, 1, knots)[:, None], 2, axis=1))


def piece(moods, path, seconds):
    """Compose a piece that passes through moods into an mp3.

    Parameters
    ----------
    moods : names of `MOODS`
    path : file to write.
    seconds : of each mood's part; neighbours overlap by `OVERLAP`.

    Returns
    -------
    dict with seconds, and two paths: `composed` is the emotion that the music was written for, at
    its quantile in the sample corpus, which spreads its pieces evenly over 1–9; `heard` is what
    `m2l.over_time` says of it, at its quantile among songs.
    """
    import soundfile

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
        "seconds": round(len(sound) / synth.SR, 2),
        "composed": np.round(composed, 3).tolist(),
        "heard": np.round(np.column_stack(films.path(path)), 3).tolist(),
    }


def film(folder, weights):
    """The first page's film, of a piece through all moods, and its picture before it is played.

    As the pictures beside it, it is painted for the emotion that the piece was composed for.
    """
    import av
    from PIL import Image

    from m2l.gan.pictures import tile

    with TemporaryDirectory() as scratch:
        song = Path(scratch) / "piece.mp3"
        composed = np.array(piece(PIECES["journey"], song, FILM_PART)["composed"])
        felt = composed[:, 0], composed[:, 1:]
        out = folder / "film.mp4"
        films.write(song, out, FILM, seed=SCENE, felt=felt, quality=29, weights=weights)
    with av.open(str(out)) as file:
        shown = list(file.decode(video=0))
    shown[round(0.6 * len(shown))].to_image().save(folder / "film.jpg", quality=85, optimize=True)
    stills = [
        shown[i].to_ndarray(format="rgb24")
        for i in np.linspace(0, len(shown) - 1, STILLS, dtype=int)
    ]
    picture = tile(generate.resized(np.stack(stills), SIDE // 2), columns=STILLS)
    Image.fromarray(picture).save(folder / "stills.jpg", quality=88, optimize=True)


CARD = """\
:::{{grid-item}}
![Landscape painted for a {mood} piece: valence {v}, arousal {a}](_static/play/{mood}.jpg)

**{title}** valence {v}, arousal {a}

<audio controls preload="none" src="../_static/play/{mood}.mp3" aria-label="{title} piece, \
{seconds:.0f} seconds"></audio>
:::
"""


def cards(songs):
    """MyST of the landing page: each mood's picture and player."""
    body = "\n".join(
        CARD.format(mood=m, title=m.capitalize(), v=v, a=a, seconds=songs[m]["seconds"])
        for m, (v, a) in MOODS.items()
    )
    return f"::::{{grid}} 2 2 4 4\n:gutter: 3\n:class-container: pieces\n\n{body}::::\n"
