"""Tensors in files that hold no code: safetensors, with a header of text that says what they are.

Conventions
-----------
The header's `format` names the kind of file, such as "m2l-generator"; files of other kinds are
refused.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from m2l.doors import outputs
from m2l.errors import InputError


def write_checkpoint(path, tensors, header):
    """Write tensors, dict of name to Tensor, and a header, dict of text."""
    # Copies in memory of their own, as safetensors wants them.
    own = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with outputs.writing(path) as aside:
        save_file(own, aside, header)


def read_checkpoint(path, kind="m2l-run", missing=None):
    """Header and tensors of a safetensors file of this package.

    Parameters
    ----------
    path : of the file
    kind : its format
    missing : what is not there, and what makes one, for those who read the error.

    Raises
    ------
    InputError
        If the file is missing, truncated, foreign or of another kind.
    """
    if missing and not Path(path).is_file():
        raise InputError(f"{path}: no {missing}")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != kind:
                raise InputError(f"{path}: not a file of kind {kind}; choose another")
            return header, {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: truncated or not safetensors ({error}); restore it") from error


def load_network(path, kind, make, name, maker):
    """A network from its file, in evaluation mode.

    Parameters
    ----------
    path : of the file
    kind : its format
    make : callable (header) -> Module of the right sizes
    name, maker : what it is, with its article, and what makes one, for those who read the error.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    missing = f"{name.split(' ', 1)[1]} here; {maker}"
    header, tensors = read_checkpoint(path, kind, missing)
    try:
        net = make(header)
        net.load_state_dict(tensors)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: tensors do not fit {name}; get it again") from error
    return net.eval().requires_grad_(False)
