"""Commands of the models of music: the ladder, and those that ship."""

from __future__ import annotations

import click

from m2l.cli._base import Commands, Stage, main, output

EMOTION, EAR = "m2l.experiments.emotion", "m2l.experiments.ear"
ABROAD = "m2l.experiments.abroad"


@main.group(cls=Commands)
def forest():
    """Train and evaluate models of the emotion of music."""


@forest.command("train", cls=Stage, calls=(f"{EMOTION}:emotion", f"{EMOTION}:Effort"))
@click.option("--features", required=True, type=click.Path(), help=".parquet")
@output("results/forest.json", "-o", "--out", help="Result.")
@click.option("--run", "folder", default="runs/forest", show_default=True, help="Keeps its parts.")
def forest_train(features, out, **settings):
    """Compare models with artists apart, and study the best forest.

    Every model's answers are kept under --run as they are finished: after Ctrl-C the same command
    goes on.
    """
    from m2l.experiments import emotion as ladder

    ladder.emotion(features, out, **settings)
    click.echo(f"{out}: written")


@forest.command("ear", cls=Stage, calls=(f"{EAR}:study", f"{EMOTION}:Effort"))
@click.option("--features", required=True, type=click.Path(), help=".parquet with --embedding")
@output("results/ear.json", "-o", "--out", help="Result.")
@click.option("--weights", default="runs/weights", show_default=True, help="Folder of the models.")
@click.option("--run", "folder", default="runs/ear", show_default=True, help="Keeps its parts.")
def forest_ear(features, out, weights, **settings):
    """Measure what pretrained listening adds, and train the two models that ship."""
    from m2l.experiments import ear

    ear.study(features, out, weights, **settings)
    click.echo(f"{out}, {weights}: written")


@forest.command("abroad", cls=Stage, calls=f"{ABROAD}:study")
@click.option("--features", required=True, type=click.Path(), help=".parquet with --embedding")
@output("results/abroad.json", "-o", "--out", help="Result.")
@click.option("--run", "folder", default="runs/abroad", show_default=True, help="Keeps its parts.")
def forest_abroad(features, out, **settings):
    """Test models on music that they do not know: other corpora, songs over time."""
    from m2l.experiments import abroad

    abroad.study(features, out, **settings)
    click.echo(f"{out}: written")
