"""What all commands share: the group m2l, how errors are told, types of options."""

from __future__ import annotations

import ast
import codecs
import errno
import functools
import importlib
import importlib.util
import io
import logging
import os
import re
import sys
from pathlib import Path

import click

# Before anything loads these libraries: threads that wait for each other by spinning slow a shared
# machine down tenfold, and a matrix product's threads inside those of a training are too many.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from m2l.doors import outputs
from m2l.errors import InputError

log = logging.getLogger(__name__)

COUNT = click.IntRange(min=1)
SEED = click.IntRange(0, 2**24 - 1)  # what every generator of random numbers here takes
SCENE = click.option("--seed", type=SEED, default=0, help="Another seed, another scene.")
FILE, FOLDER = click.Path(dir_okay=False), click.Path(file_okay=False)
JOBS = click.option("--jobs", type=COUNT, default=1, help="Processes.")
WEIGHTS = click.option(
    "--weights", type=click.Path(), help="A generator; the released one by default."
)


class Output(click.Path):
    """A file to be written, of some kinds: Output(".csv"); never an input of its command."""

    def __init__(self, *kinds):
        super().__init__()
        self.kinds = kinds


def output(*kinds, default=None, help=""):
    """The option -o of a file to be written, of some kinds; without a default it must be given."""
    return click.option(
        *("-o", "--out"), type=Output(*kinds), required=not default, default=default, help=help
    )


class Command(click.Command):
    """A command that refuses, before it does anything, to write over what it reads.

    Parameters
    ----------
    calls : "module:function" or several, whose parameters become options, with their defaults and
        what their docstrings say. What is not given is not passed on: a default stands where it is
        used and nowhere else.
    """

    def __init__(self, *args, calls=(), **settings):
        super().__init__(*args, **settings)
        self.calls = (calls,) if isinstance(calls, str) else calls

    def get_params(self, context):
        for name in self.calls:
            known = {"root", *(p.name for p in self.params)}
            self.params += [o for o in _options(name) if o.name not in known]
        return super().get_params(context)

    def invoke(self, context):
        for param in self.params:
            if isinstance(param, Passed) and context.params[param.name] is None:
                del context.params[param.name]
        paths = {p.name: p for p in self.params if isinstance(p.type, click.Path)}
        given = {name: context.params.get(name) for name in paths}
        if empty := [n for n, v in given.items() if "" in (v if isinstance(v, tuple) else (v,))]:
            raise InputError(f"{empty[0]}: an empty name; give that of a file or folder")
        for name, option in paths.items():
            if isinstance(option.type, Output) and given[name]:
                others = [given[other] for other in paths if other != name and given[other]]
                others = [p for o in others for p in ([o] if isinstance(o, str) else o)]
                outputs.check(given[name], option.type.kinds, others)
        return super().invoke(context)


class Stage(Command):
    """A command that a rule of the study's Snakefile calls, of little use to others.

    It is the first of the functions that it `calls`, which takes its output's path as `out`; its
    help is that function's.
    """

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings | {"callback": self.call})

    @property
    def help(self):
        return ast.get_docstring(_definition(self.calls[0])).partition("\n\nParameters\n")[0]

    @help.setter
    def help(self, text):
        pass

    def call(self, out, **given):
        module, _, name = self.calls[0].partition(":")
        getattr(importlib.import_module(module), name)(out=out, **given)
        click.echo(f"{out}: written")


class Passed(click.Option):
    """An option that is a parameter of the function called."""


@functools.cache
def _definition(name):
    """The definition of a function or dataclass that is named "module:function".

    Its source is read and not run: libraries that take seconds are not for a help text.
    """
    module, _, name = name.partition(":")
    source = Path(importlib.util.find_spec(module).origin).read_text("utf-8")
    return next(n for n in ast.parse(source).body if getattr(n, "name", None) == name)


def _options(name):
    """An option for each parameter of a function or dataclass that is named "module:function"."""
    node = _definition(name)
    if isinstance(node, ast.ClassDef):
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
        parts = [(n.target.id, n.annotation, n.value) for n in fields]
    else:
        a = node.args
        without = [None] * (len(a.args) - len(a.defaults))
        pairs = [*zip(a.args, without + a.defaults, strict=True)]
        pairs += zip(a.kwonlyargs, a.kw_defaults, strict=True)
        parts = [(arg.arg, arg.annotation, default) for arg, default in pairs]
    told = {}
    described = r"^(\w+(?:, \w+)*) : (.*(?:\n {4,}.*)*)"
    for names, text in re.findall(described, ast.get_docstring(node), re.M):
        told |= dict.fromkeys(names.split(", "), " ".join(text.split()).removesuffix("."))
    for name, hint, default in parts:
        value = getattr(default, "value", None) if isinstance(default, ast.Constant) else None
        kind = ast.unparse(hint).split(" | ")[0] if hint else type(value).__name__
        kinds = {"int": SEED if name == "seed" else COUNT, "float": float, "str": str, "bool": bool}
        kind, text = kinds.get(kind, click.Path()), told.get(name, "")
        if kind is COUNT and (least := re.search(r"(\d+) or more", text)):
            kind = click.IntRange(int(least[1]))
        elif written := re.match(r"(\.\w+).* to write", text):
            kind = Output(written[1])
        text = f"{text[:1].upper()}{text[1:]}."
        if value is not None and kind is not bool:
            text += f"  [default: {value}]"
        yield Passed(
            ["-o"] * (name == "out")
            + [f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"],
            type=None if kind is bool else kind,
            is_flag=kind is bool,
            help=text,
            **({"required": True} if default is None else {"default": None}),
        )


class Commands(click.Group):
    """A group whose commands end input errors with one line and status 2."""

    command_class = Command

    def stage(self, name, *calls):
        """Add the `Stage` that is made of functions."""
        self.add_command(Stage(name, calls=calls))

    def format_commands(self, context, formatter):
        """List those that people use, then apart those that only the study's own rules call."""
        for title, of_rules in (("Commands", False), ("The study's own stages", True)):
            width = formatter.width - 6 - max(map(len, self.commands))
            rows = [
                (name, command.get_short_help_str(width))
                for name, command in sorted(self.commands.items())
                if isinstance(command, Stage) == of_rules
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def invoke(self, context):
        try:
            return super().invoke(context)
        except InputError as error:
            click.echo(f"m2l: {error}", err=True)
            context.exit(2)
        except ModuleNotFoundError as error:
            click.echo(f"m2l: {_extra(error)}", err=True)
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


SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(package_name="m2l")
@click.option("-v", "--verbose", is_flag=True, help="Say what is being done.")
def main(verbose):
    """From the emotion of a song to a landscape.

    \b
    m2l generate song.mp3 -o song.png          a landscape for a song
    m2l generate --valence 7 --arousal 3 -o calm.png
    m2l film song.mp3 -o song.mp4              a film, with its sound
    m2l cover Album --beside                   covers for the songs of a folder
    m2l emotion *.mp3                          valence and arousal, 1 to 9
    m2l data                                   which corpora are at hand

    The corpora are looked for under the folder that M2L_DATA names; the commands above work
    without any.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="m2l")
    logging.basicConfig(
        format="m2l: %(message)s", level=logging.INFO if verbose else logging.WARNING
    )


def _extra(error):
    """What to install for a module that is missing."""
    from importlib.metadata import requires

    for line in requires("m2l") or ():
        requirement, _, marker = line.partition(";")
        name = re.match(r"[\w.-]+", requirement)[0].replace("-", "_").lower()
        if name == (error.name or "").split(".")[0].lower() and "extra" in marker:
            extra = marker.split("==")[1].strip(" '\"")
            return f"needs {error.name}: pip install '.[{extra}]' in the project's folder"
    return f"needs {error.name}: install m2l anew, by pip install . in the project's folder"


def _as_bytes(error):
    """Names of files are the system's bytes; what else a terminal cannot show is a ?."""
    text = error.object[error.start : error.end]
    shown = (os.fsencode(c) if "\udc80" <= c <= "\udcff" else b"?" for c in text)
    return b"".join(shown), error.end


codecs.register_error("m2l", _as_bytes)


def _plural(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"
