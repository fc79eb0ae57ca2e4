"""Settings: dataclasses whose fields are checked in type and range, with one line for a fault.

    @dataclass(frozen=True)
    class Preset:
        name: str
        lr: float = setting(1e-3, above=0)
        precision: str = setting("32-true", choices=("32-true", "bf16-mixed"))
        photos: int | None = setting(None, low=1)
        betas: tuple[float, float] = setting((0.0, 0.99), low=0, below=1)

        def __post_init__(self):
            check(self)

A range holds for each number of a tuple. Numbers are finite; a whole number serves as a float,
true and false do not.
"""

from __future__ import annotations

import functools
import json
import operator
import types
import typing
from dataclasses import MISSING, asdict, field, fields, is_dataclass

import yaml

from m2l.errors import InputError


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        if twice := [name for name in names if names.count(name) > 1]:
            raise yaml.YAMLError(f"{twice[0]} stands twice")  # else the later one would hold
        return super().construct_mapping(node, deep)


def written(path):
    """Plain values by name, as a YAML file has them.

    Raises
    ------
    InputError
        The file is missing, no YAML, has no values by name, or two of one name.
    """
    try:
        with open(path, "rb") as file:
            values = yaml.load(file, _Loader) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable YAML file ({reason}); mend it") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: no settings by name; give NAME: VALUE, line by line")
    return values


def setting(default=MISSING, *, low=None, high=None, above=None, below=None, choices=None):
    """A field of a dataclass with its range, closed (low, high) or open (above, below)."""
    limits = {"ge": low, "le": high, "gt": above, "lt": below}
    limits = {k: v for k, v in limits.items() if v is not None}
    return field(default=default, metadata={"limits": limits, "choices": choices})


def check(instance, where=""):
    """Check every field of a dataclass by its type hint and its range.

    Parameters
    ----------
    instance : dataclass; its hints are int, float, str, bool, dataclasses, tuples and dicts of
        them, and None beside any.
    where : put before the field's name in the message, such as "stage 8: ".

    Raises
    ------
    InputError
        Which field it is, what it holds and what it may be.
    """
    _validated(_model(type(instance)), asdict(instance), where)


def read(cls, values, where=""):
    """Make a dataclass from plain values, as YAML and JSON have them; the inverse of `asdict`.

    Dicts become the dataclasses that the hints name, and lists tuples.

    Raises
    ------
    InputError
        A setting is missing or unknown, or not what `check` wants.
    """
    _validated(_model(cls), values, where)
    return _validated(cls, values, where)


def _validated(kind, values, where):
    """Plain values as a kind, by pydantic: strictly, with the types that JSON has."""
    from pydantic import TypeAdapter, ValidationError

    try:
        text = json.dumps(values, default=lambda x: x.item() if hasattr(x, "item") else str(x))
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
    if isinstance(own := fault.get("ctx", {}).get("error"), InputError):  # of a field's own check
        raise own
    *_, name = path = [str(part) for part in fault["loc"]] or ["settings by name"]
    if fault["type"] == "extra_forbidden":
        raise InputError(f"{where}unknown setting {name}; there are {', '.join(kind.model_fields)}")
    if fault["type"] == "missing" and not name.isdigit():
        raise InputError(f"{where}missing setting {'.'.join(path)}")
    told = fault["msg"].removeprefix("Input ")
    if fault["type"] == "float_type" and isinstance(fault["input"], str):
        told += "; in YAML write 1.0e-3 rather than 1e-3"
    raise InputError(f"{where}{'.'.join(path)} {fault['input']!r:.60}: {told}")


@functools.cache
def _model(cls):
    """A dataclass as a model of pydantic, which knows the ranges."""
    from pydantic import ConfigDict, create_model

    hints = typing.get_type_hints(cls)
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    known = {
        f.name: (_hint(hints[f.name], f.metadata), ... if f.default is MISSING else None)
        for f in fields(cls)
    }
    return create_model(cls.__name__, __config__=config, **known)


def _hint(hint, metadata):
    """A hint with its range: of a tuple and beside None, of each number."""
    from pydantic import Field

    if is_dataclass(hint):
        return _model(hint)
    if parts := typing.get_args(hint):
        parts = tuple(p if p is ... else _hint(p, metadata) for p in parts)
        origin = typing.get_origin(hint)
        return functools.reduce(operator.or_, parts) if origin is types.UnionType else origin[parts]
    if choices := metadata.get("choices"):
        return typing.Literal[tuple(choices)]
    limits = metadata.get("limits") if hint in (int, float) else None
    return typing.Annotated[hint, Field(**limits)] if limits else hint
