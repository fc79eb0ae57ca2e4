"""Commands of the generator and its critics."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from m2l.cli._base import COUNT, SEED, WEIGHTS, Commands, Output, main, output
from m2l.errors import InputError


@main.group(cls=Commands)
def gan():
    """Train the landscape generator and sample from it."""


def _run(command):
    """Options of a training run: its folder and what is written of it."""
    photos = (
        "landscapes128, scenes256 or CGnA10766 under images/; sample, painted ones; or the path of "
        "any folder of photos with a table of file, valence and arousal."
    )
    for option in (
        click.option(
            "--weights", type=Output(".safetensors"), help="Generator; by default in --run."
        ),
        click.option("-o", "--out", type=Output(".json"), help="Result; by default in --run."),
        click.option("--limit", type=COUNT, help="Take only so many photos of each split."),
        click.option("--photos", default="landscapes128", help=photos),
        click.option("--run", help="Folder of the run; runs/<preset> by default."),
    ):
        command = option(command)
    return command


def _setting(context, option, words):
    """NAME=VALUE, …, to a dict; values as in YAML."""
    import yaml

    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"'{word}' has no =; give NAME=VALUE")
        try:
            settings[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise click.BadParameter(f"'{word}': the value is no YAML") from None
    return settings


@gan.command("train")
@click.option(
    "--preset",
    default="laptop",
    help="paper, laptop, gpu, projected, projected-laptop, smoke, or a YAML file.",
)
@click.option("--resume", is_flag=True, help="Go on from the folder's checkpoint.")
@click.option(
    "--start",
    type=click.Path(exists=True),
    help="Begin with the networks of a run, its folder, or with a generator, .safetensors.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_setting,
    help="Change a setting of the preset, e.g. augment=translation,cutout; may be repeated.",
)
@click.option("--seed", type=SEED, help="The preset's by default; with --resume that of the run.")
@click.option("--threads", type=COUNT, help="Processor threads; all by default.")
@_run
def gan_train(preset, run, resume, start, photos, limit, changes, seed, threads, out, weights):
    """Train on the landscape photos under M2L_DATA, or on your own.

    Any folder of photos will do, with a table of their valence and arousal; 'm2l label' makes one
    where nobody rated them. Ctrl-C stops after the current step and keeps everything; --resume
    goes on from there.

    \b
    m2l gan train --preset smoke --photos sample       a minute, without any data
    m2l gan train --preset projected-laptop --photos ~/photos --run runs/mine
    m2l gan train --set afm_form=spatial --set afm_weight=10 --run runs/spatial
    m2l gan train --preset projected256 --photos scenes256 --start runs/projected
    """
    import torch

    from m2l.experiments import landscapes
    from m2l.gan.presets import Preset
    from m2l.gan.training import Diverged, Run, newest, recorded

    if threads:
        torch.set_num_threads(threads)
    settings = Preset.load(preset, **changes)
    folder = run or f"runs/{settings.name}"
    found = newest(folder)
    if found and not resume:
        raise InputError(f"{folder}: holds a run; add --resume, or name another with --run")
    if found and seed is None:
        seed = recorded(found[1]).seed
    if seed is not None:
        settings = settings.changed(seed=seed)
    run = Run(settings, _photos(photos, limit, settings), folder)
    if found:
        run.resume(found)
    elif start:
        run.start_from(start)
    try:
        complete = run.train()
    except Diverged as error:
        raise InputError(str(error)) from None
    if not complete:
        click.echo(f"{run.folder}: stopped and kept; go on with --resume", err=True)
        sys.exit(130)
    weights = weights or run.folder / "generator.safetensors"
    landscapes.gan(run, out or run.folder / "gan.json", weights)
    click.echo(f"{weights}: paint with it by 'm2l generate --weights {weights}'")
    click.echo(f"{run.folder}: {run.progress.images} images in {run.progress.seconds:.0f} s")


def _photos(folder, limit, preset):
    """The photos' pyramid, as high as a preset needs and at least as all other stages do."""
    from m2l.experiments import landscapes

    top = max(128, *(stage.resolution for stage in preset.stages))
    return landscapes.pyramid(limit=limit, folder=folder, top=top)


@gan.command("release", calls="m2l.experiments.landscapes:gan")
@click.option("--preset", default="laptop", help="Names the run's folder.")
@_run
def gan_release(preset, run, out, weights, photos, limit, **card):
    """Write the generator of a run as it stands, and the run's result.

    Settings and seed are those that the run was made with. 'm2l generate --weights' paints with it;
    the shipped generator stays as it is unless --weights names it.
    """
    from m2l.experiments import landscapes
    from m2l.gan.training import Run, newest, recorded

    folder = Path(run or f"runs/{Path(preset).stem}")
    found = newest(folder)
    if not found:
        raise InputError(f"{folder}: no checkpoint here; train first")
    settings = recorded(found[1])
    run = Run(settings, _photos(photos, limit, settings), folder)
    run.resume(found)
    out, weights = out or folder / "gan.json", weights or folder / "generator.safetensors"
    landscapes.gan(run, out, weights, **card)
    click.echo(f"{out}, {weights}: written")


gan.stage("ablation", "m2l.experiments.ablation:run")


@gan.command("sample")
@output(".png", ".jpg", help="PNG or JPEG.")
@click.option("--seed", type=SEED, default=0, help="The first scene.")
@click.option("--side", type=click.IntRange(1, 50), default=7, help="Pictures along each edge.")
@click.option("--size", type=click.IntRange(4, 512), default=96, help="Side of a picture.")
@WEIGHTS
def gan_sample(out, seed, side, size, weights):
    """Write a grid of scenes over the plane: valence rises to the right, arousal upwards."""
    import numpy as np

    from m2l import generate as generator
    from m2l.gan.pictures import plane, save_grid

    released = generator.load(weights or generator.WEIGHTS)
    seeds = seed + np.arange(side**2)
    images = generator.paint(plane(side).numpy() * 0.95, seeds, released, side=size)
    save_grid(images, out)
    click.echo(f"{out}: {side}×{side} landscapes")
