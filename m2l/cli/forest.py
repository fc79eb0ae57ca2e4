"""Commands of the forest."""

from __future__ import annotations

import click

from m2l.cli._base import Commands, Stage, main, output

EMOTION = "m2l.experiments.emotion"


@main.group(cls=Commands)
def forest():
    """Train and evaluate the random forest."""


@forest.command("train", cls=Stage, calls=(f"{EMOTION}:emotion", f"{EMOTION}:Effort"))
@click.option("--features", required=True, type=click.Path(), help=".parquet")
@output("results/forest.json", "-o", "--out", help="Result.")
@output("runs/forest.skops", "--weights", help="The forest.")
@click.option("--run", "folder", default="runs/forest", show_default=True, help="Keeps its parts.")
def forest_train(features, out, weights, **settings):
    """Compare models with artists apart, study the best forest and train it on all songs.

    Every model's answers are kept under --run as they are finished: after Ctrl-C the same command
    goes on.
    """
    from m2l.experiments import emotion as ladder

    ladder.emotion(features, out, weights, **settings)
    click.echo(f"{out}, {weights}: written")
