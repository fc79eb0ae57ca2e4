"""Convert musicnn's two checkpoints to the weights that `m2l.music.tagging` reads.

Needs the package musicnn 0.1.0 (`pip install --no-deps musicnn==0.1.0`), not TensorFlow:

    python benchmarks/tagging_weights.py

Much of these networks is without effect: of a filter whose kernel training has shrunk below 1e-6,
only the bias is left, so that it answers the same to every sound. All that such filters tell the
next layers is one number, which their input of ones and the dense layer's bias carry here. What is
left, 30 % of the work, gives the same answers.
"""

from __future__ import annotations

import hashlib
import json
from importlib import metadata
from pathlib import Path

import numpy as np

from m2l.music import tagging

VERSION = "0.1.0"
SHA256 = {
    "mtt": "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    "msd": "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
}
"""Of each checkpoint's numbers, `<name>_musicnn/.data-00000-of-00001`."""

EPSILON = 1e-3  # of TensorFlow's batch normalisation
EFFECT = 1e-6


def checkpoint(folder):
    """The variables of a TensorFlow checkpoint.

    Its index is a LevelDB table, blocks of entries that share beginnings of keys, of protocol
    buffers with shape, offset and size.

    Parameters
    ----------
    folder : holds `.index` and `.data-00000-of-00001`

    Returns
    -------
    dict of name to ndarray, float32
    """
    index = (Path(folder) / ".index").read_bytes()
    numbers = (Path(folder) / ".data-00000-of-00001").read_bytes()

    def varint(b, i):
        value = shift = 0
        while True:
            value |= (b[i] & 127) << shift
            i, shift = i + 1, shift + 7
            if b[i - 1] < 128:
                return value, i

    def entries(offset, size):
        b = index[offset : offset + size]
        end, i, key = size - 4 - 4 * int.from_bytes(b[-4:], "little"), 0, b""
        while i < end:
            shared, i = varint(b, i)
            own, i = varint(b, i)
            length, i = varint(b, i)
            key = key[:shared] + b[i : i + own]
            yield key.decode(), b[i + own : i + own + length]
            i += own + length

    def fields(b):
        i, found = 0, {}
        while i < len(b):
            tag, i = varint(b, i)
            if tag & 7 == 0:
                value, i = varint(b, i)
            else:
                length, i = (4, i) if tag & 7 == 5 else varint(b, i)
                value, i = b[i : i + length], i + length
            found.setdefault(tag >> 3, []).append(value)
        return found

    footer, where, out = index[-48:], [], {}
    i = 0
    for _ in range(4):  # offset and size of two blocks, of which the second lists all others
        value, i = varint(footer, i)
        where.append(value)
    for _, handle in entries(*where[2:]):
        offset, i = varint(handle, 0)
        size, _ = varint(handle, i)
        for name, value in entries(offset, size):
            entry = fields(value)
            if not name or entry.get(1) != [1]:  # 1 is float32
                continue
            dims = fields(entry[2][0]).get(2, []) if 2 in entry else []
            shape = [fields(d).get(1, [0])[0] for d in dims]
            start, length = entry.get(4, [0])[0], entry[5][0]
            out[name] = np.frombuffer(numbers, np.float32, length // 4, start).reshape(shape)
    return out


def convert(w):
    """Weights of `m2l.music.tagging.network` from a checkpoint's variables.

    Returns
    -------
    state : dict of name to ndarray
    front : the argument of `network`
    """

    def normalisation(i):
        name = f"batch_normalization_{i}/" if i else "batch_normalization/"
        scale = w[name + "gamma"] / np.sqrt(w[name + "moving_variance"] + EPSILON)
        return scale, w[name + "beta"] - scale * w[name + "moving_mean"]

    def convolution(i):
        name = f"conv2d_{i}/" if i else "conv2d/"
        return w[name + "kernel"], w[name + "bias"]  # (frames, bands, before, filters)

    scale, shift = normalisation(0)
    state, front = {"norm.weight": scale[:, None], "norm.bias": shift}, []
    order, answer = [], []  # of the filters kept; of all filters, what one without effect says
    for layer in range(5):
        kernel, bias = convolution(layer)
        scale, shift = normalisation(layer + 1)
        alive = np.abs(kernel).max((0, 1, 2)) > EFFECT
        rising, falling = np.flatnonzero(alive & (scale >= 0)), np.flatnonzero(alive & (scale < 0))
        kept, start = np.concatenate([rising, falling]), len(answer)
        front.append((len(rising), len(falling)))
        order += list(start + kept)
        answer += list(np.where(alive, 0, np.maximum(bias, 0) * scale + shift))
        state |= {
            f"front.{layer}.conv.weight": kernel.transpose(3, 2, 0, 1)[kept],
            f"front.{layer}.conv.bias": bias[kept],
            f"front.{layer}.norm.scale": scale[kept, None],
            f"front.{layer}.norm.shift": shift[kept, None],
        }
    answer = np.array(answer)
    for layer in range(3):
        kernel, bias = convolution(layer + 5)
        scale, shift = normalisation(layer + 6)
        kernel = kernel[:, :, 0].transpose(2, 1, 0)  # (filters, before, frames)
        if layer == 0:
            same = np.einsum("fbt,b->ft", kernel, answer)[:, None]
            kernel = np.concatenate([kernel[:, order], same], 1)
        state |= {
            f"middle.{layer}.0.weight": kernel,
            f"middle.{layer}.0.bias": bias,
            f"middle.{layer}.2.scale": scale[:, None],
            f"middle.{layer}.2.shift": shift[:, None],
        }
    # Maximum and mean of each filter alternate.
    kept = [*order, *range(len(answer), len(w["dense/kernel"]) // 2)]
    scale, shift = (x.reshape(-1, 2) for x in normalisation(9))
    kernel = w["dense/kernel"].reshape(-1, 2, tagging.SIZE)
    same = scale[: len(answer)] * answer[:, None] + shift[: len(answer)]
    same[order] = 0
    bias = w["dense/bias"] + np.einsum("bp,bpo->o", same, kernel[: len(answer)])
    state |= {
        "pooled.scale": scale[kept].T.ravel()[:, None],
        "pooled.shift": shift[kept].T.ravel()[:, None],
        "dense.weight": np.concatenate([kernel[kept, 0], kernel[kept, 1]]).T,
        "dense.bias": bias,
    }
    scale, shift = normalisation(10)
    state |= {
        "embedding.scale": scale[:, None],
        "embedding.shift": shift[:, None],
        "tags.weight": w["dense_1/kernel"].T,
        "tags.bias": w["dense_1/bias"],
    }
    return {key: np.ascontiguousarray(x, np.float32) for key, x in state.items()}, front


def rounded(state):
    """Each matrix as 16-bit integers and the step of each output, `<name>.step`; the rest as is."""
    out = {}
    for key, x in state.items():
        if x.ndim < 2 or x.shape[-1] == 1:
            out[key] = x
            continue
        step = np.abs(x).max(tuple(range(1, x.ndim)), keepdims=True) / 32767
        step = np.maximum(step, np.finfo(np.float32).tiny)
        out[key] = np.round(x / step).astype(np.int16)
        out[f"{key}.step"] = step.ravel().astype(np.float32)
    return out


def main(out=tagging.WEIGHTS):
    """Write the weights, with their origin in the file's metadata and the licence beside them."""
    from safetensors.numpy import save

    from m2l.music._librosa import librosa

    package = metadata.distribution("musicnn")
    if package.version != VERSION:
        raise SystemExit(f"musicnn {package.version}: install --no-deps musicnn=={VERSION}")
    root = Path(package.locate_file("musicnn"))
    mel = librosa.filters.mel(sr=tagging.SR, n_fft=tagging.N_FFT, n_mels=tagging.BANDS)
    tensors, told = {"mel": np.ascontiguousarray(mel.T)}, {}
    for name in tagging.NETWORKS:
        folder = root / f"{name.upper()}_musicnn"
        numbers = (folder / ".data-00000-of-00001").read_bytes()
        if (found := hashlib.sha256(numbers).hexdigest()) != SHA256[name]:
            raise SystemExit(f"{folder}: SHA-256 {found}, expected {SHA256[name]}")
        state, front = convert(checkpoint(folder))
        tensors |= {f"{name}.{key}": x for key, x in rounded(state).items()}
        card = {
            "front": front,
            "source": f"musicnn {VERSION}, {folder.name}",
            "sha256": SHA256[name],
            "licence": "ISC, in tagging.LICENSE",
        }
        told[name] = card
    Path(out).write_bytes(save(tensors, {"networks": json.dumps(told)}))
    licence = next(f for f in package.files if f.name == "LICENSE.md")
    Path(out).with_suffix(".LICENSE").write_text(package.locate_file(licence).read_text())


if __name__ == "__main__":
    main()
