"""Settings are checked in type and range, and a fault is told in one line."""

from dataclasses import asdict, dataclass

import pytest

from m2l.doors.settings import check, read, setting
from m2l.errors import InputError


@dataclass(frozen=True)
class Stage:
    resolution: int = setting(choices=(4, 8, 16))
    images: int | None = setting(None, low=1)


@dataclass(frozen=True)
class Preset:
    name: str
    stages: tuple[Stage, ...]
    lr: float = setting(1e-3, above=0)
    betas: tuple[float, float] = setting((0.0, 0.99), low=0, below=1)
    objective: str = setting("hinge", choices=("hinge", "wgan"))
    n_critic: int = setting(1, low=1)
    flip: bool = True
    weights: dict[str, float] | None = None

    def __post_init__(self):
        check(self)


GOOD = {"name": "x", "stages": [{"resolution": 4, "images": 320}, {"resolution": 8}]}


def test_reading_is_the_inverse_of_asdict():
    made = read(Preset, GOOD)
    assert made.stages == (Stage(4, 320), Stage(8))
    assert read(Preset, asdict(made)) == made
    assert read(Preset, GOOD | {"lr": 1, "betas": [0, 0.5]}).betas == (0, 0.5)


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("lr", 0, "greater than 0"),
        ("lr", True, "a valid number"),
        ("lr", float("nan"), "a finite number"),
        ("lr", "1e-3", "in YAML write 1.0e-3"),
        ("lr", None, "a valid number"),
        ("betas", [0, 1], "less than 1"),
        ("betas", [0.0], "Field required"),
        ("betas", 0.5, "a valid array"),
        ("objective", "gan", "'hinge' or 'wgan'"),
        ("objective", ["hinge"], "'hinge' or 'wgan'"),
        ("n_critic", 1.5, "a valid integer"),
        ("n_critic", 0, "greater than or equal to 1"),
        ("flip", 1, "a valid boolean"),
        ("name", 3, "a valid string"),
        ("stages", 3, "a valid array"),
        ("stages", [3], "an object"),
        ("stages", [{"resolution": 5}], "4, 8 or 16"),
        ("stages", [{"resolution": 4, "images": -3}], "greater than or equal to 1"),
        ("stages", [{"images": 3}], "missing setting stages.0.resolution"),
        ("weights", {"a": "b"}, "a valid number"),
        ("rate", 1, "unknown setting rate; there are name, stages, lr"),
    ],
)
def test_a_fault_names_the_setting_and_what_it_may_be(name, value, told):
    with pytest.raises(InputError) as caught:
        read(Preset, GOOD | {name: value})
    message = str(caught.value)
    assert told in message and "\n" not in message and name in message.replace("resolution", name)


@pytest.mark.parametrize("values", [None, [], "text", {}, {"name": "x"}])
def test_settings_come_by_name_and_none_may_lack(values):
    with pytest.raises(InputError, match=r"by name|missing setting"):
        read(Preset, values)
