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

import math
import types
import typing
from dataclasses import MISSING, field, fields, is_dataclass
from numbers import Integral, Real

from m2l.errors import InputError

_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def setting(default=MISSING, *, low=None, high=None, above=None, below=None, choices=None):
    """A field of a dataclass with its range, closed (low, high) or open (above, below)."""
    limits = {"low": low, "high": high, "above": above, "below": below, "choices": choices}
    return field(default=default, metadata={k: v for k, v in limits.items() if v is not None})


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
    hints = typing.get_type_hints(type(instance))
    for one in fields(instance):
        value = getattr(instance, one.name)
        if fault := _fault(value, hints[one.name], one.metadata):
            raise InputError(f"{where}{one.name} {_shown(value)}: give {fault}")


def read(cls, values, where=""):
    """Make a dataclass from plain values, as YAML and JSON have them; the inverse of `asdict`.

    Dicts become the dataclasses that the hints name, and lists tuples.

    Raises
    ------
    InputError
        A setting is missing or unknown, or not what `check` wants.
    """
    if not isinstance(values, dict):
        raise InputError(f"{where}{_shown(values)}: give settings by name")
    known = {f.name: f for f in fields(cls) if f.init}
    needed = {n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    for what, names in (("unknown", values.keys() - known), ("missing", needed - values.keys())):
        if names:
            raise InputError(
                f"{where}{what} setting {', '.join(sorted(map(str, names)))}; "
                f"there are {', '.join(known)}"
            )
    hints = typing.get_type_hints(cls)
    made = cls(**{k: _made(v, hints[k], f"{where}{k}: ") for k, v in values.items()})
    check(made, where)
    return made


def _made(value, hint, where):
    """A plain value as its hint wants it, as far as dataclasses and tuples go."""
    for option in _options(hint):
        if is_dataclass(option) and isinstance(value, dict):
            return read(option, value, where)
        if typing.get_origin(option) is tuple and isinstance(value, list | tuple):
            inner = _inner(option, value)
            if len(inner) == len(value):
                return tuple(_made(v, h, where) for v, h in zip(value, inner, strict=True))
    return value


def _inner(hint, value):
    """The hint of each value of a tuple."""
    inner = typing.get_args(hint)
    return [inner[0]] * len(value) if inner[-1] == ... else inner


def _fault(value, hint, limits):
    """What a value should be, or None if it is."""
    faults = [_of_type(value, option, limits) for option in _options(hint)]
    return None if None in faults else " or ".join(dict.fromkeys(faults))


def _of_type(value, hint, limits):
    origin = typing.get_origin(hint) or hint
    if hint is types.NoneType:
        return None if value is None else "nothing"
    if origin is tuple:
        inner = _inner(hint, value) if isinstance(value, tuple) else ()
        if not isinstance(value, tuple) or len(inner) != len(value):
            first, *rest = typing.get_args(hint)
            count = "" if rest == [...] else f"{len(rest) + 1}, each "
            return f"a list of {count}{_name(first, limits)}"
        return _first(_fault(v, h, limits) for v, h in zip(value, inner, strict=True))
    if origin is dict:
        if not isinstance(value, dict):
            return "settings by name"
        return _first(
            _fault(v, h, limits) for v in value.values() for h in typing.get_args(hint)[1:]
        )
    kind = {int: Integral, float: Real}.get(hint, hint)
    right = isinstance(value, kind) and (hint is bool or not isinstance(value, bool))
    if choices := limits.get("choices"):
        return None if right and value in choices else f"one of {', '.join(map(str, choices))}"
    if right and kind in (Integral, Real):
        right = math.isfinite(value) and _within(value, limits)
    if right:
        return None
    return _name(hint, limits) + "; in YAML write 1.0e-3 rather than 1e-3" * _numeric(value, hint)


def _first(faults):
    return next((f"{fault} for each" for fault in faults if fault), None)


def _options(hint):
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _within(value, limits):
    return limits.get("low", value) <= value <= limits.get("high", value) and limits.get(
        "above", -math.inf
    ) < value < limits.get("below", math.inf)


def _name(hint, limits):
    named = _NAMES.get(hint, f"settings of a {getattr(hint, '__name__', hint)}".lower())
    if hint not in (int, float):
        return named
    words = {"low": "from", "above": "above", "high": "to", "below": "below"}
    parts = [f"{word} {limits[name]:,}" for name, word in words.items() if name in limits]
    return " ".join([named, *parts])


def _numeric(value, hint):
    """Whether text was meant for a number."""
    try:
        return hint is float and isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _shown(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
