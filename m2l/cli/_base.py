"""What all commands share: the group m2l, how errors are told, types of options."""

from __future__ import annotations

import errno
import logging

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


def _plural(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"
