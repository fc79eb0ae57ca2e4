"""Prepare the songs and pictures of the user study.

The task. From a folder of music, choose songs that are spread over the emotions which the ear
hears in them, cut a clip of equal loudness from each, and make for each clip one picture of every
system: four generators, and a real photograph whose labels are the same emotion.

Conventions
-----------
The emotion of a song is the ear's prediction for the clip that participants hear. All pictures
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
from m2l.doors import outputs, pictures
from m2l.doors import songs as music
from m2l.errors import InputError
from m2l.music import ear, features
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
    generators : dict of system to .safetensors. The full system's is needed; of the other systems
        but "real photo", those without one are stood in for by the full system, so that the study
        can be tried: with the song's emotion, the unconditional one with another song's.
    photos : DataFrame with columns path, valence, arousal and label_source; painted ones
        ("synthetic") are stand-ins.
    out : the folder, new or empty.
    count : int, songs to choose.
    seconds : of a clip.
    seed : int, of scenes, of names and of the choice where there are many songs.
    side : int, pixels of a picture as shown.
    jobs : processes.

    Returns
    -------
    dict, what was written to `stimuli.json`: songs and images as in the design file, stand_ins
    (names of systems), and sources, the file that each song was cut from.

    Raises
    ------
    InputError
        If there are too few songs or photos, or a file cannot be used.
    """
    out, rng = Path(out), np.random.default_rng(seed)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: not empty; name a new folder")
    if len(photos) < count:
        raise InputError(f"photos: {len(photos)} for {count} songs; give one a song at least")
    released = {name: generate.load(path) for name, path in generators.items()}
    full = released["full"]
    stand_ins = [name for name in study.SYSTEMS[:-1] if name not in released]
    if (photos["label_source"] == "synthetic").any():
        stand_ins.append(study.SYSTEMS[-1])
    found, passed = music.find(*songs)
    if passed:
        log.warning("%s", music.told(len(found), passed))
    found = [found[i] for i in np.sort(rng.permutation(len(found))[: 5 * count])]
    reader = ear.load()
    with tempfile.TemporaryDirectory() as folder:
        clips = {}
        for i, song in enumerate(found):
            sound, rate = clip(song, seconds)
            if sound is not None:
                soundfile.write(path := str(Path(folder, f"{i}.wav")), sound, rate)
                clips[path] = song
        if len(clips) < count:
            raise InputError(f"songs: {len(clips)} of {seconds:g} s or more; give {count} at least")
        table, _ = features.extract_many(list(clips), jobs, names=reader.names)
        heard = ear.describe(table, reader)[list(study.DIMENSIONS)].to_numpy()
        chosen = spread(reader.va_map(heard), count)
        made = study.placeholders(count, seconds, seed)
        for folder in ("songs", "images"):
            (out / folder).mkdir(parents=True)
        sources = {}
        for (name, song), i in zip(made["songs"].items(), chosen, strict=True):
            sound, rate = soundfile.read(table.index[i])
            path, channels = out / song["src"], sound[:1].size
            with soundfile.SoundFile(path, "w", rate, channels, format="OGG") as file:
                # In small parts: libsndfile's encoder overflows the stack on long ones.
                for part in np.array_split(sound, len(sound) // 4096 + 1):
                    file.write(part)
            sources[name] = outputs.readable(clips[str(table.index[i])])
    asked, drawn = generate.carry(heard[chosen], reader, full), {}
    for system in study.SYSTEMS[:-1]:
        model = released.get(system, full)
        u = model.va_map(generate.carry(heard[chosen], reader, model))
        if system == "unconditional" and system in stand_ins:
            u = rng.permutation(u)
        drawn[system] = generate.paint(u, rng.integers(2**31, size=count), model), asked
    labels = photos[list(study.DIMENSIONS)].to_numpy(float)
    own = nearest(full.va_map(asked), full.va_map(labels))
    opened = [pictures.read(photos["path"].iloc[i]) for i in own]
    drawn["real photo"] = [np.asarray(small(x, full.resolution)) for x in opened], labels[own]
    numbers = {song: i for i, song in enumerate(made["songs"])}
    for image in made["images"].values():
        i, (painted, va) = numbers[image["song"]], drawn[image["system"]]
        picture = small(Image.fromarray(painted[i]), full.resolution)
        picture.resize((side, side), Image.Resampling.BICUBIC).save(out / image["src"])
        image |= dict(zip(study.DIMENSIONS, np.round(va[i], 2).tolist(), strict=True))
    result = made | {"stand_ins": stand_ins, "sources": sources}
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (out / "stimuli.json").write_text(text + "\n", encoding="utf-8")
    return result


def small(image, side):
    """The middle square of a picture at the side of the full system's."""
    return pictures.square(image, side, Image.Resampling.LANCZOS)


def clip(path, seconds):
    """The middle of a song, faded and at `LOUDNESS`, None if too short or silent; and its rate."""
    sound, rate = music.excerpt(path, seconds)
    level = 0 if sound is None else np.sqrt(np.mean(sound**2))
    if level == 0:
        return None, rate
    frames = np.arange(len(sound))
    ramp = np.minimum(frames, frames[::-1]) / (_FADE * rate)
    sound = sound * np.minimum(ramp, 1)[:, None] * 10 ** (LOUDNESS / 20) / level
    return sound / max(1, np.abs(sound).max() / 0.98), rate


def spread(points, count):
    """Choose points (n, d) far from one another: the middle one first, then the furthest; rows."""
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
