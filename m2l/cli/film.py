"""Commands on songs that give more than one picture: film, cover."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from m2l.cli._base import SCENE, _plural, main, output
from m2l.cli.songs import _each, _found
from m2l.doors import outputs
from m2l.errors import InputError


@main.command()
@click.argument("song", type=click.Path())
@output(".mp4", ".webm", ".gif", help=".mp4, .webm or .gif (no sound).")
@click.option("--size", type=click.IntRange(64, 2048), default=512, help="Side in pixels.")
@click.option("--fps", type=click.IntRange(1, 60), help="Frames a second: 24, of a GIF 10.")
@SCENE
def film(song, out, size, fps, seed):
    """Make a film of SONG: a landscape that changes its mood with the music.

    \b
    m2l film song.mp3 -o song.mp4
    m2l film song.mp3 -o song.webm --size 720 --seed 7

    Ctrl-C keeps the part that is done.
    """
    from m2l import film as films

    done, total = films.write(song, out, size, fps, seed)
    if done < total - 1:
        click.echo(f"m2l: interrupted; {out} holds the first {done:.0f} of {total:.0f} s", err=True)
        click.get_current_context().exit(130)
    click.echo(f"{out}: {done:.0f} s, {size}×{size}")


@main.command()
@click.argument("songs", type=click.Path())
@click.option("-o", "--out", type=click.Path(), help="A picture; for a folder of songs a folder.")
@click.option("--beside", is_flag=True, help="Write each cover beside its song, as NAME.cover.png.")
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 24),
    default=1,
    help="Covers to choose from, on one sheet that tells their seeds.",
)
@click.option("--size", type=click.IntRange(64, 4096), default=1024, help="Side in pixels.")
@SCENE
def cover(songs, out, beside, count, size, seed):
    """Paint an album cover for a song, or for each song of a folder.

    \b
    m2l cover song.mp3 -o cover.png
    m2l cover song.mp3 -o choose.png -n 6     six scenes; take one by its --seed
    m2l cover Album/ --beside                 one beside each song
    m2l cover Album/ -o covers                ... or in a folder of their own

    A folder also gets a contact sheet: covers.png, with title, valence and arousal.
    """
    import numpy as np
    from PIL import Image

    from m2l import generate as generator

    if bool(out) == beside:
        raise InputError("cover: say where to: give -o, or --beside")
    folder = Path(songs).is_dir()
    if out:
        outputs.check(Path(out, "covers.png") if folder else out, [".png"], [songs])

    told, paths = [], _found(songs)
    stems = Counter(path.with_suffix("") for path in paths)
    # Each song of a folder has scenes of its own.
    for path, seeds, images, felt in _each(paths, seed + np.arange(count), count, side=size):
        small = generator.resized(images[:1], 256)
        if count > 1:
            picture = generator.sheet(images, [f"seed {s}" for s in seeds])
        else:
            picture = images[0]
        name = Path(out or "")
        if folder or beside:
            alone = stems[path.with_suffix("")] == 1
            name = path.with_name(f"{path.stem if alone else path.name}.cover.png")
            name = name if beside else Path(out) / name.relative_to(songs)
        with outputs.writing(name) as aside:
            Image.fromarray(picture).save(aside)
        emotion = f"valence {felt['valence']:.1f}, arousal {felt['arousal']:.1f}"
        told.append((small[0], f"{_title(path)}\n{emotion}"))
        click.echo(f"{name}: {picture.shape[1]}×{picture.shape[0]}, {emotion}")
    if folder:
        name = Path(out or songs) / "covers.png"
        with outputs.writing(name) as aside:
            Image.fromarray(generator.sheet(*zip(*told, strict=True))).save(aside)
        click.echo(f"{name}: contact sheet of {_plural(len(told), 'song')}")


def _title(path):
    """What a song is called: by its tags, or else by its file's name."""
    import av

    try:
        with open(path, "rb") as stream, av.open(stream, metadata_errors="replace") as file:
            tags = {k.lower(): v for s in (file, *file.streams) for k, v in s.metadata.items()}
    except (av.FFmpegError, ValueError):
        tags = {}
    told = " – ".join(tags[k] for k in ("artist", "title") if tags.get("title") and k in tags)
    return " ".join((told or path.stem).split())  # one line
