"""The command m2l: every stage of the way from a song to a landscape.

Imports that take time happen inside the commands that need them, so that help is instant.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import click

from m2l.errors import InputError


class Commands(click.Group):
    """A group whose commands end input errors with one line and status 2."""

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            click.echo(f"m2l: {error}", err=True)
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
    logging.captureWarnings(False)


def _songs(paths):
    from m2l import features

    return [song for path in paths for song in features.find_songs(path)]


def _plural(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


@main.command()
@click.argument("songs", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a song.")
@click.option("--jobs", default=1, show_default=True, help="Processes.")
def emotion(songs, as_json, jobs):
    """Print valence and arousal (1 to 9) of SONGS, files or folders.

    Each comes with an interval that held 90 % of the songs the model had not seen.
    """
    from m2l import features, forest

    paths = _songs(songs)
    if len(paths) == 1:
        table, skipped = forest.predict(paths[0]), []
    else:
        rows, skipped = features.extract_many(paths, jobs)
        table = forest.describe(rows, forest.load())
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
    _report(skipped, len(paths))


def _report(skipped, total):
    """Say what a batch left out; with nothing left, that is an error."""
    if skipped:
        click.echo(f"m2l: {len(skipped)} of {_plural(total, 'song')} skipped", err=True)
    if len(skipped) == total:
        raise InputError("no song could be read; give mp3, ogg, wav or flac files of 3 s or more")


@main.command()
@click.argument("song", required=False, type=click.Path())
@click.option("--valence", type=float, help="1 (unpleasant) to 9 (pleasant), in place of a song.")
@click.option("--arousal", type=float, help="1 (calm) to 9 (excited), in place of a song.")
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False), help="PNG to write.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another scene.")
@click.option("-n", "count", default=1, show_default=True, help="Pictures, side by side.")
@click.option("--size", type=int, help="Enlarge each picture to this side, in pixels.")
def generate(song, valence, arousal, out, seed, count, size):
    """Paint a landscape for SONG, or for a valence and an arousal."""
    import numpy as np
    from PIL import Image

    from m2l import generate as generator
    from m2l.training import tile

    if (song is None) == (valence is None and arousal is None) or (
        (valence is None) != (arousal is None)
    ):
        raise InputError("generate: give a song, or both --valence and --arousal")
    if count < 1:
        raise InputError(f"-n {count}: give 1 or more")
    seeds = seed + np.arange(count)
    if song is not None:
        images, felt = generator.from_song(song, seeds)
        click.echo(
            f"{song}: valence {felt['valence']:.1f}, arousal {felt['arousal']:.1f} among songs; "
            f"{felt['landscape_valence']:.1f}, {felt['landscape_arousal']:.1f} among landscapes"
        )
    else:
        images = generator.landscapes(valence, arousal, seeds)
    picture = Image.fromarray(tile(images, columns=count))
    if size:
        picture = picture.resize((size * count, size), Image.Resampling.BICUBIC)
    try:
        picture.save(out)
    except (OSError, ValueError) as error:
        raise InputError(f"{out}: cannot be written ({error}); choose another name") from None
    click.echo(f"{out}: {_plural(count, 'landscape')}, {picture.width}×{picture.height}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False), help=".parquet")
@click.option("--jobs", default=1, show_default=True, help="Processes; the numbers stay the same.")
@click.option("--limit", type=int, help="Take only so many files, spread over all.")
@click.option("--cache", type=click.Path(file_okay=False), help="Folder to keep finished files in.")
def features(files, out, jobs, limit, cache):
    """Compute the 148 features of FILES (songs or folders) into a table.

    An interrupted run goes on where it stopped: finished files are kept by their content.
    """
    from m2l import features as feature
    from m2l.photos import cache_root

    paths = _songs(files)
    if limit:
        paths = paths[:: max(1, len(paths) // limit)][:limit]
    table, skipped = feature.extract_many(paths, jobs, cache=cache or cache_root() / "features")
    _report(skipped, len(paths))
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out)
    click.echo(f"{out}: {_plural(len(table), 'song')}, {table.shape[1]} features")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--clean/--no-clean", default=True, help="Decode the photos to count bad ones.")
@click.option("-o", "--out", type=click.Path(dir_okay=False), help="Write the study's data.json.")
def data(as_json, clean, out):
    """List the corpora at hand, and what was left out of each and why."""
    from m2l import corpora, stages

    if out:
        stages.data(out)
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


@main.group(cls=Commands)
def forest():
    """Train and evaluate the random forest."""


@forest.command("train")
@click.option("--features", required=True, type=click.Path(exists=True), help=".parquet")
@click.option("-o", "--out", default="results/forest.json", show_default=True)
@click.option("--weights", default="runs/forest.skops", show_default=True)
@click.option("--trees", default=300, show_default=True)
@click.option("--folds", default=5, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def forest_train(features, out, weights, **settings):
    """Evaluate forests with artists apart, then train the one to release on all songs."""
    from m2l import stages

    stages.emotion(features, out, weights, **settings)
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
@click.option("--devices", default=1, show_default=True, help="Processes or accelerators.")
@click.option("--threads", type=int, help="Processor threads; all by default.")
@click.option("--limit", type=int, help="Take only so many photos of each split.")
@click.option("--seed", default=0, show_default=True)
@click.option("-o", "--out", help="Write the run's result, e.g. results/gan.json.")
@click.option("--weights", help="Write the generator, .safetensors.")
def gan_train(preset, folder, resume, devices, threads, limit, seed, out, weights):
    """Train on the landscape photos under M2L_DATA.

    Ctrl-C stops after the current step and keeps everything; --resume goes on from there.
    """
    import torch

    from m2l import stages
    from m2l.training import Diverged, Preset, Run

    if threads:
        torch.set_num_threads(threads)
    settings = Preset.load(preset, seed=seed)
    run = Run(settings, stages.landscapes(limit=limit), folder or f"runs/{settings.name}", devices)
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
@click.option("--limit", type=int, help="As in training.")
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
@click.option("-n", default=1000, show_default=True, help="Images measured of each.")
@click.option("--epochs", default=20, show_default=True, help="For the scene network.")
@click.option("--limit", type=int, help="Take only so many photos of each split.")
@click.option("--seed", default=0, show_default=True)
def gan_baselines(out, folder, **settings):
    """Train the full model, unconditional, non-progressive and without AFM; measure each."""
    from m2l import stages

    stages.baselines(out, folder, **settings)
    click.echo(f"{out}: written")


@gan.command("sample")
@click.option("-o", "--out", required=True, type=click.Path(dir_okay=False), help="PNG to write.")
@click.option("--seed", default=0, show_default=True)
@click.option("--side", default=7, show_default=True, help="Pictures along each edge.")
@click.option(
    "--what",
    type=click.Choice(["plane", "seeds"]),
    default="plane",
    show_default=True,
    help="One scene over the VA plane, or many scenes at its centre.",
)
@click.option("--weights", type=click.Path(), help="A generator; the released one by default.")
def gan_sample(out, seed, side, what, weights):
    """Write a grid of samples: valence rises to the right, arousal upwards."""
    import numpy as np

    from m2l import generate as generator
    from m2l.training import plane, save_grid

    released = generator.load(weights or generator.WEIGHTS)
    seeds, u = seed + np.arange(side**2), np.zeros((side**2, 2))
    if what == "plane":
        seeds, u = seed, plane(side).numpy() * 0.95
    save_grid(generator.paint(u, seeds, released), out)
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
@click.option("-n", default=2000, show_default=True, help="Generated images.")
@click.option("--epochs", default=40, show_default=True, help="For the scene network.")
@click.option("--limit", type=int, help="Take only so many photos of each split.")
@click.option("--seed", default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def metrics(generator, out, weights, n, epochs, limit, seed, preset):
    """Measure a generator: likeness to photos, variety, obedience to the emotion asked."""
    from m2l import stages

    stages.judge(out, weights, generator, n=n, epochs=epochs, limit=limit, seed=seed, preset=preset)
    click.echo(f"{out}, {weights}: written")


if __name__ == "__main__":
    main()
