"""Commands on songs: emotion, generate, features."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path

import click

from m2l.cli._base import COUNT, JOBS, SCENE, WEIGHTS, Output, _plural, main, output
from m2l.doors import outputs
from m2l.errors import InputError

log = logging.getLogger(__name__)

UNREAD = "no song could be read; give songs of 3 s or more"


def _extract(paths, jobs, names, cache=None, limit=None):
    """Features of songs and folders of songs, as `m2l.music.features.extract_many` has them.

    One song that cannot be read is an error; among many it is logged, counted and left out.
    """
    import pandas as pd

    from m2l.doors import songs as door
    from m2l.music import features

    songs, passed, lost = [], Counter(), 0
    for path in paths:
        try:
            found, others = door.find(path)
        except InputError as error:
            if len(paths) == 1:
                raise
            log.warning("skipped: %s", error)
            lost += 1
        else:
            songs, passed = songs + found, passed + others
    if passed:
        click.echo(f"m2l: {door.told(len(songs), passed)}", err=True)
    if limit:
        songs = songs[:: max(1, len(songs) // limit)][:limit]
    if len(songs) + lost == 1:
        return pd.DataFrame([features.extract(songs[0], names)]).rename_axis("path")
    table, skipped = features.extract_many(songs, jobs, cache=cache, names=names)
    lost += len(skipped)
    if lost:
        click.echo(f"m2l: {lost} of {_plural(lost + len(table), 'song')} skipped", err=True)
    if not len(table):
        raise InputError(UNREAD)
    return table


@main.command()
@click.argument("songs", nargs=-1, required=True, type=click.Path(readable=False))
@click.option(
    "--model",
    type=click.Choice(["ear", "forest"]),
    default="ear",
    help="Networks that have heard much music, or 148 features.",
)
@click.option("--over-time", is_flag=True, help="One song: each second, from the 9 s about it.")
@click.option("--plot", type=Output(".png"), help="With --over-time: its picture.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a song or second.")
@JOBS
def emotion(songs, model, over_time, plot, as_json, jobs):
    """Print valence and arousal (1 to 9) of SONGS, files or folders.

    \b
    m2l emotion song.mp3 Album/
    m2l emotion song.mp3 --over-time --plot path.png

    Each comes with an interval that held 90 % of the songs the model had not seen.
    """
    from m2l.music import ear

    if over_time:
        if len(songs) != 1 or Path(songs[0]).is_dir():
            raise InputError("--over-time: follows one song; give one file")
        path = ear.over_time(songs[0], model)
        if plot:
            from m2l import figures

            with outputs.writing(plot) as aside:
                figures.path(path).savefig(aside, format="png", dpi=150)
            click.echo(f"{plot}: {len(path)} s")
        elif as_json:
            click.echo(json.dumps(path.round(3).to_dict("records"), indent=1))
        else:
            click.echo(path.to_string(index=False, float_format="%.1f"))
        return
    if plot:
        raise InputError("--plot: shows a song as it goes on; give --over-time too")
    released = ear.load(model)
    table = ear.describe(_extract(songs, jobs, released.names), released)
    if as_json:
        records = table.round(3).rename_axis("song").reset_index().to_dict("records")
        click.echo(json.dumps(records, indent=1))
    else:
        click.echo(f"{'valence':>17}  {'arousal':>17}  song")
        for path, row in table.iterrows():
            click.echo(f"{_interval(row, 'valence'):>17}  {_interval(row, 'arousal'):>17}  {path}")


def _interval(felt, d):
    return f"{felt[d]:.1f} ({felt[f'{d}_low']:.1f} to {felt[f'{d}_high']:.1f})"


@main.command()
@click.argument("song", required=False, type=click.Path())
@click.option("--valence", type=float, help="1 (unpleasant) to 9 (pleasant), in place of a song.")
@click.option("--arousal", type=float, help="1 (calm) to 9 (excited), in place of a song.")
@click.option("-o", "--out", required=True, type=click.Path(), help=".png; for a folder a folder.")
@SCENE
@click.option("-n", "count", type=click.IntRange(1, 100), default=1, help="Pictures in a row.")
@click.option("--size", type=click.IntRange(4, 2048), default=512, help="Side of each in pixels.")
@click.option(
    "--spread", is_flag=True, help="Each picture for an emotion from the song's interval."
)
@click.option(
    "--of",
    type=click.IntRange(1, 64),
    help="Scenes tried for each picture, of which the one is kept that suits the emotion best; 8 "
    "for a song, 1 for numbers by default.",
)
@WEIGHTS
def generate(song, valence, arousal, out, seed, count, size, spread, of, weights):
    """Paint a landscape for SONG, or for a valence and an arousal.

    \b
    m2l generate song.mp3 -o song.png -n 4             four scenes for the likeliest emotion
    m2l generate song.mp3 -o song.png --of 64          the best of 64 scenes for it
    m2l generate song.mp3 -o song.png -n 4 --spread    ... for four that the song may have
    m2l generate Album -o pictures                     one for each song of a folder

    Nobody can tell a song's emotion exactly. With --spread, the pictures differ as much as the
    model's errors on songs that it had not heard.
    """
    import numpy as np
    from PIL import Image

    from m2l import generate as generator

    if {valence is None, arousal is None} != {song is not None}:
        raise InputError("generate: give a song, or both --valence and --arousal")
    if spread and song is None:
        raise InputError("--spread: no song to be unsure of; give one")
    seeds, weights = seed + np.arange(count), weights or generator.WEIGHTS

    def write(images, path):
        from m2l.gan.pictures import tile  # torch comes last: what else is imported is slower then

        picture = Image.fromarray(tile(images, columns=count))
        with outputs.writing(path, [".png"]) as aside:
            picture.save(aside)
        click.echo(f"{path}: {_plural(count, 'landscape')}, {picture.width}×{picture.height}")

    folder = song is not None and Path(song).is_dir()
    outputs.check(Path(out, "a.png") if folder else out, [".png"], [song] if song else [])
    if song is None:
        images = generator.landscapes(valence, arousal, seeds, weights, of=of or 1, side=size)
        write(images, out)
        return
    options = {"weights": weights, "spread": spread, "of": of or generator.OF, "side": size}
    for path, _, images, felt in _each(_found(song), seeds, **options):
        told = ", ".join(f"{d} {_interval(felt, d)}" for d in ("valence", "arousal"))
        click.echo(
            f"{path}: {told} among songs; "
            f"{felt['landscape_valence']:.1f}, {felt['landscape_arousal']:.1f} among landscapes"
        )
        write(images, Path(out, f"{path.relative_to(song)}.png") if folder else out)


def _found(source):
    """Paths of a song, or of a folder's songs; what else a folder holds is told."""
    from m2l.doors import songs as door

    paths, passed = door.find(source)
    if Path(source).is_dir():
        click.echo(door.told(len(paths), passed))
    return paths


def _each(paths, seeds, step=0, **options):
    """Yield path, seeds, images and emotion of each song; of many, what cannot be read is left out.

    Parameters
    ----------
    seeds : ndarray, of the first song; step : how much further those of the next one are.
    options : of `m2l.generate.from_song`.
    """
    from tqdm.auto import tqdm

    from m2l import generate as generator

    painted, alone = 0, len(paths) == 1
    for i, path in enumerate(tqdm(paths, unit="song", disable=True if alone else None)):
        try:
            images, felt = generator.from_song(path, seeds + i * step, **options)
        except InputError as error:
            if alone:
                raise
            log.warning("skipped: %s", error)
        else:
            painted += 1
            yield path, seeds + i * step, images, felt
    if painted < len(paths):
        click.echo(
            f"m2l: {len(paths) - painted} of {_plural(len(paths), 'song')} skipped", err=True
        )
    if not painted:
        raise InputError(UNREAD)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(readable=False))
@output(".parquet", ".csv", help=".parquet or .csv")
@JOBS
@click.option("--limit", type=COUNT, help="Take only so many files, spread over all.")
@click.option("--embedding", is_flag=True, help="And the 400 numbers of the tagging networks.")
def features(files, out, jobs, limit, embedding):
    """Compute the 222 features of FILES (songs or folders) into a table.

    An interrupted run goes on where it stopped: finished files are kept by their content.
    """
    from m2l.doors import cache
    from m2l.music import features as sound
    from m2l.music import tagging

    names = sound.EXTENDED + (tagging.NAMES if embedding else ())
    table = _extract(files, jobs, names, cache.root() / "features", limit)
    outputs.check(out, inputs=table.index)  # those of folders too
    table.index = table.index.map(outputs.readable)
    with outputs.writing(out) as aside:
        (table.to_csv if aside.suffix.lower() == ".csv" else table.to_parquet)(aside)
    click.echo(f"{out}: {_plural(len(table), 'song')}, {table.shape[1]} features")
