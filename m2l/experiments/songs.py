"""Real songs: what the released model hears in some, and what is painted for them.

Conventions
-----------
Each song is heard by a model of the released kind that was trained on other artists' songs, and
placed among those. Songs are drawn at random, the same number of each quadrant that the authors of
4Q-TAFFC gave them; pictures are of the same seeds for every song. Nothing is selected. What is
written holds no sound, no name and no rating of a song, only the quadrant, and a coarse picture of
its spectrum.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from m2l import generate, results
from m2l.experiments import ear, emotion
from m2l.gan.pictures import save_grid
from m2l.music import forest, rivals
from m2l.va import DIMENSIONS, QuantileMap


def songs(out, features, root=None, folder="runs/ear", each=3, pictures=4, seed=0, **effort):
    """Hear and paint some real songs.

    Parameters
    ----------
    out : .json to write; of song i, i.png, its pictures in a row, and i-sound.png, its spectrum,
        go into the folder of the same name.
    features : .parquet of the features and the embeddings of 4Q-TAFFC, indexed by path.
    folder : of `m2l.experiments.ear.study`, which keeps what its models answered.
    each : songs of each quadrant, by as many artists.
    pictures : seeds, from 0 on.
    seed : of the draw of songs.
    effort : fields of `emotion.Effort`.
    """
    started, effort = time.monotonic(), emotion.Effort(**effort)
    source, model = ear.RELEASED["ear"]
    every, found = ear.tasks(features, root, [source])
    task = every[source]
    tested = emotion.climb(task, model, folder, effort)
    predicted, quadrants = tested["predicted"][0], found["quadrant"].to_numpy()
    released, told, place = generate.load(), [], Path(out).with_suffix("")
    place.mkdir(parents=True, exist_ok=True)
    for name, row in enumerate(drawn(quadrants, task.groups, each, seed)):
        others = tested["folds"] != tested["folds"][row]
        u = QuantileMap.fit(predicted[others])(predicted[row])
        half = forest.conformal((task.y - predicted)[others])
        images = generate.paint(u, np.arange(pictures), released)
        save_grid(images, place / f"{name}.png", columns=pictures)
        save_grid(spectrum(found["path"].iloc[row])[None], place / f"{name}-sound.png")
        ends = [np.clip(predicted[row] + s * half, 1, 9) for s in (-1, 1)]
        parts = zip(predicted[row], *ends, released.va_map.inverse(u), strict=True)
        told.append({"quadrant": str(quadrants[row])})
        for d, part in zip(DIMENSIONS, parts, strict=True):
            told[-1][d] = dict(
                zip(("value", "low", "high", "asked"), map(float, part), strict=True)
            )
    result = {"songs": told, "pictures": pictures}
    result |= {"of": len(task.y), "artists": len(set(task.groups))}
    results.save(out, result, started=started, data={"taffc": task.fingerprint()}, seed=seed)


def drawn(quadrants, artists, each, seed=0):
    """Rows at random, `each` a quadrant in their order, no artist twice."""
    rng, known, rows = np.random.default_rng(seed), set(), []
    for quadrant in np.unique(quadrants):
        own = []
        for row in rng.permutation(np.flatnonzero(quadrants == quadrant)):
            if len(own) < each and artists[row] not in known:
                own.append(int(row))
                known.add(artists[row])
        rows += own
    return rows


def spectrum(path, side=128):
    """Spectrum of a song's first 30 s as a picture (side, side, 3); time runs rightwards."""
    from matplotlib import colormaps
    from PIL import Image

    mel = rivals.log_mel(path).astype(np.float32)[::-1]
    low, high = np.percentile(mel, [5, 99.5])
    shades = colormaps["cividis"](np.clip((mel - low) / (high - low), 0, 1))[..., :3]
    image = Image.fromarray((255 * shades).astype(np.uint8))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def gallery(study, quadrant):
    """The songs of a quadrant as the report shows them: each one's spectrum, then its pictures.

    Parameters
    ----------
    study : the result of `songs`, whose pictures lie in the folder of its name.
    quadrant : Q1 to Q4

    Returns
    -------
    m2l.figures.Gallery
    """
    from PIL import Image

    from m2l import figures

    folder, groups = results.results_dir() / "songs", {}
    for i, song in enumerate(study["songs"]):
        if song["quadrant"] != quadrant:
            continue
        sound, strip = (np.asarray(Image.open(folder / f"{i}{end}.png")) for end in ("-sound", ""))
        pictures = np.split(strip, study["pictures"], axis=1)
        v, a = (results.text(song[d], ".1f") for d in DIMENSIONS)
        asked = figures.felt([[song[d]["asked"] for d in DIMENSIONS]])
        captions = ["spectrum", *asked * study["pictures"]]
        groups[f"Song {len(groups) + 1}: valence {v}, arousal {a}"] = [sound, *pictures], captions
    return figures.Gallery(groups)
