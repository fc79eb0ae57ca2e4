"""What the book's pages play with: generator and ear for the browser, a grid, pieces and a film.

Everything here is computed from what the package ships, so none of it is kept under version
control. The page "Play with it" runs the networks by ONNX Runtime Web; where they cannot run, and
on paper, the grid stands in its place.

Conventions
-----------
Emotions are quantiles u = (valence, arousal) in [-1, 1], as the generator takes them; the page
shows them as ratings, on 1–9. Scene n is the seed n of `m2l.generate`: the page shows for it what
the package paints. Paths are rows (seconds, valence, arousal).
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from m2l import film as films
from m2l import generate
from m2l.errors import InputError
from m2l.sample import compose as synth

GRID = 7
SCENES = 256
SCENE = 2  # the one that the pages open with
SIDE = 384  # of a picture on the landing page, in pixels
TILE = 128  # of a picture in the grid, at least

MOODS = {"cheerful": (8, 7), "tense": (2, 8), "gloomy": (2, 2), "serene": (8, 3)}
PIECES = {mood: (mood,) for mood in MOODS} | {"journey": ("gloomy", "tense", "cheerful", "serene")}
"""Piece → the moods that it passes through; all are by one composer, of one seed."""
COMPOSER = 2
SECONDS = 20.0  # of a piece in one mood
PART = 13.0  # of a part of a piece in several, s
OVERLAP = 1.5  # of neighbouring parts, s
FILM, FILM_PART = 448, 7.0  # the first page's film: side in pixels, s of each mood
FILM_SCENE = 2
STILLS = 7


def build(out, weights=generate.WEIGHTS):
    """Write what the book's pages play with.

    \b
    lead.onnx         the generator to half its side: z (N, 100), u (N, 2) to image and features
    generator.onnx    the rest of it: z, u, features to image (N, 3, H, W)
    ear.onnx          the networks and trees that hear a song
    generator.json    its card, the scale of its plane, the pieces and their paths
    noise.bin         z of the scenes 0 to 255, float32
    grid.jpg, *.jpg   one scene over the plane; a landscape for each mood
    *.mp3             pieces that m2l composes
    film.mp4          the film of one that passes through all moods; film.jpg, stills.jpg of it

    The files of ONNX Runtime Web lie in the folder `ort` beside; without them the page makes do
    with the grid.

    Parameters
    ----------
    out : folder, made if need be.
    weights : a generator; the released one by default.

    Raises
    ------
    InputError
        If the weights are missing or damaged.
    """
    from PIL import Image

    from m2l.gan.pictures import plane, tile
    from m2l.music import ear, tagging

    folder, released, model = Path(out), generate.load(weights), ear.load()
    folder.mkdir(parents=True, exist_ok=True)
    export(released, folder)
    export_ear(model, folder / "ear.onnx")
    generate.noise(range(SCENES), released.z).numpy().astype("<f4").tofile(folder / "noise.bin")

    def save(images, name, side):
        picture = tile(generate.enlarged(images, side))
        Image.fromarray(picture).save(folder / name, quality=90, subsampling=0, optimize=True)

    grid = generate.paint(plane(GRID), SCENE, released)
    save(grid, "grid.jpg", max(TILE, released.resolution))
    songs = {}
    for name, moods in PIECES.items():
        songs[name] = {"title": name.capitalize() if len(moods) == 1 else "Through all four"}
        seconds = SECONDS if len(moods) == 1 else PART
        songs[name] |= piece(moods, folder / f"{name}.mp3", seconds)
    for mood in MOODS:
        u = songs[mood]["composed"][0][1:]
        save(generate.paint(u, SCENE, released), f"{mood}.jpg", SIDE)
    film(folder, weights)
    sizes = {file.stem: file.stat().st_size for file in folder.glob("*.onnx")}
    runtime = (folder.parent / "ort").glob("*.wasm")
    facts = {
        "resolution": released.resolution,
        "z": released.z,
        "scene": SCENE,
        "scenes": SCENES,
        "grid": GRID,
        "ratings": np.round(ratings(released.va_map), 4).T.tolist(),
        "bytes": {
            "generator": sizes["lead"] + sizes["generator"],
            "ear": sizes["ear"],
            "runtime": sum(file.stat().st_size for file in runtime),  # 0 where there is none
        },
        "hearing": {
            "rate": tagging.SR,
            "window": _window(),
            "every": tagging.STEP,
            "about": ear.WINDOW,
            "quantiles": np.round(model.va_map(np.linspace([1, 1], [9, 9], 801)), 4).T.tolist(),
        },
        "card": released.card,
        "pieces": songs,
    }
    (folder / "pieces.md").write_text(cards(songs))
    (folder / "generator.json").write_text(json.dumps(facts))  # last: with it, all is there


def export(released, folder):
    """Write a generator as two ONNX graphs, of which the first already gives a smaller picture.

    lead.onnx takes z (N, z), standard normal, and u (N, 2) in [-1, 1], and gives image
    (N, 3, H/2, W/2) in [-1, 1] and features; generator.onnx takes z, u and features and gives
    image (N, 3, H, W).

    Raises
    ------
    InputError
        If ONNX is not installed.
    """
    import torch

    from m2l.gan.networks import pixel_norm, upsample

    if not importlib.util.find_spec("onnxscript"):
        raise InputError("onnxscript is not installed: pip install 'm2l[book]'")
    network = released.network
    top = network.sizes.stage(released.resolution)
    emphasis = torch.tensor(released.emphasis, dtype=torch.float32)

    class Lead(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, z, u):
            x, _ = self.network.features(z, u * emphasis, top - 1)
            return torch.tanh(self.network.to_rgb[top - 1](x)), x

    class Rest(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.block = network.embed, network.blocks[top]
            self.to_rgb = network.to_rgb[top]

        def forward(self, z, u, features):
            x = upsample(features, network.sizes.upsampling)
            x = self.block(x, self.embed(u * emphasis), pixel_norm(z), self.block.noise())
            return torch.tanh(self.to_rgb(x))

    # Three, since a batch of one or two might be taken for a constant.
    z, u = torch.zeros(3, released.z), torch.zeros(3, 2)
    lead = Lead().eval()
    _, features = lead(z, u)
    _to_onnx(lead, {"z": z, "u": u}, ["image", "features"], folder / "lead.onnx")
    given = {"z": z, "u": u, "features": features}
    _to_onnx(Rest().eval(), given, ["image"], folder / "generator.onnx")


def _to_onnx(module, inputs, outputs, path, dynamic=None, exact=()):
    """Write a module's graph, its large weights as 16-bit floats but for those to be kept exact."""
    import onnx
    import torch

    many = torch.export.Dim.DYNAMIC
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_shapes=dynamic or {name: {0: many} for name in inputs},
        external_data=False,
        verbose=False,
    )
    graph = onnx.load(path)
    for kept in graph.graph.initializer:
        weights, name = onnx.numpy_helper.to_array(kept), kept.name
        if weights.dtype == np.float32 and weights.size > 4096 and name not in exact:
            kept.CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float16), f"{name}.half"))
            cast = onnx.helper.make_node(
                "Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT
            )
            graph.graph.node.insert(0, cast)
    onnx.save(graph, path)
    return graph


def export_ear(model, path):
    """Write the networks that listen, and the trees that judge, as one ONNX graph.

    Inputs samples (N, 48128) at 16 kHz, windows as `m2l.music.tagging` cuts them; held (K, 400),
    embeddings of earlier ones; mix (M, K + N), weights of the means to be judged. Outputs
    embedding (N, 400) and emotion (M, 2), 1–9. N, K and M may be 0. Large weights are kept as
    16-bit floats.

    Parameters
    ----------
    model : m2l.music.ear.Ear of what the networks hear.
    """
    import onnx
    import torch
    from torch.nn import functional as F

    from m2l.music import tagging

    class Networks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            at, frequency = torch.arange(tagging.N_FFT), torch.arange(tagging.N_FFT // 2 + 1)
            angle = 2 * torch.pi * (frequency[:, None] * at % tagging.N_FFT) / tagging.N_FFT
            waves = torch.cat([angle.cos(), angle.sin()]) * torch.hann_window(tagging.N_FFT)
            self.register_buffer("waves", waves[:, None])
            self.register_buffer("mel", tagging.mel_filters().T[..., None].clone())
            self.networks = torch.nn.ModuleList(map(tagging.load, tagging.NETWORKS))

        def forward(self, samples, held, mix):
            # Convolutions take no samples at all for an answer; a product of matrices does not.
            cosine, sine = F.conv1d(samples[:, None], self.waves, stride=tagging.HOP).chunk(2, 1)
            mel = F.conv1d(cosine.square() + sine.square(), self.mel).transpose(1, 2)
            mel = torch.log10(1 + 10000 * mel)
            embedding = torch.cat([network(mel)[1] for network in self.networks], 1)
            return embedding, mix @ torch.cat([held, embedding])

    window, size, many = _window(), len(tagging.NAMES), torch.export.Dim.DYNAMIC
    graph = _to_onnx(
        Networks().eval(),
        {"samples": torch.zeros(3, window), "held": torch.zeros(2, size), "mix": torch.zeros(4, 5)},
        ["embedding", "mixed"],
        path,
        {"samples": {0: many}, "held": {0: many}, "mix": {0: many, 1: many}},
        exact=("waves", "mel"),
    )
    graph.graph.node.append(_trees(model.trees))
    graph.graph.output[1].CopyFrom(
        onnx.helper.make_tensor_value_info("emotion", onnx.TensorProto.FLOAT, ["M", 2])
    )
    graph.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    onnx.save(graph, path)


def _window():
    from m2l.music import tagging

    return tagging.HOP * (tagging.FRAMES + 1)


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


def ratings(va_map, knots=65):
    """Ratings (knots, 2) at equally spaced quantiles, between which the page interpolates."""
    return va_map.inverse(np.repeat(np.linspace(-1, 1, knots)[:, None], 2, axis=1))


def piece(moods, path, seconds):
    """Compose a piece that passes through moods into an mp3.

    Parameters
    ----------
    moods : names of `MOODS`
    path : file to write.
    seconds : of each mood's part; neighbours overlap by `OVERLAP`.

    Returns
    -------
    dict with seconds, and two paths: `composed` is the emotion that the music was written for, at
    its quantile in the sample corpus, which spreads its pieces evenly over 1–9; `heard` is what
    `m2l.over_time` says of it, at its quantile among songs.
    """
    import soundfile

    parts = [synth.compose(*MOODS[mood], seed=COMPOSER, seconds=seconds) for mood in moods]
    every = round((seconds - OVERLAP) * synth.SR)
    sound = np.zeros(every * (len(parts) - 1) + len(parts[0]), np.float32)
    composed = []
    for i, (mood, part) in enumerate(zip(moods, parts, strict=True)):
        sound[i * every : i * every + len(part)] += part
        start, u = i * every / synth.SR, (np.array(MOODS[mood]) - 5) / 4
        composed += [(start + OVERLAP, *u), (start + seconds - OVERLAP, *u)]
    soundfile.write(
        path,
        np.clip(sound, -1, 1),
        synth.SR,
        format="MP3",
        bitrate_mode="VARIABLE",
        compression_level=0.6,
    )
    return {
        "seconds": round(len(sound) / synth.SR, 2),
        "composed": np.round(composed, 3).tolist(),
        "heard": np.round(np.column_stack(films.path(path)), 3).tolist(),
    }


def film(folder, weights):
    """The first page's film, of a piece through all moods, and its picture before it is played.

    As the pictures beside it, it is painted for the emotion that the piece was composed for.
    """
    import av
    from PIL import Image

    from m2l.gan.pictures import tile

    with TemporaryDirectory() as scratch:
        song = Path(scratch) / "piece.mp3"
        composed = np.array(piece(PIECES["journey"], song, FILM_PART)["composed"])
        felt = composed[:, 0], composed[:, 1:]
        out = folder / "film.mp4"
        films.write(song, out, FILM, seed=FILM_SCENE, felt=felt, quality=29, weights=weights)
    with av.open(str(out)) as file:
        shown = list(file.decode(video=0))
    shown[round(0.6 * len(shown))].to_image().save(folder / "film.jpg", quality=85, optimize=True)
    stills = [
        shown[i].to_ndarray(format="rgb24")
        for i in np.linspace(0, len(shown) - 1, STILLS, dtype=int)
    ]
    picture = tile(generate.enlarged(np.stack(stills), SIDE // 2), columns=STILLS)
    Image.fromarray(picture).save(folder / "stills.jpg", quality=88, optimize=True)


CARD = """\
:::{{grid-item}}
![Landscape painted for a {mood} piece: valence {v}, arousal {a}](_static/play/{mood}.jpg)

**{title}** valence {v}, arousal {a}

<audio controls preload="none" src="../_static/play/{mood}.mp3" aria-label="{title} piece, \
{seconds:.0f} seconds"></audio>
:::
"""


def cards(songs):
    """MyST of the landing page: each mood's picture and player."""
    body = "\n".join(
        CARD.format(mood=m, title=m.capitalize(), v=v, a=a, seconds=songs[m]["seconds"])
        for m, (v, a) in MOODS.items()
    )
    return f"::::{{grid}} 2 2 4 4\n:gutter: 3\n:class-container: pieces\n\n{body}::::\n"
