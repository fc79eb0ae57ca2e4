"""The command m2l: every stage of the way from a song to a landscape.

Imports that take time happen inside the commands that need them, so that help is instant.
"""

from __future__ import annotations

import errno
import json
import logging
import sys
import textwrap
from pathlib import Path

import click

from m2l.errors import InputError

log = logging.getLogger(__name__)

COUNT = click.IntRange(min=1)
SEED = click.IntRange(0, 2**24 - 1)  # what every generator of random numbers here takes
FILE = click.Path(dir_okay=False)


class Commands(click.Group):
    """A group whose commands end input errors with one line and status 2."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            click.echo(f"m2l: {error}", err=True)
            context.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:  # 'm2l … | head' is no error
                raise
            name, what = error.filename or "a file", error.strerror or error
            click.echo(f"m2l: {name}: {what}; check the name and its folder", err=True)
            context.exit(2)
        except KeyboardInterrupt:
            click.echo("m2l: interrupted", err=True)
            context.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="m2l")
@click.option("-v", "--verbose", is_flag=True, help="Say what is being done.")
def main(verbose):
    """From the emotion of a song to a landscape.

    \b
    m2l generate song.mp3 -o song.png          a landscape for a song
    m2l generate --valence 7 --arousal 3 -o calm.png
    m2l emotion *.mp3                          valence and arousal, 1 to 9
    m2l data                                   which corpora are at hand

    The corpora are looked for under the folder that M2L_DATA names; the commands above work
    without any.
    """
    logging.basicConfig(
        format="m2l: %(message)s", level=logging.INFO if verbose else logging.WARNING
    )


def _extract(paths, jobs, names, cache=None, limit=None):
    """Features of songs and folders of songs, as `m2l.features.extract_many` has them.

    One song that cannot be read is an error; among many it is logged, counted and left out.
    """
    import pandas as pd

    from m2l import features

    songs, lost = [], 0
    for path in paths:
        try:
            songs += features.find_songs(path)
        except InputError as error:
            if len(paths) == 1:
                raise
            log.warning("skipped: %s", error)
            lost += 1
    if limit:
        songs = songs[:: max(1, len(songs) // limit)][:limit]
    if len(songs) + lost == 1:
        return pd.DataFrame([features.extract(songs[0], names)]).rename_axis("path")
    table, skipped = features.extract_many(songs, jobs, cache=cache, names=names)
    lost += len(skipped)
    if lost:
        click.echo(f"m2l: {lost} of {_plural(lost + len(table), 'song')} skipped", err=True)
    if not len(table):
        raise InputError("no song could be read; give mp3, ogg, wav or flac files of 3 s or more")
    return table


def _plural(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


@main.command()
@click.argument("songs", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a song.")
@click.option("--jobs", type=COUNT, default=1, show_default=True, help="Processes.")
def emotion(songs, as_json, jobs):
    """Print valence and arousal (1 to 9) of SONGS, files or folders.

    Each comes with an interval that held 90 % of the songs the model had not seen.
    """
    from m2l import forest

    released = forest.load()
    table = forest.describe(_extract(songs, jobs, released.names), released)
    if as_json:
        records = table.round(3).rename_axis("song").reset_index().to_dict("records")
        click.echo(json.dumps(records, indent=1))
    else:
        click.echo(f"{'valence':>17}  {'arousal':>17}  song")
        for path, row in table.iterrows():
            cells = [
                f"{row[d]:.1f} ({row[d + '_low']:.1f} to {row[d + '_high']:.1f})"
                for d in forest.DIMENSIONS
            ]
            click.echo(f"{cells[0]:>17}  {cells[1]:>17}  {path}")


def _enlarged(images, side):
    """Images (N, H, W, 3) at another side, so that small ones can be looked at."""
    import numpy as np
    from PIL import Image

    return np.stack(
        [Image.fromarray(x).resize((side, side), Image.Resampling.BICUBIC) for x in images]
    )


@main.command()
@click.argument("song", required=False, type=click.Path())
@click.option("--valence", type=float, help="1 (unpleasant) to 9 (pleasant), in place of a song.")
@click.option("--arousal", type=float, help="1 (calm) to 9 (excited), in place of a song.")
@click.option("-o", "--out", required=True, type=FILE, help="PNG to write.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Another seed, another scene."
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Pictures, side by side.",
)
@click.option(
    "--size",
    type=click.IntRange(4, 2048),
    default=512,
    show_default=True,
    help="Side of each picture in pixels; the network's own are smaller and are enlarged.",
)
@click.option(
    "--spread", is_flag=True, help="With a song: each picture for an emotion from its interval."
)
def generate(song, valence, arousal, out, seed, count, size, spread):
    """Paint a landscape for SONG, or for a valence and an arousal.

    \b
    m2l generate song.mp3 -o song.png -n 4             four scenes for the likeliest emotion
    m2l generate song.mp3 -o song.png -n 4 --spread    ... for four that the song may have

    Nobody can tell a song's emotion exactly. With --spread, the pictures differ as much as the
    model's errors on songs that it had not heard.
    """
    import numpy as np
    from PIL import Image

    from m2l import generate as generator
    from m2l.training import tile

    if (song is None) == (valence is None and arousal is None) or (
        (valence is None) != (arousal is None)
    ):
        raise InputError("generate: give a song, or both --valence and --arousal")
    if spread and song is None:
        raise InputError("--spread: no song to be unsure of; give one")
    seeds = seed + np.arange(count)
    if song is not None:
        images, felt = generator.from_song(song, seeds, spread=spread)
        told = [
            f"{d} {felt[d]:.1f} ({felt[f'{d}_low']:.1f} to {felt[f'{d}_high']:.1f})"
            for d in ("valence", "arousal")
        ]
        click.echo(
            f"{song}: {', '.join(told)} among songs; "
            f"{felt['landscape_valence']:.1f}, {felt['landscape_arousal']:.1f} among landscapes"
        )
    else:
        images = generator.landscapes(valence, arousal, seeds)
    picture = Image.fromarray(tile(_enlarged(images, size), columns=count))
    try:
        picture.save(out)
    except ValueError as error:
        raise InputError(f"{out}: {error}; let it end in .png") from None
    click.echo(f"{out}: {_plural(count, 'landscape')}, {picture.width}×{picture.height}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=FILE, help=".parquet")
@click.option(
    "--jobs",
    type=COUNT,
    default=1,
    show_default=True,
    help="Processes; the numbers stay the same.",
)
@click.option("--limit", type=COUNT, help="Take only so many files, spread over all.")
@click.option("--cache", type=click.Path(file_okay=False), help="Folder to keep finished files in.")
@click.option(
    "--extended", is_flag=True, help="222 features: with how fast each descriptor changes."
)
def features(files, out, jobs, limit, cache, extended):
    """Compute the 148 features of FILES (songs or folders) into a table.

    An interrupted run goes on where it stopped: finished files are kept by their content.
    """
    from m2l import features as sound
    from m2l.corpora import cache_root

    names = sound.EXTENDED if extended else sound.NAMES
    table = _extract(files, jobs, names, cache or cache_root() / "features", limit)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out)
    click.echo(f"{out}: {_plural(len(table), 'song')}, {table.shape[1]} features")


@main.command()
@click.argument("corpus", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--clean/--no-clean", default=True, help="Decode the photos to count bad ones.")
@click.option("--audit", is_flag=True, help="Check the labels of CORPUS for defects.")
@click.option(
    "--scale", type=float, nargs=2, default=(1, 9), metavar="LOW HIGH", help="Of your own .csv."
)
@click.option("-o", "--out", type=FILE, help="Write the study's data.json.")
@click.option("--features", type=FILE, help="With -o: 4Q-TAFFC's features, to be described too.")
def data(corpus, as_json, clean, audit, scale, out, features):
    """List the corpora at hand, and what was left out of each and why.

    With a CORPUS, print its card: what it is, its terms, where to get it, where to put it.

    \b
    m2l data deam --audit                      DEAM as published, against itself
    m2l data mine.csv --audit --scale 0 1      a table of your own

    The audit looks for missing labels, other scales, duplicates and exchanged columns, and says
    what R² the raters' disagreement leaves to a perfect model. A table of your own has the columns
    id, valence and arousal; title, artist, path, block, dynamic_valence and dynamic_arousal are
    used where it has them.
    """
    from dataclasses import asdict

    from m2l import corpora, stages

    if audit:
        if not corpus:
            raise InputError("--audit: no corpus named; give one, or a .csv of your own")
        _audit(stages.audited(corpus, scale=scale), as_json)
        return
    if corpus:
        card = asdict(corpora.card(corpus))
        if as_json:
            click.echo(json.dumps(card, indent=1, ensure_ascii=False))
            return
        card["counts"] = ", ".join(f"{n:,} {what}" for what, n in card["counts"].items())
        for key in ("title", "citation", "licence", "where", "counts", "layout"):
            click.echo(f"{key}:\n{textwrap.indent(card[key], '  ')}")
        return

    if out:
        stages.data(out, features=features)
        click.echo(f"{out}: written")
        return
    table = corpora.summary(clean=clean)
    if as_json:
        click.echo(table.to_json(orient="records", indent=1, force_ascii=False))
        return
    for row in table.itertuples():
        if not row.present:
            click.echo(f"{row.name:<12}missing: {row.notes}")
            continue
        size = f"{row.n} rows, {row.files} files" if row.n else "built in"
        click.echo(
            f"{row.name:<12}{size}, labels {row.label_source}; {row.notes or 'as published'}"
        )
        for reason, n in row.reasons.items():
            click.echo(f"{'':<12}  {n} left out: {reason}")
    if not table["present"].all():
        click.echo("m2l data NAME says what a corpus is, where to get it and where to put it")


def _audit(checked, as_json):
    findings, blocks, ceiling = (checked[key] for key in ("findings", "blocks", "ceiling"))
    if as_json:
        found = {"findings": json.loads(findings.to_json(orient="records"))}
        if blocks is not None:
            found["blocks"] = json.loads(blocks.reset_index().to_json(orient="records"))
        click.echo(json.dumps(found | {"ceiling": ceiling}, indent=1, ensure_ascii=False))
        return
    click.echo(f"{len(checked['table'])} items: {_plural(len(findings), 'finding')}")
    for found in findings.itertuples():
        ids = ", ".join(found.ids[:5]) + ", …" * (len(found.ids) > 5)
        click.echo(f"{found.severity:<9}{found.text}" + f" [{ids}]" * bool(ids))
    if blocks is not None:
        click.echo("\nstatic with dynamic labels, Pearson's r")
        click.echo(blocks.round(2).to_string(index_names=False))
    if ceiling and not ceiling["computable"]:
        click.echo(f"\nnoise ceiling not computable: {ceiling['reason']}")
    elif ceiling:
        click.echo("\nnoise ceiling, the R² of a perfect model")
        for d in ("valence", "arousal"):
            click.echo(
                "  {} {value:.2f} ({low:.2f} to {high:.2f})".format(d, **ceiling[d]["ceiling"])
            )


@main.group(cls=Commands)
def forest():
    """Train and evaluate the random forest."""


@forest.command("train")
@click.option("--features", required=True, type=click.Path(), help=".parquet")
@click.option("-o", "--out", default="results/forest.json", show_default=True)
@click.option("--weights", default="runs/forest.skops", show_default=True)
@click.option(
    "--run", "folder", default="runs/forest", show_default=True, help="Keeps what is finished."
)
@click.option("--trees", type=COUNT, default=150, show_default=True, help="Of each forest.")
@click.option("--trials", type=COUNT, default=8, show_default=True, help="Of each search.")
@click.option("--epochs", type=COUNT, default=12, show_default=True, help="For the CNN.")
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True)
@click.option("--repeats", type=COUNT, default=3, show_default=True, help="Of the fastest models.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def forest_train(features, out, weights, **settings):
    """Compare models with artists apart, study the best forest and train it on all songs.

    Every model's answers are kept under --run as they are finished: after Ctrl-C the same command
    goes on.
    """
    from m2l import ladder

    ladder.emotion(features, out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@main.group(cls=Commands)
def gan():
    """Train the landscape generator and sample from it."""


@gan.command("train")
@click.option(
    "--preset",
    default="laptop",
    show_default=True,
    help="paper, laptop, gpu, smoke, or a YAML file.",
)
@click.option("--run", "folder", help="Folder of the run; runs/<preset> by default.")
@click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint.")
@click.option("--threads", type=COUNT, help="Processor threads; all by default.")
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("-o", "--out", help="Write the run's result, e.g. results/gan.json.")
@click.option("--weights", help="Write the generator, .safetensors.")
def gan_train(preset, folder, resume, threads, limit, seed, out, weights):
    """Train on the landscape photos under M2L_DATA.

    Ctrl-C stops after the current step and keeps everything; --resume goes on from there.
    """
    import torch

    from m2l import stages
    from m2l.training import Diverged, Preset, Run

    if threads:
        torch.set_num_threads(threads)
    settings = Preset.load(preset, seed=seed)
    run = Run(settings, stages.landscapes(limit=limit), folder or f"runs/{settings.name}")
    if resume:
        run.resume()
    elif run.checkpoint.exists():
        raise InputError(f"{run.folder}: holds a run; add --resume, or name another with --run")
    try:
        complete = run.train()
    except Diverged as error:
        raise InputError(str(error)) from None
    if not complete:
        click.echo(f"{run.folder}: stopped and kept; go on with --resume", err=True)
        sys.exit(130)
    if out:
        stages.gan(run, out, weights or str(run.folder / "generator.safetensors"))
    click.echo(f"{run.folder}: {run.progress.images} images in {run.progress.seconds:.0f} s")


@gan.command("release")
@click.option("--preset", default="laptop", show_default=True)
@click.option("--run", "folder", help="Folder of the run; runs/<preset> by default.")
@click.option("-o", "--out", default="results/gan.json", show_default=True)
@click.option("--weights", default="m2l/weights/generator.safetensors", show_default=True)
@click.option("--limit", type=COUNT, help="As in training.")
def gan_release(preset, folder, out, weights, limit):
    """Write the generator of a run as it stands, and the run's result."""
    from m2l import stages
    from m2l.training import Preset, Run

    settings = Preset.load(preset)
    run = Run(settings, stages.landscapes(limit=limit), folder or f"runs/{settings.name}")
    if not run.resume():
        raise InputError(f"{run.folder}: no checkpoint here; train first")
    stages.gan(run, out, weights)
    click.echo(f"{out}, {weights}: written")


@gan.command("baselines")
@click.option("--preset", default="baseline", show_default=True, help="Schedule for all of them.")
@click.option("--run", "folder", default="runs/baselines", show_default=True)
@click.option("-o", "--out", default="results/baselines.json", show_default=True)
@click.option("-n", type=COUNT, default=1000, show_default=True, help="Images measured of each.")
@click.option("--epochs", type=COUNT, default=20, show_default=True, help="For the scene network.")
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
def gan_baselines(out, folder, **settings):
    """Train the full model, unconditional, non-progressive and without AFM; measure each."""
    from m2l import stages

    stages.baselines(out, folder, **settings)
    click.echo(f"{out}: written")


@gan.command("sample")
@click.option("-o", "--out", required=True, type=FILE, help="PNG to write.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--side",
    type=click.IntRange(1, 50),
    default=7,
    show_default=True,
    help="Pictures along each edge.",
)
@click.option(
    "--what",
    type=click.Choice(["plane", "seeds"]),
    default="plane",
    show_default=True,
    help="One scene over the VA plane, or many scenes at its centre.",
)
@click.option(
    "--size", type=click.IntRange(4, 512), default=96, show_default=True, help="Side of a picture."
)
@click.option("--weights", type=click.Path(), help="A generator; the released one by default.")
def gan_sample(out, seed, side, what, size, weights):
    """Write a grid of samples: valence rises to the right, arousal upwards."""
    import numpy as np

    from m2l import generate as generator
    from m2l.training import plane, save_grid

    released = generator.load(weights or generator.WEIGHTS)
    seeds, u = seed + np.arange(side**2), np.zeros((side**2, 2))
    if what == "plane":
        seeds, u = seed, plane(side).numpy() * 0.95
    save_grid(_enlarged(generator.paint(u, seeds, released), size), out)
    click.echo(f"{out}: {side}×{side} landscapes")


@main.command()
@click.option("--generator", default="m2l/weights/generator.safetensors", show_default=True)
@click.option("-o", "--out", default="results/metrics.json", show_default=True)
@click.option(
    "--weights",
    default="runs/scene.safetensors",
    show_default=True,
    help="Where the scene network goes.",
)
@click.option("-n", type=COUNT, default=2000, show_default=True, help="Generated images.")
@click.option("--epochs", type=COUNT, default=40, show_default=True, help="For the scene network.")
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def metrics(generator, out, weights, n, epochs, limit, seed, preset):
    """Measure a generator: likeness to photos, variety, obedience to the emotion asked."""
    from m2l import stages

    stages.judge(out, weights, generator, n=n, epochs=epochs, limit=limit, seed=seed, preset=preset)
    click.echo(f"{out}, {weights}: written")


if __name__ == "__main__":
    main()
