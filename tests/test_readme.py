"""The README's commands: each is one that exists and, in CI, works in a fresh copy, in order."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from m2l.cli import main
from m2l.sample import compose

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```(console|python)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
COMMANDS = [
    line.split(" #")[0].strip()
    for kind, text in BLOCKS
    if kind == "console"
    for line in text.replace("\\\n", " ").splitlines()
]

# What takes hours, needs the corpora or an ethics board is not tried here; .ci/run makes the rest.
ELSEWHERE = re.compile("make |export M2L_DATA|.* mystudy")
SHORTER = {"projected-laptop": "projected-smoke", "study serve": "study serve --port 0"}


def test_commands_are_found():
    assert len(COMMANDS) > 20 and COMMANDS[:2] == ["make book", "make test"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("m2l ")])
def test_words_and_options_exist(command):
    told = CliRunner().invoke(main, [*shlex.split(command)[1:], "--help"])
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_targets_exist(command):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command.split()[1] in targets


@pytest.mark.readme
def test_each_works_as_printed_in_order(tmp_path):
    copy, home = tmp_path / "m2l", tmp_path / "home"
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(sys.prefix)
    made_up(home, copy)
    environment = {k: v for k, v in os.environ.items() if k != "M2L_DATA"}
    environment |= {"HOME": str(home), "M2L_CACHE": str(tmp_path / "cache"), "PYTHONPATH": "."}
    activate = next(c for c in COMMANDS if c.startswith("source "))
    for kind, text in BLOCKS:
        if kind == "python":
            run(f"{activate} && python - <<'END'\n{text}\nEND", copy, environment)
    for command in COMMANDS:
        if not ELSEWHERE.match(command):
            for long, short in SHORTER.items():
                command = command.replace(long, short)
            run(f"{activate} && {command}", copy, environment)


def made_up(home, copy):
    """Songs and photos where the README has them."""
    rng = np.random.default_rng(0)
    (home / "Music").mkdir(parents=True)
    soundfile.write(copy / "song.mp3", compose.compose(7, 7, seconds=8), compose.SR)
    for i in range(12):  # as many as pictures can be measured by
        shutil.copy(copy / "song.mp3", home / f"Music/{i}.mp3")
    (home / "photos").mkdir()
    rows = ["file,valence,arousal"]
    for i in range(60):
        noise = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(noise).save(home / f"photos/{i}.png")
        rows.append(f"{i}.png,{rng.uniform(2, 8):.2f},{rng.uniform(2, 8):.2f}")
    (home / "photos.csv").write_text("\n".join(rows))


def run(command, folder, environment):
    process = subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=20 if " serve " in command else 1200)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        assert " serve " in command and "closed; the answers are in" in out, f"{command}\n{out}"
    assert process.returncode == 0, f"{command}\n{out}"
