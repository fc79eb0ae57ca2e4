"""The command m2l page."""

from __future__ import annotations

import click

from m2l.cli._base import Stage, main


@main.command(cls=Stage)
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
    lead.onnx         the generator to half its side: z (N, 100), u (N, 2) to image and features
    generator.onnx    the rest of it: z, u, features to image (N, 3, H, W)
    ear.onnx          the networks and trees that hear a song
    generator.json    its card, the scale of its plane, the pieces and their paths
    noise.bin         z of the scenes 0 to 255, float32
    grid.jpg, *.jpg   one scene over the plane; a landscape for each mood
    *.mp3             pieces that m2l composes
    film.mp4          the film of one that passes through all moods; film.jpg, stills.jpg of it
    """
    from m2l import generate as generator
    from m2l import page as pages

    pages.build(out, weights or generator.WEIGHTS)
    click.echo(f"{out}: written")
