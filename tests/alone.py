"""The package installed by itself: no command that --help lists ends in a traceback.

Not a test that pytest collects: .ci/alone runs it in an environment that holds nothing else.
"""

import subprocess
import sys
from pathlib import Path

import click

from m2l.cli import main


def leaves(group, words=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


def run(*words, seconds=60):
    """Status and last line of the command; status None if it is still at work after a minute."""
    command = [Path(sys.executable).with_name("m2l"), *words]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, "at work"
    if "Traceback" in ran.stderr or ran.returncode not in (0, 2):
        sys.exit(f"m2l {' '.join(words)}: status {ran.returncode}\n{ran.stderr}")
    return ran.returncode, (ran.stderr or ran.stdout).strip().splitlines()[-1]


# What a first try needs works without any extra.
assert run("generate", "--valence", "7", "--arousal", "3", "-o", "calm.png")[0] == 0
assert Path("calm.png").stat().st_size > 1000
assert run("study", "design", "--participants", "10", "-o", "design.json")[0] == 0
assert run("study", "simulate", "design.json", "-o", "answers.csv")[0] == 0

given = {"design": "design.json", "answers": "answers.csv"}
for words, command in leaves(main):
    needed = [p for p in command.get_params(click.Context(command)) if p.required]
    filled = []
    for p in needed:
        folder = isinstance(p.type, click.Path) and not p.type.file_okay
        value = given.get(p.name, "folder" if folder else "gone.png" if p.name == "out" else "gone")
        filled += [value] if isinstance(p, click.Argument) else [p.opts[-1], value]
    status, line = run(*words, *filled, seconds=30)
    print(f"m2l {' '.join([*words, *filled])}: {line}", flush=True)
