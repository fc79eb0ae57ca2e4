"""Commands that measure pictures."""

from __future__ import annotations

import json

import click

from m2l.cli._base import Commands, main, output
from m2l.cli.forest import EFFORT


@main.group(cls=Commands)
def metrics():
    """Measure pictures: likeness to photos, variety, obedience to the emotion asked.

    \b
    m2l metrics model                          the released generator
    m2l metrics folders generated/ photos/     any two folders of images

    With --inception FID is reported, too; nothing else is called FID.
    """


metrics.stage("scene", "m2l.experiments.judges:scene_network")
metrics.stage("choose", "m2l.experiments.evaluation:choose")
metrics.stage("emphasis", "m2l.experiments.emphasis:emphasis")
metrics.stage("detail", "m2l.experiments.detail:detail")
metrics.stage("people", "m2l.experiments.judges:people")
metrics.stage("baselines", "m2l.experiments.evaluation:baselines")
metrics.stage("end-to-end", "m2l.experiments.way:end_to_end", EFFORT)
metrics.stage("songs", "m2l.experiments.songs:songs", EFFORT)


@metrics.command("model", calls="m2l.experiments.evaluation:model")
@output(".json", default="results/metrics.json", help="Result.")
def metrics_model(out, **settings):
    """Measure a generator against the landscape photos under M2L_DATA."""
    from m2l.experiments import evaluation as evaluate

    evaluate.model(out, **settings)
    click.echo(f"{out}: written")


@metrics.command("seeds")
@click.argument("measured", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--generators",
    multiple=True,
    required=True,
    type=click.Path(exists=True),
    help="What was measured, in the same order; once for each.",
)
@output(".json", help="Result.")
def metrics_seeds(measured, generators, out):
    """Tell what trainings from several seeds come to, from their results of 'm2l metrics model'."""
    from m2l.experiments import landscapes

    landscapes.seeds(out, measured, generators)
    click.echo(f"{out}: written")


@metrics.command("folders", calls="m2l.experiments.evaluation:folders")
@click.argument("generated", type=click.Path())
@click.argument("real", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def metrics_folders(generated, real, as_json, **settings):
    """Compare images in folder GENERATED with photos in folder REAL.

    The photos are split in two: one half is what both sides are compared with, the other gives
    the floor, what the same number of real photos reaches.
    """
    from m2l.experiments import evaluation as evaluate

    told = evaluate.folders(generated, real, **settings)
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for space, figures in told.items():
        click.echo(f"{space} features, {figures.pop('n')} images a side")
        click.echo(f"  {'':<18}{'generated':>28}{'photos (floor)':>28}")
        for name, sides in figures.items():
            cells = ["{value:.4g} ({low:.4g} to {high:.4g})".format(**x) for x in sides.values()]
            click.echo(f"  {name:<18}{cells[0]:>28}{cells[1]:>28}")


@main.command()
@click.argument("folder", type=click.Path())
@output(".csv", default="photos.csv", help="Table to write.")
def label(folder, out):
    """Predict valence and arousal of the photos in FOLDER, so that a model can be trained on them.

    The labels come from two pretrained networks and people's ratings of OASIS; they are predicted,
    and the table says so.
    """
    from m2l.doors import outputs
    from m2l.judge import labels

    outputs.check(out)
    table = labels.folder(folder)
    with outputs.writing(out) as aside:
        table.to_csv(aside, index=False)
    click.echo(f"{out}: {len(table)} photos")
