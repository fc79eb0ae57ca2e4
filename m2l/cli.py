"""The command m2l: every stage of the way from a song to a landscape.

Imports that take time happen inside the commands that need them, so that help is instant.
"""

from __future__ import annotations

import contextlib
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
    """Features of songs and folders of songs, as `m2l.music.features.extract_many` has them.

    One song that cannot be read is an error; among many it is logged, counted and left out.
    """
    import pandas as pd

    from m2l.music import features

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
    from m2l.music import forest

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
    from m2l.gan.pictures import tile

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
    picture = Image.fromarray(tile(generator.enlarged(images, size), columns=count))
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
    from m2l.corpora import cache_root
    from m2l.music import features as sound

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

    from m2l import corpora
    from m2l.experiments import stages

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
    from m2l.experiments import emotion as ladder

    ladder.emotion(features, out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@main.group(cls=Commands)
def gan():
    """Train the landscape generator and sample from it."""


PHOTOS = click.option(
    "--photos",
    default="landscapes128",
    show_default=True,
    help="Folder under images/: landscapes128, scenes256, CGnA10766; or sample, painted ones.",
)


def _setting(context, option, words):
    """NAME=VALUE, …, to a dict; values as in YAML."""
    import yaml

    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"'{word}' has no =; give NAME=VALUE")
        settings[name] = yaml.safe_load(value)
    return settings


@gan.command("train")
@click.option(
    "--preset",
    default="laptop",
    show_default=True,
    help="paper, laptop, latent, latent256, gpu, smoke, laptop256, or a YAML file.",
)
@click.option("--run", "folder", help="Folder of the run; runs/<preset> by default.")
@click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint.")
@click.option("--start", metavar="FOLDER", help="Begin with the networks of the run in FOLDER.")
@click.option(
    "--warm",
    type=click.Path(exists=True, dir_okay=False),
    nargs=2,
    metavar="GENERATOR CRITIC",
    help="Where the folder has no checkpoint, go on from released weights.",
)
@click.option("--autoencoder", help="For presets on latents; the released one by default.")
@PHOTOS
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_setting,
    help="Change a setting of the preset, e.g. augment=translation,cutout; may be repeated.",
)
@click.option("--seed", type=SEED, help="0 by default; with --resume that of the run.")
@click.option("--threads", type=COUNT, help="Processor threads; all by default.")
@click.option(
    "--devices",
    type=COUNT,
    default=1,
    show_default=True,
    help="GPUs, or processes on a CPU, that share each batch.",
)
@click.option("-o", "--out", help="Write the run's result, e.g. results/gan.json.")
@click.option("--weights", help="Write the generator, .safetensors.")
def gan_train(
    preset,
    folder,
    resume,
    start,
    warm,
    autoencoder,
    photos,
    limit,
    changes,
    seed,
    threads,
    devices,
    out,
    weights,
):
    """Train on the landscape photos under M2L_DATA.

    Ctrl-C stops after the current step and keeps everything; --resume goes on from there.

    \b
    m2l gan train --preset smoke --photos sample       a minute, without any data
    m2l gan train --set objective=hinge --set gp_weight=1 --run runs/hinge
    m2l gan train --preset latent256 --photos scenes256 --start runs/latent
    """
    import torch

    from m2l.experiments import stages
    from m2l.gan.training import Diverged, Preset, newest, recorded

    if threads:
        torch.set_num_threads(threads)
    settings = Preset.load(preset, **changes)
    folder = folder or f"runs/{settings.name}"
    found = newest(folder)
    if found and not resume:
        raise InputError(f"{folder}: holds a run; add --resume, or name another with --run")
    if found and seed is None:
        seed = recorded(found[1]).seed
    if seed is not None:
        settings = settings.changed(seed=seed)
    pyramid = _photos(photos, limit, settings)
    run = stages.gan_run(settings, pyramid, folder, autoencoder, devices=devices)
    if found:
        run.resume(found)
    elif start:
        run.start_from(start)
    elif warm:
        run.warm(*warm)
    try:
        complete = run.train()
    except Diverged as error:
        raise InputError(str(error)) from None
    if not run.fabric.is_global_zero:
        return
    if not complete:
        click.echo(f"{run.folder}: stopped and kept; go on with --resume", err=True)
        sys.exit(130)
    if out:
        stages.gan(run, out, weights or str(run.folder / "generator.safetensors"))
    click.echo(f"{run.folder}: {run.progress.images} images in {run.progress.seconds:.0f} s")


def _photos(folder, limit, preset):
    """The photos' pyramid, as high as a preset needs and at least as all other stages do."""
    from m2l.experiments import stages
    from m2l.gan.autoencoder import FACTOR

    pixels = FACTOR if preset.latents else 1
    top = max(128, *(pixels * stage.resolution for stage in preset.stages))
    return stages.landscapes(limit=limit, folder=folder, top=top)


@gan.command("release")
@click.option("--preset", default="laptop", show_default=True, help="Names the run's folder.")
@click.option("--run", "folder", help="Folder of the run; runs/<preset> by default.")
@click.option("-o", "--out", default="results/gan.json", show_default=True)
@click.option("--weights", default="m2l/weights/generator.safetensors", show_default=True)
@click.option("--critic", type=FILE, help="Write the critic too, for 'm2l gan train --warm'.")
@click.option("--note", help="For the card: what the settings do not tell of the run.")
@PHOTOS
@click.option("--limit", type=COUNT, help="As in training.")
def gan_release(preset, folder, out, weights, critic, note, photos, limit):
    """Write the generator of a run as it stands, and the run's result.

    Settings and seed are those that the run was made with.
    """
    from m2l.experiments import stages
    from m2l.gan.training import newest, recorded

    folder = folder or f"runs/{Path(preset).stem}"
    found = newest(folder)
    if not found:
        raise InputError(f"{folder}: no checkpoint here; train first")
    settings = recorded(found[1])
    run = stages.gan_run(settings, _photos(photos, limit, settings), folder)
    run.resume(found)
    stages.gan(run, out, weights, note)
    if critic:
        run.save_critic(critic)
    click.echo(f"{out}, {weights}: written")


@gan.command("autoencoder")
@click.option("-o", "--out", default="results/autoencoder.json", show_default=True)
@click.option("--weights", default="m2l/weights/autoencoder.safetensors", show_default=True)
@click.option("--images", type=COUNT, default=48000, show_default=True, help="Crops to show.")
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def gan_autoencoder(out, weights, **settings):
    """Train the autoencoder whose latents the preset `latent` learns to paint."""
    from m2l.experiments import stages

    stages.autoencoder(out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@gan.command("ablation")
@click.option(
    "--grid",
    default="ablation",
    show_default=True,
    help="ablation (32×32), ablation64, ablation128, losses (16×16: objectives, penalties, "
    "augmentation, rates) or smoke; its training preset has its name.",
)
@click.option("--variant", help="Only this variant; all of the grid by default.")
@click.option("--seed", type=SEED, help="Only this seed; 0, 1 and 2 by default.")
@click.option("--run", "folder", default="runs/ablation", show_default=True, help="Of the runs.")
@click.option("-o", "--out", default="results/ablation", show_default=True, help="Folder.")
@click.option("--judge", help="A scene network; the shipped one by default.")
@click.option("-n", type=COUNT, default=1000, show_default=True, help="Images measured of each.")
@click.option("--draws", type=COUNT, default=100, show_default=True, help="For the intervals.")
@click.option("--threads", type=COUNT, default=1, show_default=True)
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--dry-run", is_flag=True, help="Only list what there is to do.")
def gan_ablation(grid, variant, seed, out, folder, threads, dry_run, **settings):
    """Train and measure the full model and what is left without one of its parts.

    One run a variant and seed, the headline first. Finished runs are not made again and an
    interrupted one goes on, so the command can be stopped and repeated at will; 'make ablation'
    runs the same cells side by side.
    """
    from m2l.experiments import ablation

    cells = [
        cell
        for cell in ablation.cells(grid, ablation.SEEDS if seed is None else (seed,))
        if variant in (None, cell[0])
    ]
    if not cells:
        raise InputError(f"variant '{variant}': choose one of {', '.join(ablation.GRIDS[grid])}")
    if not dry_run:
        import torch

        torch.set_num_threads(threads)
    for name, number in cells:
        path = Path(out) / f"{ablation.stem(grid, name, number)}.jsonl"
        state = "there" if path.is_file() else "to do"
        if not dry_run and state == "to do":
            ablation.run(grid, name, number, out, folder, **settings)
            state = "written"
        click.echo(f"{path}: {state}")


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
    from m2l.gan.pictures import plane, save_grid

    released = generator.load(weights or generator.WEIGHTS)
    seeds, u = seed + np.arange(side**2), np.zeros((side**2, 2))
    if what == "plane":
        seeds, u = seed, plane(side).numpy() * 0.95
    save_grid(generator.enlarged(generator.paint(u, seeds, released), size), out)
    click.echo(f"{out}: {side}×{side} landscapes")


INCEPTION = (
    click.option(
        "--inception",
        type=click.Path(),
        help="The official Inception weights, for FID; else $M2L_INCEPTION or torch's cache.",
    ),
    click.option("--fetch", is_flag=True, help="Fetch them (95 MB) if they are not there."),
    click.option("--judge", type=click.Path(), help="A scene network; the shipped one by default."),
)


def _measured(command):
    for option in reversed(INCEPTION):
        command = option(command)
    return command


@main.group(cls=Commands)
def metrics():
    """Measure pictures: likeness to photos, variety, obedience to the emotion asked.

    \b
    m2l metrics model                          the released generator
    m2l metrics folders generated/ photos/     any two folders of images
    m2l metrics end-to-end --features …        from songs to the emotion of their pictures

    FID is reported where the official Inception weights are at hand; nothing else is called FID.
    """


@metrics.command("scene")
@click.option("-o", "--out", default="results/scene.json", show_default=True)
@click.option("--weights", default="m2l/weights/scene.safetensors", show_default=True)
@click.option("--epochs", type=COUNT, default=60, show_default=True)
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def metrics_scene(out, weights, **settings):
    """Train the scene network, the judge, on photos that no generator sees; and test it."""
    from m2l.experiments import evaluation as evaluate

    evaluate.judge(out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@main.group(cls=Commands)
def study():
    """Ask people: design the user study, try it on simulated answers, analyse real ones.

    \b
    m2l study stimuli ~/songs -o mystudy       clips, and a picture of each system for each
    m2l study design --stimuli mystudy/stimuli.json -o mystudy/design.json
    m2l study simulate mystudy/design.json -o answers.csv
    m2l study analyse mystudy/design.json answers.csv -o report
    """


@study.command("serve")
@click.argument("design", type=FILE)
@click.option("--db", required=True, type=FILE, help="SQLite file of the answers; made if new.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
def study_serve(design, db, host, port):
    """Serve the study DESIGN to its participants and store their answers as they come.

    Each answer is on the disk before the browser is told so. Stop with Ctrl-C, start again with
    the same files: participants go on where they were. Only this machine is served by default; to
    invite others, put a web server with https in front, or write files with 'm2l study static'.
    """
    from m2l.people import serve

    asked = serve.Design.load(design)
    answers = serve.Answers(db, asked)
    taken = serve.listen(host, port)
    where = f"[{host}]" if ":" in host else host
    url = f"http://{where}:{taken.getsockname()[1]}/"
    stored, persons = answers.counts()
    click.echo(
        f"{url} is open for {_plural(len(asked.participants), 'participant')}; "
        f"{db}: {_plural(stored, 'answer')} of {persons} so far"
    )
    click.echo(f"their links: m2l study links {design} --at {url}")
    with contextlib.suppress(KeyboardInterrupt):
        serve.server(asked, answers).run(sockets=[taken])
    click.echo(f"closed; the answers are in {db}")


@study.command("static")
@click.argument("design", type=FILE)
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False), help="New folder.")
def study_static(design, out):
    """Write the study DESIGN as a folder of files for any web host.

    At the end each participant saves a file of answers and sends it back; 'm2l study export' reads
    them.
    """
    from m2l.people import serve

    asked = serve.Design.load(design)
    serve.static(asked, out)
    click.echo(f"{out}: written for {_plural(len(asked.participants), 'participant')}")
    click.echo(f"their links, once it is on a host: m2l study links {design} --at URL")


@study.command("links")
@click.argument("design", type=FILE)
@click.option("--at", required=True, help="Address of the study, as https://example.org/study/.")
def study_links(design, at):
    """Print the link of each participant of DESIGN, one a line, to be sent to one person each."""
    from m2l.people import serve

    for participant in serve.Design.load(design).participants:
        click.echo(f"{at}#{participant.code}")


@study.command("export")
@click.argument("sources", nargs=-1, required=True, type=FILE)
@click.option("--design", type=FILE, help="The design; needed for files that participants saved.")
@click.option("-o", "--out", required=True, type=FILE, help=".csv")
def study_export(sources, design, out):
    """Write the answers in SOURCES as one table, a row an answer.

    SOURCES are .sqlite files of 'm2l study serve', which may be running, and .json files that
    participants of 'm2l study static' saved.
    """
    from m2l.people import serve

    asked = serve.Design.load(design) if design else None
    stored, persons, lost = serve.export(sources, out, asked)
    click.echo(f"{out}: {_plural(stored, 'answer')} of {_plural(persons, 'participant')}")
    if lost:
        click.echo(f"m2l: {_plural(lost, 'answer')} left out: an earlier one stands", err=True)


@study.command("withdraw")
@click.argument("db", type=FILE)
@click.argument("code")
def study_withdraw(db, code):
    """Delete the answers of the participant CODE from DB, when they ask for it.

    The server may be running; it takes nothing more of this participant. A file that they saved is
    simply thrown away.
    """
    from m2l.people import serve

    answers = serve.Answers(db)
    standing = answers.standing(code) or {}
    if not standing.get("consented"):
        raise InputError(f"{db}: nothing of {code} here; check the code")
    answers.withdraw(code)
    answers.close()
    click.echo(f"{db}: {_plural(len(standing['answered']), 'answer')} deleted")


@main.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False),
    default="book/_static/play",
    show_default=True,
    help="Folder.",
)
@click.option("--weights", type=click.Path(), help="A generator; the released one by default.")
def page(out, weights):
    """Write what the book's pages play with.

    \b
    generator.onnx    the generator: z (N, 100), u (N, 2) to image (N, 3, H, W)
    generator.json    its card, the scale of its plane, the pieces and their paths
    noise.bin         z of the scenes 0 to 255, float32
    grid.jpg, *.jpg   one scene over the plane; a landscape for each mood
    *.mp3             pieces that m2l composes
    """
    from m2l import generate as generator
    from m2l import page as pages

    pages.build(out, weights or generator.WEIGHTS)
    click.echo(f"{out}: written")


@metrics.command("model")
@click.option("--generator", default="m2l/weights/generator.safetensors", show_default=True)
@click.option("-o", "--out", default="results/metrics.json", show_default=True)
@click.option("-n", type=COUNT, default=2048, show_default=True, help="Generated images.")
@click.option("--limit", type=COUNT, help="Take only so many photos of each split.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
@_measured
def metrics_model(out, inception, fetch, **settings):
    """Measure a generator against the landscape photos under M2L_DATA."""
    from m2l.experiments import evaluation as evaluate
    from m2l.judge import metrics

    found = metrics.inception_weights(inception, fetch)
    if not found:
        log.warning("FID not reported: no Inception weights here; give --inception or --fetch")
    evaluate.model(out, inception=found, **settings)
    click.echo(f"{out}: written")


@metrics.command("folders")
@click.argument("generated", type=click.Path())
@click.argument("real", type=click.Path())
@click.option("--side", type=COUNT, help="Pixels; those of the first generated image by default.")
@click.option("-n", type=COUNT, help="Images a side; as many as there are by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@_measured
def metrics_folders(generated, real, inception, fetch, as_json, **settings):
    """Compare images in folder GENERATED with photos in folder REAL.

    The photos are split in two: one half is what both sides are compared with, the other gives
    the floor, what the same number of real photos reaches.
    """
    from m2l.experiments import evaluation as evaluate
    from m2l.judge import metrics

    found = metrics.inception_weights(inception, fetch)
    told = evaluate.folders(generated, real, inception=found, **settings)
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for space, figures in told.items():
        click.echo(f"{space} features, {figures.pop('n')} images a side")
        click.echo(f"  {'':<18}{'generated':>28}{'photos (floor)':>28}")
        for name, sides in figures.items():
            cells = ["{value:.4g} ({low:.4g} to {high:.4g})".format(**x) for x in sides.values()]
            click.echo(f"  {name:<18}{cells[0]:>28}{cells[1]:>28}")
    if not found:
        click.echo("FID not reported: no Inception weights here; give --inception or --fetch")


@metrics.command("end-to-end")
@click.option("--features", required=True, type=click.Path(), help="Of 4Q-TAFFC, .parquet.")
@click.option("--generator", default="m2l/weights/generator.safetensors", show_default=True)
@click.option("--judge", type=click.Path(), help="A scene network; the shipped one by default.")
@click.option("-o", "--out", default="results/end_to_end.json", show_default=True)
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True)
@click.option("--trials", type=COUNT, default=25, show_default=True, help="Of each fold's search.")
@click.option("--trees", type=COUNT, default=300, show_default=True)
@click.option("--pictures", type=COUNT, default=8, show_default=True, help="For each song.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def metrics_end_to_end(features, out, **settings):
    """Measure the whole way: songs left out, their emotion, the emotion of their pictures."""
    from m2l.experiments import evaluation as evaluate

    evaluate.end_to_end(out, features, **settings)
    click.echo(f"{out}: written")


CONFIG = click.option(
    "--config", type=FILE, help="Settings; those of the package, params/study.yaml, by default."
)


@study.command("stimuli")
@click.argument("songs", nargs=-1, required=True, type=click.Path())
@CONFIG
@click.option(
    "--generators",
    type=click.Path(file_okay=False),
    default="runs/ablation",
    show_default=True,
    help="Folder of 'm2l gan ablation'.",
)
@click.option(
    "--photos",
    type=click.Choice(["landscapes", "oasis"]),
    default="landscapes",
    show_default=True,
    help="Corpus under M2L_DATA that the real photographs are picked from.",
)
@click.option("--jobs", type=COUNT, default=1, show_default=True, help="Processes.")
@click.option("--seed", type=SEED, help="In place of the settings'.")
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False), help="New folder.")
def study_stimuli(songs, config, generators, photos, jobs, seed, out):
    """Choose and cut SONGS (files or folders), and make a picture of each system for each.

    As many songs as the settings ask for are chosen, spread over the emotions that the forest
    hears in them. Whether you may play them to participants is for you to know.
    """
    from m2l import corpora
    from m2l.experiments import ablation, stimuli
    from m2l.people import design as study

    values = study.settings(config)
    weights = {
        name: Path(generators) / ablation.stem("ablation", name, 0) / "generator.safetensors"
        for name in study.SYSTEMS[:-1]
    }
    table = corpora.load(photos).table.dropna(subset="path")
    if photos == "oasis":
        table = table[table["category"] == "Scenery"]
    seed = values["seed"] if seed is None else seed
    made = stimuli.prepare(
        songs, weights, table, out, values["songs"], values["seconds"], seed, jobs=jobs
    )
    click.echo(f"{out}: {_plural(len(made['songs']), 'song')}, {len(made['images'])} pictures")
    click.echo(f"now: m2l study design --stimuli {out}/stimuli.json -o {out}/design.json")


@study.command("design")
@CONFIG
@click.option("--stimuli", type=FILE, help="stimuli.json of 'm2l study stimuli'.")
@click.option("--participants", type=COUNT, help="Codes to make, in place of the settings'.")
@click.option("--seed", type=SEED, help="In place of the settings'. Choose your own, see above.")
@click.option("-o", "--out", required=True, type=FILE, help="JSON to write.")
def study_design(config, stimuli, participants, seed, out):
    """Deal songs and pictures out to participants, in balance, and write the design file.

    It holds everything that the participant's page and the analysis need, the participants' codes
    too. These follow from the seed: for a real study choose one that nobody knows, and keep the
    file to yourself until all answers are in.
    """
    from m2l.people import design as study

    values, found = study.settings(config), None
    if participants:
        values |= {"participants": participants, "reserve": 0}
    if stimuli:
        found = study.stimuli(stimuli, Path(out).parent)
    made = study.design(values, found, seed)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    trials = sum(len(block["trials"]) for block in made["participants"][0]["blocks"])
    click.echo(
        f"{out}: {_plural(len(made['participants']), 'participant')}, "
        f"{_plural(len(made['songs']), 'song')}, {trials} trials each"
    )


@study.command("simulate")
@click.argument("design", type=FILE)
@CONFIG
@click.option("--effect", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="Share of the assumed effects; 0 leaves none.")  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("-o", "--out", required=True, type=FILE, help="CSV to write.")
def study_simulate(design, config, effect, seed, out):
    """Answer DESIGN by simulated persons, to try the analysis before anyone is asked.

    A column of the table, and everything that the analysis makes of it, say that the answers are
    simulated.
    """
    from m2l.people import design as study
    from m2l.people import simulation

    table = study.trials(study.load(design))
    effects = simulation.Effects.of(study.settings(config)).scaled(effect)
    answers = simulation.simulate(table, effects, seed)
    answers.to_csv(out, index=False)
    click.echo(f"{out}: {_plural(len(answers), 'simulated answer')}")


@study.command("analyse")
@click.argument("design", type=FILE)
@click.argument("answers", type=FILE)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the bootstrap.")
@click.option(
    "-o", "--out", required=True, type=click.Path(file_okay=False), help="Folder to write into."
)
def study_analyse(design, answers, seed, out):
    """Analyse ANSWERS (.csv) to DESIGN as preregistered: tables, figures and report.md.

    ANSWERS is the long table that the instrument stores: one row a trial, with the columns
    participant, trial, valence, arousal, choice, ms and heard.
    """
    import matplotlib

    matplotlib.use("Agg")
    from m2l.people import analysis
    from m2l.people import design as study

    result = analysis.analyse(study.load(design), analysis.read(answers), seed=seed)
    analysis.write(result, out)
    gone = int(result["persons"]["excluded"].sum())
    said = "simulated answers; " * result["simulated"]
    click.echo(f"{out}: {said}{_plural(len(result['persons']), 'participant')}, {gone} left out")
    for name, row in result["hypotheses"].iterrows():
        verdict = "supported" if row["supported"] else "not supported"
        click.echo(f"{name}  p {row['adjusted']:.3f}  {verdict}")


@study.command("preregister")
@CONFIG
@click.option("--power", "power_", type=FILE, default="results/study.json", show_default=True,
              help="What 'm2l study power' wrote.")  # fmt: skip
@click.option("-o", "--out", default="book/preregistration.md", show_default=True)
def study_preregister(config, power_, out):
    """Write the preregistration: hypotheses, rules, models and power from one set of settings."""
    from m2l.people import design as study

    result = json.loads(Path(power_).read_text(encoding="utf-8"))
    Path(out).write_text(study.preregistration(study.settings(config), result), encoding="utf-8")
    click.echo(f"{out}: written")


@study.command("power")
@CONFIG
@click.option("-o", "--out", default="results/study.json", show_default=True)
@click.option("--draws", type=COUNT, help="Simulated studies a point, in place of the settings'.")
def study_power(config, out, draws):
    """Simulate studies of many sizes, and count how often each hypothesis is supported."""
    from m2l.experiments import stages
    from m2l.people.design import settings

    values = settings(config)
    if draws:
        values["power"] = values["power"] | {"draws": draws}
    stages.study_power(out, values)
    click.echo(f"{out}: written")


@study.command("validate")
@CONFIG
@click.option("-o", "--out", default="results/study_validation.json", show_default=True)
@click.option("--studies", type=COUNT, help="Simulated studies, in place of the settings'.")
def study_validate(config, out, studies):
    """Analyse many simulated studies, with known effects and with none.

    Takes some minutes. Ctrl-C ends it early and keeps the studies that are done.
    """
    from m2l.experiments import stages
    from m2l.people.design import settings

    values = settings(config)
    if studies:
        values["validation"] = values["validation"] | {"studies": studies}
    stages.study_validation(out, values)
    click.echo(f"{out}: written")


if __name__ == "__main__":
    main()
