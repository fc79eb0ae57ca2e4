"""Networks as ONNX graphs, which browsers run: the generator, and the ear that hears a song.

Conventions
-----------
Large weights are kept as 16-bit floats. ONNX Runtime multiplies out what depends on weights alone
when it opens a graph, so a graph holds them unscaled, as the network does.
"""

from __future__ import annotations

import copy
import importlib.util

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from m2l.errors import InputError
from m2l.gan.networks import detailed, leaky, pixel_norm
from m2l.music import tagging

WINDOW = tagging.HOP * (tagging.FRAMES + 1)  # samples that the ear hears at once
TILE = 8  # points of a long line that are enlarged together


def generator(released, folder):
    """Write a generator as graphs that take up one another's work, each to a larger picture.

    lead.onnx takes z (1, z), standard normal, and u (1, 2) in [-1, 1], and gives image
    (1, 3, H/2, W/2) in [-1, 1] and features; generator.onnx takes z, u and these features, as
    before, and gives image (1, 3, H, W) and, where there is a finer one, features; finest.onnx
    takes z, u, these, as before, and that image, as below, and gives image (1, 3, 2H, 2W).

    Parameters
    ----------
    released : m2l.generate.Released
    folder : Path to write to.

    Raises
    ------
    InputError
        If ONNX is not installed, or the generator's last stage adds detail alone.
    """
    network = copy.deepcopy(released.network)
    emphasis = torch.tensor(released.emphasis, dtype=torch.float32)
    sizes, top = network.sizes, network.sizes.stage(released.resolution)
    finer = released.finest > released.resolution
    if sizes.detail and top == len(network.blocks) - 1:
        raise InputError("the last stage of this generator adds detail alone: give one of 128×128")
    for i, block in enumerate(network.blocks[1 : top + 1 + finer]):
        block.conv1 = Enlarging(block.conv1, sizes.resolution(i), sizes.upsampling)

    def through(blocks, x, u, z, noise):
        noise = iter(noise)  # two for each block, or none at all
        for block in blocks:
            x = block(x, u, z, (next(noise, None), next(noise, None)))
        return x

    class Lead(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense, self.embed = network.dense, network.embed
            self.blocks, self.to_rgb = network.blocks[:top], network.to_rgb[top - 1]

        def forward(self, z, u, *noise):
            u = u * emphasis
            x = torch.cat([z, u], 1) if sizes.condition == "eru" else z
            x = pixel_norm(leaky(self.dense(pixel_norm(x)).view(1, -1, 4, 4)))
            x = through(self.blocks, x, self.embed(u), pixel_norm(z), noise)
            return torch.tanh(self.to_rgb(x)), x

    class Rest(nn.Module):
        def __init__(self, level):
            super().__init__()
            self.embed = network.embed
            self.blocks, self.to_rgb = network.blocks[level : level + 1], network.to_rgb[level]

        def forward(self, z, u, before, *noise):
            u = self.embed(u * emphasis)
            x = through(self.blocks, before, u, pixel_norm(z), noise)
            return (torch.tanh(self.to_rgb(x)), x)[: 1 + finer]

    class Finest(Rest):
        def forward(self, z, u, before, below, *noise):
            return detailed(below, super().forward(z, u, before, *noise)[0])

    lead, rest = Lead().eval(), Rest(top).eval()
    given = {"z": torch.zeros(1, released.z), "u": torch.zeros(1, 2)}
    told = ["image", "features"]
    _write(lead, given, told, folder / "lead.onnx", _noise(lead))
    given["before"] = lead(*given.values(), *_noise(lead).values())[1]
    _write(rest, given, told[: 1 + finer], folder / "generator.onnx", _noise(rest))
    if finer:
        below, before = rest(*given.values(), *_noise(rest).values())
        given |= {"before": before, "below": below}
        finest = Finest(top + 1).eval()
        _write(finest, given, told[:1], folder / "finest.onnx", _noise(finest))


def _noise(part):
    """The fixed noise of the blocks, which is smaller than its product with their channels."""
    each = [noise for block in part.blocks for noise in block.noise() if noise is not None]
    return {f"noise{i}": noise for i, noise in enumerate(each)}


class Enlarging(nn.Module):
    """Enlargement to twice the side and the 3×3 convolution after it, in fewer products.

    The one is linear in places, the other in channels and places, so they change places: each of
    the kernel's nine taps mixes the channels at the smaller side, where there are a quarter of the
    points. What three taps of n points make of a line of 2n is one matrix; a long line is cut into
    tiles, whose matrices are small.

    Parameters
    ----------
    conv : m2l.gan.networks.Conv, 3×3.
    side : of what comes in.
    mode : of the enlargement, as of `Sizes.upsampling`.
    """

    def __init__(self, conv, side, mode):
        super().__init__()
        tile = TILE if side >= 4 * TILE else side
        weight = conv.weight.permute(0, 3, 2, 1)  # (out, x, y, in)
        self.weight = nn.Parameter(weight.flatten(0, 2)[..., None, None].contiguous())
        self.bias, self.scale = conv.bias, conv.scale
        self.sizes = len(conv.bias), side, tile

        eye = torch.eye(side)[None, :, None]
        line = F.interpolate(eye, scale_factor=(1, 2), mode=mode)[0, :, 0]
        taps = F.pad(line, (1, 1)).unfold(1, 2 * side, 1).transpose(0, 1)  # (3, side, 2 side)
        taps = F.pad(taps, (0, 0, 1, 1))  # a tile sees a neighbour at either end
        starts, k = range(0, side, tile), torch.arange(3)
        parts = [taps[:, i : i + tile + 2, 2 * i : 2 * (i + tile)].flatten(0, 1) for i in starts]
        self.register_buffer("matrices", torch.stack(parts))  # (T, 3 (tile + 2), 2 tile)
        seen = torch.tensor(starts)[:, None] + torch.arange(-1, tile + 1)
        seen = seen.clamp(0, side - 1)[:, None]  # (T, 1, tile + 2)
        self.register_buffer("rows", (k[:, None] * side + seen).flatten())
        columns = k[:, None] * len(starts) * side + seen
        columns = columns + side * torch.arange(len(starts))[:, None, None, None]
        self.register_buffer("columns", columns.flatten())

    def forward(self, x):
        """Features (1, C, R, R) to (1, C', 2R, 2R)."""
        c, n, tile = self.sizes
        t = n // tile
        y = F.conv2d(x, self.weight * self.scale)  # (1, c·3·3, n, n): taps along x, then y
        y = y.view(3 * c, 3 * n, n).index_select(1, self.rows).view(3 * c, t, -1, n)
        y = y.transpose(2, 3) @ self.matrices  # (c·3, t, n, 2 tile)
        y = y.reshape(c, 3 * t * n, 2 * tile).index_select(1, self.columns)
        y = y.view(c, t, t, -1, 2 * tile).transpose(3, 4) @ self.matrices
        # (c, t, t, 2 tile, 2 tile), the tiles and the points in them along y, then x
        return y.transpose(2, 3).reshape(1, c, 2 * n, 2 * n) + self.bias[:, None, None]


def _write(module, inputs, outputs, path, constants=None, dynamic=None, exact=()):
    """Write a module's graph, its large weights as 16-bit floats but for those to be kept exact.

    `constants` are what the module takes behind its inputs, and the graph holds as it is.
    """
    if not importlib.util.find_spec("onnxscript"):
        raise InputError("onnxscript is not installed: pip install 'm2l[book]'")
    import onnx

    constants = constants or {}
    torch.onnx.export(
        module,
        (*inputs.values(), *constants.values()),
        str(path),
        input_names=[*inputs, *constants],
        output_names=outputs,
        dynamic_shapes=dynamic,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(path)
    graph, tensors = model.graph, onnx.numpy_helper
    for given in [given for given in graph.input if given.name in constants]:
        graph.input.remove(given)
        graph.initializer.append(tensors.from_array(constants[given.name].numpy(), given.name))
    for kept in graph.initializer:
        weights, name = tensors.to_array(kept), kept.name
        if weights.dtype == np.float32 and weights.size > 4096 and name not in exact:
            kept.CopyFrom(tensors.from_array(weights.astype(np.float16), f"{name}.half"))
            cast = onnx.helper.make_node(
                "Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT
            )
            graph.node.insert(0, cast)
    onnx.save(model, path)
    return model


def ear(model, path):
    """Write the networks that listen, and the trees that judge, as one ONNX graph.

    Inputs samples (N, 48128) at 16 kHz, windows as `m2l.music.tagging` cuts them; held (K, 400),
    embeddings of earlier ones; mix (M, K + N), weights of the means to be judged. Outputs
    embedding (N, 400) and emotion (M, 2), 1–9. N, K and M may be 0. Large weights are kept as
    16-bit floats.

    Parameters
    ----------
    model : m2l.music.ear.Ear of what the networks hear.
    """

    class Networks(nn.Module):
        def __init__(self):
            super().__init__()
            at, frequency = torch.arange(tagging.N_FFT), torch.arange(tagging.N_FFT // 2 + 1)
            angle = 2 * torch.pi * (frequency[:, None] * at % tagging.N_FFT) / tagging.N_FFT
            waves = torch.cat([angle.cos(), angle.sin()]) * torch.hann_window(tagging.N_FFT)
            self.register_buffer("waves", waves[:, None])
            self.register_buffer("mel", tagging.mel_filters().T[..., None].clone())
            self.networks = nn.ModuleList(map(tagging.load, tagging.NETWORKS))

        def forward(self, samples, held, mix):
            # Convolutions take no samples at all for an answer; a product of matrices does not.
            cosine, sine = F.conv1d(samples[:, None], self.waves, stride=tagging.HOP).chunk(2, 1)
            mel = F.conv1d(cosine.square() + sine.square(), self.mel).transpose(1, 2)
            mel = torch.log10(1 + 10000 * mel)
            embedding = torch.cat([network(mel)[1] for network in self.networks], 1)
            return embedding, mix @ torch.cat([held, embedding])

    size, many = len(tagging.NAMES), torch.export.Dim.DYNAMIC
    graph = _write(
        Networks().eval(),
        {"samples": torch.zeros(3, WINDOW), "held": torch.zeros(2, size), "mix": torch.zeros(4, 5)},
        ["embedding", "mixed"],
        path,
        dynamic={"samples": {0: many}, "held": {0: many}, "mix": {0: many, 1: many}},
        exact=("waves", "mel"),
    )
    import onnx

    graph.graph.node.append(_trees(model.trees))
    graph.graph.output[1].CopyFrom(
        onnx.helper.make_tensor_value_info("emotion", onnx.TensorProto.FLOAT, ["M", 2])
    )
    graph.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    onnx.save(graph, path)


def _trees(trees):
    """The ONNX node of averaged trees, from `mixed` to `emotion`."""
    import onnx

    nodes = np.arange(len(trees.right))
    tree = np.searchsorted(trees.roots, nodes, side="right") - 1
    own = nodes - trees.roots[tree]  # nodes are counted in their tree
    leaf = trees.right < 0
    inner = np.where(leaf, "LEAF", "BRANCH_LEQ")
    below = {
        "nodes_truenodeids": np.where(leaf, 0, own + 1),
        "nodes_falsenodeids": np.where(leaf, 0, trees.right - trees.roots[tree]),
    }
    leaves = nodes[leaf].repeat(2)
    return onnx.helper.make_node(
        "TreeEnsembleRegressor",
        ["mixed"],
        ["emotion"],
        domain="ai.onnx.ml",
        n_targets=2,
        aggregate_function="AVERAGE",
        nodes_treeids=tree.tolist(),
        nodes_nodeids=own.tolist(),
        nodes_featureids=np.where(leaf, 0, trees.feature).tolist(),
        nodes_modes=inner.tolist(),
        nodes_values=np.where(leaf, 0, trees.threshold).astype(float).tolist(),
        target_treeids=tree[leaves].tolist(),
        target_nodeids=own[leaves].tolist(),
        target_ids=np.tile([0, 1], leaf.sum()).tolist(),
        target_weights=trees.value[leaf].ravel().astype(float).tolist(),
        **{name: value.tolist() for name, value in below.items()},
    )
