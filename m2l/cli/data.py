"""The command m2l data."""

from __future__ import annotations

import textwrap

import click

from m2l.cli._base import FILE, Output, _plural, main
from m2l.errors import InputError


@main.command()
@click.argument("corpus", required=False)
@click.option("--audit", is_flag=True, help="Check the labels of CORPUS for defects.")
@click.option("--scale", nargs=2, default=(1.0, 9.0), metavar="LOW HIGH", help="Of your own .csv.")
@click.option("-o", "--out", type=Output(".json"), help="Write the study's data.json.")
@click.option("--features", type=FILE, help="With -o: 4Q-TAFFC's features, to be described too.")
def data(corpus, audit, scale, out, features):
    """List the corpora at hand, and what was left out of each and why.

    With a CORPUS, print its card: what it is, its terms, where to get it, where to put it.

    \b
    m2l data deam --audit                      DEAM as published, against itself
    m2l data mine.csv --audit --scale 0 1      a table of your own

    The audit looks for missing labels, other scales, duplicates and exchanged columns, and says
    what R² the raters' disagreement leaves to a perfect model. A table of your own has the columns
    id, valence and arousal; title, artist, dynamic_valence and dynamic_arousal are used where it
    has them.
    """
    from m2l import corpora
    from m2l.experiments import data as described

    if audit:
        if not corpus:
            raise InputError("--audit: no corpus named; give one, or a .csv of your own")
        _audit(**described.audited(corpus, scale=scale))
    elif corpus:
        card = dict(vars(corpora.card(corpus)))
        card["counts"] = ", ".join(f"{n:,} {what}" for what, n in card["counts"].items())
        for key in ("title", "citation", "licence", "where", "counts", "layout"):
            click.echo(f"{key}:\n{textwrap.indent(card[key], '  ')}")
    elif out:
        described.data(out, features=features)
        click.echo(f"{out}: written")
    else:
        _listed(corpora.summary())


def _listed(table):
    for row in table.itertuples():
        if not row.present:
            click.echo(f"{row.name:<12}missing: {row.notes}")
            continue
        size = f"{row.n} rows, {row.files} files" if row.n else "built in"
        notes = row.notes or "as published"
        click.echo(f"{row.name:<12}{size}, labels {row.label_source}; {notes}")
        for reason, n in row.reasons.items():
            click.echo(f"{'':<12}  {n} left out: {reason}")
    if not table["present"].all():
        click.echo("m2l data NAME says what a corpus is, where to get it and where to put it")


def _audit(table, findings, blocks, ceiling):
    click.echo(f"{len(table)} items: {_plural(len(findings), 'finding')}")
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
            figure = "  {} {value:.2f} ({low:.2f} to {high:.2f})"
            click.echo(figure.format(d, **ceiling[d]["ceiling"]))
