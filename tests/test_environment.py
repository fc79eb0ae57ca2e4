"""What is asked for, what is pinned and what conda installs agree."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# opensmile's licence is not for everyone: who wants it installs it.
LOCKED_EXTRAS = [group for name, group in EXTRAS.items() if name != "smile"]
DIRECT = [
    Requirement(text) for group in (PROJECT["dependencies"], *LOCKED_EXTRAS) for text in group
]
LOCKED = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
HERE = {
    pin.name: pin.specifier
    for pin in LOCKED
    if not pin.marker or pin.marker.evaluate({"python_full_version": "3.11.7"})
}


def test_every_line_of_the_lock_is_one_exact_version():
    for pin in LOCKED:
        assert [one.operator for one in pin.specifier] == ["=="], str(pin)


@pytest.mark.parametrize("asked", DIRECT, ids=lambda asked: asked.name)
def test_what_is_asked_for_is_locked_within_its_range(asked):
    assert asked.name in HERE, f"{asked.name} is not in requirements.lock"
    (pin,) = HERE[asked.name]
    assert Version(pin.version) in asked.specifier


def test_conda_installs_the_lock_and_the_package_on_the_python_of_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, from_pypi = environment["dependencies"]
    assert pip == "pip"
    assert from_pypi == {"pip": ["-r requirements.lock", "-e ."]}
    assert python.startswith("python=")
    assert (
        Version(python.removeprefix("python="))
        in Requirement(f"python{PROJECT['requires-python']}").specifier
    )
