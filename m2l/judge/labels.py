"""Labels for photos that nobody rated: the recipe of the stand-in's own valence and arousal.

Each of two frozen networks, EfficientNet-Lite0 and -Lite2, sees the whole photo; support vector
regressions on its pooled features were fitted to people's ratings of OASIS; a label is the mean of
the two networks' answers.

Conventions
-----------
Photos become 224×224 (Lite0) and 260×260 (Lite2) by bicubic interpolation, without cropping, and
(x − 127) / 128. Features are (N, 1280), averaged over the picture. Valence and arousal are on 1–9.
The shipped machines keep their support vectors in bytes.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path

import numpy as np

from m2l.errors import InputError
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.pretrained import lite

log = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parents[1] / "weights" / "labels.safetensors"
SIDES = {0: 224, 2: 260}
GAMMA = 0.5 / 1280

_network = cache(lite)


def features(photos):
    """Pooled features (N, 2, 1280) of photos (PIL, RGB) by both networks."""
    import torch
    from PIL import Image

    out = []
    with torch.inference_mode():
        for photo in photos:
            out.append([])
            for which, side in SIDES.items():
                small = photo.resize((side, side), Image.Resampling.BICUBIC)
                x = torch.from_numpy(np.asarray(small, np.float32)).permute(2, 0, 1)[None]
                seen = _network(which).extract_features((x - 127) / 128)
                out[-1].append(seen.mean((2, 3))[0].numpy())
    return np.array(out)


def fit(seen, ratings):
    """Support vector regressions of ratings (N, 2), 1–9, on features (N, 2, 1280), not negative.

    Returns
    -------
    dict of network to dict of ndarray, see `told`.
    """
    return {
        which: _machine(x, ratings) for which, x in zip(SIDES, seen.swapaxes(0, 1), strict=True)
    }


def _machine(seen, ratings):
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    scaler, target = StandardScaler().fit(seen), StandardScaler().fit(ratings)
    x, y = scaler.transform(seen), target.transform(ratings)
    weights, constants = np.zeros((len(x), 2)), np.zeros(2)
    for d in (0, 1):
        machine = SVR(C=2, epsilon=0.1, gamma=GAMMA).fit(x, y[:, d])
        weights[machine.support_, d] = machine.dual_coef_[0]
        constants[d] = machine.intercept_[0]
    step = np.maximum(seen.max(0), 1e-6) / 255
    return {
        "support": np.round(seen / step).astype(np.uint8),
        "step": step,
        "mean": scaler.mean_,
        "scale": scaler.scale_,
        "weights": weights * target.scale_,
        "constants": target.mean_ + constants * target.scale_,
    }


def told(machines, seen):
    """Valence and arousal (N, 2) that machines, see `fit`, tell from features (N, 2, 1280)."""

    def one(machine, seen):
        x, s = (
            (part - machine["mean"]) / machine["scale"]
            for part in (seen, machine["support"] * machine["step"])
        )
        apart = (x**2).sum(1)[:, None] + (s**2).sum(1) - 2 * x @ s.T
        return machine["constants"] + np.exp(-GAMMA * apart) @ machine["weights"]

    return np.mean([one(machines[k], seen[:, i]) for i, k in enumerate(SIDES)], axis=0)


def label(photos, machines=None):
    """Predicted valence and arousal (N, 2), 1–9, of photos (PIL, RGB).

    `machines` are of `fit`, the shipped ones by default.
    """
    return np.clip(told(machines or load(), features(photos)), 1, 9)


def folder(path):
    """Labels of the photos in a folder; one that does not open is named and left out.

    Returns
    -------
    DataFrame of file, valence, arousal (1–9) and label_source, "predicted".

    Raises
    ------
    InputError
        If there is no such folder, or no photo in it opens.
    """
    import pandas as pd
    from tqdm import tqdm

    from m2l.doors import outputs, pictures

    found, _ = pictures.find(path)
    machines, rows = load(), []
    for which in SIDES:  # a missing package ends it here
        _network(which)
    for photo in tqdm(found, desc="photos", disable=None, leave=False):
        try:
            if (name := outputs.readable(photo)) != str(photo):
                raise InputError(f"{name}: no name for a table, which is UTF-8; rename it")
            va = label([pictures.read(photo)], machines)[0]
        except InputError as error:
            log.warning("left out: %s", error)
        else:
            rows.append((photo.name, *va.round(3), "predicted"))
    if not rows:
        raise InputError(f"{path}: no photo in it opens; give a folder with JPEG or PNG photos")
    return pd.DataFrame(rows, columns=["file", "valence", "arousal", "label_source"])


def save(machines, path, card):
    """Write the machines with a card."""
    import torch

    tensors = {
        f"{k}.{name}": torch.from_numpy(x if x.dtype == np.uint8 else x.astype(np.float32))
        for k, machine in machines.items()
        for name, x in machine.items()
    }
    write_checkpoint(path, tensors, {"format": "m2l-labels", "card": json.dumps(card)})


def load(path=None):
    """Read machines written by `save`; the shipped ones by default.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    missing = "labelling machines here; 'm2l metrics people' fits them"
    _, tensors = read_checkpoint(path or WEIGHTS, "m2l-labels", missing)
    machines = {which: {} for which in SIDES}
    for name, tensor in tensors.items():
        which, _, part = name.partition(".")
        machines.setdefault(int(which), {})[part] = tensor.numpy()
    wanted = {"support", "step", "mean", "scale", "weights", "constants"}
    if any(set(machine) != wanted for machine in machines.values()):
        raise InputError(f"{path}: tensors do not fit labelling machines; get it again")
    return machines
