"""Commands that measure pictures."""

from __future__ import annotations

import json
import logging

import click

from m2l.cli._base import Commands, Output, Stage, main, output

log = logging.getLogger(__name__)


INCEPTION = (
    click.option(
        "--inception",
        type=click.Path(),
        help="The official Inception weights, for FID; else $M2L_INCEPTION or torch's cache.",
    ),
    click.option("--fetch", is_flag=True, help="Fetch them (95 MB) if they are not there."),
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


@metrics.command("scene", cls=Stage, calls="m2l.experiments.judges:scene_network")
@output("results/scene.json", "-o", "--out", help="Result.")
@output("m2l/weights/scene.safetensors", "--weights", help="Network.")
def metrics_scene(out, weights, **settings):
    """Train the scene network, a judge, on photos that no generator sees; and test it."""
    from m2l.experiments import judges

    judges.scene_network(out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@metrics.command("people", cls=Stage, calls="m2l.experiments.judges:people")
@output("results/people.json", "-o", "--out", help="Result.")
@output("m2l/weights/ratings.safetensors", "--rated", help="The second judge.")
@output("m2l/weights/labels.safetensors", "--machines", help="What labels photos.")
def metrics_people(out, rated, machines, **settings):
    """Fit the second judge, and what labels photos, to people's ratings of OASIS; and test them."""
    from m2l.experiments import judges

    judges.people(out, rated, machines, **settings)
    click.echo(f"{out}, {rated}, {machines}: written")


@metrics.command("model", calls="m2l.experiments.evaluation:model")
@output("results/metrics.json", "-o", "--out", help="Result.")
@click.option(
    "--pairs", type=Output(".png"), help="A picture of the closest beside their photos to write."
)
@_measured
def metrics_model(out, inception, fetch, **settings):
    """Measure a generator against the landscape photos under M2L_DATA.

    In place of a generator's file there may be an .npz of pictures, images (N, H, W, 3) as bytes,
    and the emotions that they were asked for, va (N, 2).
    """
    from m2l.experiments import evaluation as evaluate
    from m2l.judge import metrics

    found = metrics.inception_weights(inception, fetch)
    if not found:
        log.warning("FID not reported: no Inception weights here; give --inception or --fetch")
    evaluate.model(out, inception=found, **settings)
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
@output("results/seeds.json", "-o", "--out", help="Result.")
def metrics_seeds(measured, generators, out):
    """Tell what trainings from several seeds come to, from their results of 'm2l metrics model'."""
    from m2l.experiments import landscapes

    landscapes.seeds(out, measured, generators)
    click.echo(f"{out}: written")


@metrics.command("baselines", cls=Stage, calls="m2l.experiments.evaluation:baselines")
@output("results/baselines.json", "-o", "--out", help="Result.")
def metrics_baselines(out, **settings):
    """Measure what does without a generator: retrieval, and the best of several pictures."""
    from m2l.experiments import evaluation as evaluate

    evaluate.baselines(out, **settings)
    click.echo(f"{out}: written")


@metrics.command("folders", calls="m2l.experiments.evaluation:folders")
@click.argument("generated", type=click.Path())
@click.argument("real", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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


@metrics.command(
    "end-to-end",
    cls=Stage,
    calls=("m2l.experiments.way:end_to_end", "m2l.experiments.emotion:Effort"),
)
@click.option("--features", required=True, type=click.Path(), help="Of 4Q-TAFFC, .parquet.")
@output("results/end_to_end.json", "-o", "--out", help="Result.")
def metrics_end_to_end(features, out, **settings):
    """Measure the whole way: songs left out, their emotion, the emotion of their pictures."""
    from m2l.experiments import way

    way.end_to_end(out, features, **settings)
    click.echo(f"{out}: written")


@metrics.command(
    "songs", cls=Stage, calls=("m2l.experiments.songs:songs", "m2l.experiments.emotion:Effort")
)
@click.option("--features", required=True, type=click.Path(), help="Of 4Q-TAFFC, .parquet.")
@output("results/songs.json", "-o", "--out", help="Result.")
def metrics_songs(features, out, **settings):
    """Hear and paint some real songs, drawn at random, for the report to show."""
    from m2l.experiments import songs

    songs.songs(out, features, **settings)
    click.echo(f"{out}: written")


@main.command()
@click.argument("folder", type=click.Path())
@output("photos.csv", "-o", "--out", help="Table to write.")
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
