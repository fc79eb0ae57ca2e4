"""Prepare the songs and pictures of the user study.

The task. From a folder of music, choose songs that are spread over the emotions which the forest
hears in them, cut a clip of equal loudness from each, and make for each clip one picture of every
system: four generators, and a real photograph whose labels are the same emotion.

Conventions
-----------
The emotion of a song is the forest's prediction for the clip that participants hear. All pictures
have the side of the full system's and are enlarged alike, so that sharpness does not tell a
photograph from a generated picture. Names of files tell nothing about systems or songs.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from m2l import generate
from m2l.doors import outputs
from m2l.doors import pictures as opener
from m2l.doors import songs as door
from m2l.errors import InputError
from m2l.music import features, forest
from m2l.people import design as study

log = logging.getLogger(__name__)

LOUDNESS = -20  # dB of full scale, RMS
_FADE = 0.5  # s at both ends


def prepare(songs, generators, photos, out, count, seconds=15, seed=0, side=512, jobs=1):
    """Write clips, pictures and `stimuli.json` into a folder.

    Parameters
    ----------
    songs : list of paths, of songs and of folders of songs; `count` or more, of which at most
        five times as many are looked at.
    generators : dict of system to .safetensors, for all of
        `m2l.people.design.SYSTEMS` but "real photo".
    photos : DataFrame with columns path, valence and arousal.
    out : the folder, new or empty.
    count : int, songs to choose.
    seconds : of a clip.
    seed : int, of scenes, of names and of the choice where there are many songs.
    side : int, pixels of a picture as shown.
    jobs : processes.

    Returns
    -------
    dict, what was written to `stimuli.json`: songs and images as in the design file, and sources,
    the file that each song was cut from.

    Raises
    ------
    InputError
        If there are too few songs or photos, or a file cannot be used.
    """
    out, rng = Path(out), np.random.default_rng(seed)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: not empty; name a new folder")
    missing = [name for name in study.SYSTEMS[:-1] if name not in generators]
    if missing:
        raise InputError(f"generators: none for {', '.join(missing)}")
    if len(photos) < count:
        raise InputError(f"photos: {len(photos)} for {count} songs; give one a song at least")
    released = {name: generate.load(path) for name, path in generators.items()}
    found, passed = door.find(*songs)
    if passed:
        log.warning("%s", door.told(len(found), passed))
    found = [found[i] for i in np.sort(rng.permutation(len(found))[: 5 * count])]
    reader = forest.load()
    with tempfile.TemporaryDirectory() as folder:
        clips = {}
        for i, song in enumerate(found):
            sound = clip(song, seconds)
            if sound is not None:
                clips[str(Path(folder) / f"{i}.wav")] = song
                soundfile.write(Path(folder) / f"{i}.wav", *sound)
        if len(clips) < count:
            raise InputError(f"songs: {len(clips)} of {seconds:g} s or more; give {count} at least")
        table, _ = features.extract_many(list(clips), jobs, names=reader.names)
        heard = forest.describe(table, reader)[list(study.DIMENSIONS)].to_numpy()
        chosen = spread(reader.va_map(heard), count)
        names = [f"s{i + 1:02d}" for i in range(count)]
        (out / "songs").mkdir(parents=True)
        (out / "images").mkdir()
        sources = {}
        for name, i in zip(names, chosen, strict=True):
            path = table.index[i]
            sound, rate = soundfile.read(path)
            # In small parts: libsndfile's encoder overflows the stack on long ones.
            with soundfile.SoundFile(
                out / "songs" / f"{name}.ogg", "w", rate, sound[0].size, format="OGG"
            ) as file:
                for part in np.array_split(sound, len(sound) // 4096 + 1):
                    file.write(part)
            sources[name] = outputs.readable(clips[str(path)])
    emotion = heard[chosen]
    full = released["full"]
    asked = generate.carry(emotion, reader, full)
    made = study.placeholders(count, seconds, seed)
    pictures = {}
    for system, model in released.items():
        u = model.va_map(generate.carry(emotion, reader, model))
        drawn = generate.paint(u, rng.integers(2**31, size=count), model)
        pictures |= {(system, n): (x, va) for n, x, va in zip(names, drawn, asked, strict=True)}
    labels = photos[list(study.DIMENSIONS)].to_numpy(float)
    for n, i in zip(names, nearest(full.va_map(asked), full.va_map(labels)), strict=True):
        photo = opener.read(photos["path"].iloc[i])
        cut = opener.square(photo, full.resolution, Image.Resampling.LANCZOS)
        pictures["real photo", n] = np.asarray(cut), labels[i]
    for image in made["images"].values():
        pixels, va = pictures[image["system"], image["song"]]
        small = opener.square(Image.fromarray(pixels), full.resolution, Image.Resampling.LANCZOS)
        small.resize((side, side), Image.Resampling.BICUBIC).save(out / image["src"])
        image |= dict(zip(study.DIMENSIONS, np.round(va, 2).tolist(), strict=True))
    result = made | {"sources": sources}
    (out / "stimuli.json").write_text(
        json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return result


def clip(path, seconds):
    """The middle of a song, faded and at `LOUDNESS`, and its rate; None if it is too short."""
    sound, rate = door.excerpt(path, seconds)
    if sound is None:
        return None
    length = len(sound)
    level = np.sqrt(np.mean(sound**2))
    if level == 0:
        return None
    ramp = np.minimum(np.arange(length), np.arange(length)[::-1]) / (_FADE * rate)
    sound = sound * np.minimum(ramp, 1)[:, None] * 10 ** (LOUDNESS / 20) / level
    return sound / max(1, np.abs(sound).max() / 0.98), rate


def spread(points, count):
    """Choose points that are far from one another: the middle one first, then the furthest.

    Parameters
    ----------
    points : ndarray (n, d)
    count : int, up to n.

    Returns
    -------
    list of int, indices.
    """
    chosen = [int(np.argmin(((points - points.mean(0)) ** 2).sum(1)))]
    while len(chosen) < count:
        apart = ((points[:, None] - points[chosen]) ** 2).sum(-1).min(1)
        apart[chosen] = -1
        chosen.append(int(np.argmax(apart)))
    return chosen


def nearest(points, others):
    """Match each point to one of the others, none of them twice, at the least total distance."""
    from scipy.optimize import linear_sum_assignment

    apart = ((points[:, None] - others) ** 2).sum(-1)
    return linear_sum_assignment(apart)[1]
