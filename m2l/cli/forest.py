"""Commands of the forest."""

from __future__ import annotations

import click

from m2l.cli._base import COUNT, SEED, Commands, Output, Stage, main


@main.group(cls=Commands)
def forest():
    """Train and evaluate the random forest."""


@forest.command("train", cls=Stage)
@click.option("--features", required=True, type=click.Path(), help=".parquet")
@click.option(
    "-o",
    "--out",
    type=Output(".json"),
    default="results/forest.json",
    show_default=True,
    help="Result.",
)
@click.option("--weights", default="runs/forest.skops", show_default=True, help="The forest.")
@click.option(
    "--run", "folder", default="runs/forest", show_default=True, help="Keeps what is finished."
)
@click.option("--trees", type=COUNT, default=150, show_default=True, help="Of each forest.")
@click.option("--trials", type=COUNT, default=8, show_default=True, help="Of each search.")
@click.option("--epochs", type=COUNT, default=12, show_default=True, help="For the CNN.")
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Parts, artists apart.",
)
@click.option("--repeats", type=COUNT, default=3, show_default=True, help="Of the fastest models.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all draws.")
@click.option("--preset", default="full", show_default=True, help="A name for the record.")
def forest_train(features, out, weights, **settings):
    """Compare models with artists apart, study the best forest and train it on all songs.

    Every model's answers are kept under --run as they are finished: after Ctrl-C the same command
    goes on.
    """
    from m2l.experiments import emotion as ladder

    ladder.emotion(features, out, weights, **settings)
    click.echo(f"{out}, {weights}: written")
