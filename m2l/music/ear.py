"""What a song is felt like: valence and arousal with intervals, by the models that ship.

Conventions
-----------
Valence and arousal are on 1–9, valence first. Two models ship, both of them trees, averaged: "ear"
(the default) reads what two tagging networks hear (`m2l.music.tagging`), "forest" the 148 features
of `m2l.music.features`. Their 90 % intervals are as wide as their errors on songs by artists that
they had not heard, the same for every song, so that they are honest for songs of the training too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from m2l.errors import InputError
from m2l.music import forest
from m2l.va import DIMENSIONS, QuantileMap

MODELS = ("ear", "forest")
WINDOW = 9.0  # s, what `over_time` hears about each moment

_WEIGHTS = Path(__file__).parents[1] / "weights"
_ARRAYS = ("roots", "feature", "threshold", "right", "value")


@dataclass
class Trees:
    """Regression trees, averaged, as arrays over all their nodes.

    Attributes
    ----------
    roots : ndarray (trees,)
    feature, threshold : ndarray (nodes,); a song goes left where the feature is at most that.
    right : ndarray (nodes,), −1 at leaves, elsewhere a node further down the arrays; to the left
        is the next node.
    value : ndarray (nodes, 2)
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    right: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, model):
        """Those of a scikit-learn pipeline of a scaler and a forest."""
        target = getattr(model["forest"], "transformer_", None)
        parts, nodes = {name: [] for name in _ARRAYS}, 0
        # What a feature's scaling made of 0 and of 1.
        zero, one = model["scale"].inverse_transform([[x] * model.n_features_in_ for x in (0, 1)])
        for estimator in forest.trees(model):
            tree = estimator.tree_
            inner = tree.children_left >= 0
            asked, value = np.where(inner, tree.feature, 0), tree.value[..., 0]
            parts["roots"].append([nodes])
            parts["feature"].append(asked)
            parts["threshold"].append(zero[asked] + tree.threshold * (one - zero)[asked])
            parts["right"].append(np.where(inner, tree.children_right + nodes, -1))
            parts["value"].append(value if target is None else target.inverse_transform(value))
            nodes += tree.node_count
        kinds = "int32", "int16", "float32", "int32", "float32"
        return cls(*(np.concatenate(p).astype(k) for p, k in zip(parts.values(), kinds)))  # noqa: B905

    def __call__(self, x):
        """Predictions (N, 2) for x (N, F)."""
        rows = np.arange(len(x))[:, None]
        node = np.repeat(self.roots[None], len(x), 0)
        while (inner := self.right[node] >= 0).any():
            below = x[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(inner, np.where(below, node + 1, self.right[node]), node)
        return self.value[node].mean(1, dtype=float)

    def check(self, features):
        """Raise ValueError unless every way down ends, and asks for features that there are."""
        nodes, inner = np.arange(len(self.right)), self.right >= 0
        if not (
            len({len(getattr(self, name)) for name in _ARRAYS[1:]}) == 1
            and (self.right[inner] > nodes[inner]).all()
            and (self.right < len(nodes)).all()
            and ((self.feature >= 0) & (self.feature < features)).all()
            and ((self.roots >= 0) & (self.roots < len(nodes))).all()
        ):
            raise ValueError("a tree of it points outside itself")

    def packed(self):
        """Arrays for a file: questions of the inner nodes, values of the leaves, and `right` as
        steps from each node, 0 at leaves."""
        inner = self.right >= 0
        steps = np.where(inner, self.right - np.arange(len(inner)), 0)
        return {
            "roots": self.roots,
            "feature": self.feature[inner],
            "threshold": self.threshold[inner],
            "right": steps.astype(np.min_scalar_type(steps.max())),
            "value": self.value[~inner],
        }

    @classmethod
    def unpacked(cls, arrays):
        """The inverse of `packed`."""
        right = arrays["right"].astype("int32")
        inner = right != 0

        def spread(name, where):
            part = arrays[name]
            whole = np.zeros((len(right), *part.shape[1:]), part.dtype)
            whole[where] = part
            return whole

        return cls(
            arrays["roots"],
            spread("feature", inner),
            spread("threshold", inner),
            np.where(inner, right + np.arange(len(right), dtype="int32"), -1),
            spread("value", ~inner),
        )


@dataclass
class Ear:
    """A fitted model, ready for songs.

    Attributes
    ----------
    trees : Trees
    names : the measurements it reads, in order.
    errors : ndarray (K, 2), errors on songs by artists that it had not heard.
    va_map : QuantileMap of its predictions on songs not heard, which places a song among songs.
    label_map : QuantileMap of the songs' labels, which does the same for what `draw` returns:
        labels spread further than predictions.
    card : dict of text
    """

    trees: Trees
    names: list
    errors: np.ndarray
    va_map: QuantileMap
    label_map: QuantileMap
    card: dict

    def predict(self, table):
        """Valence and arousal (N, 2) from a table of measurements with these names.

        Raises
        ------
        InputError
            If a measurement is missing or not a number.
        """
        return self.trees(self._inputs(table))

    def halfwidth(self, level=0.9):
        """Half the length of the interval; see `m2l.music.forest.conformal`."""
        return forest.conformal(self.errors, level)

    def draw(self, table, n, seed=0):
        """What the song may be felt like: prediction plus errors made elsewhere, (N, n, 2).

        Both dimensions' errors are those of one song, so what is known of their relation is kept.
        """
        predicted = self.predict(table)
        picks = np.random.default_rng(seed).integers(len(self.errors), size=(len(predicted), n))
        return np.clip(predicted[:, None] + self.errors[picks], 1, 9)

    def _inputs(self, table):
        import pandas as pd

        table = pd.DataFrame(table)
        missing = [n for n in self.names if n not in table]
        if missing:
            raise InputError(
                f"features: {len(missing)} of {len(self.names)} missing, first {missing[0]}; "
                "extract them with 'm2l features --embedding', or features.extract(…, ear.names)"
            )
        x = table[list(self.names)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            row, column = bad[0]
            raise InputError(
                f"{table.index[row]}: feature {self.names[column]} is not a number; extract anew"
            )
        return x

    def save(self, path):
        """Write to a .safetensors file."""
        from safetensors.numpy import save

        arrays = self.trees.packed() | {
            "errors": self.errors,
            "va_knots": self.va_map.knots,
            "label_knots": self.label_map.knots,
        }
        told = {"model": json.dumps({"names": list(self.names), "card": self.card})}
        arrays = {name: np.ascontiguousarray(x) for name, x in arrays.items()}
        Path(path).write_bytes(save(arrays, told))


def fit(x, y, groups, names, card, make, predicted=None):
    """The model to release, fitted to all songs.

    Parameters
    ----------
    x : ndarray (N, F)
    y : ndarray (N, 2)
    groups : array (N,), kept apart in what is tested.
    names : of the F measurements
    card : dict of text
    make : callable () -> scikit-learn pipeline of a scaler and a forest, or `forest.Tuned`
    predicted : ndarray (N, 2), out of fold, by the same kind of model; made here when not given.
    """
    x, y, groups = np.asarray(x, float), np.asarray(y, float), np.asarray(groups)
    if predicted is None:
        predicted = forest.cross_validate(make, x, y, groups)[0]
    model = forest.fit(make(), x, y, groups)
    return Ear(
        Trees.of(getattr(model, "best", model)),
        list(names),
        # In random order: an error says nothing about which song it was made on.
        np.random.default_rng(0).permutation(y - predicted),
        QuantileMap.fit(predicted),
        QuantileMap.fit(y),
        card | {"settings": str(getattr(model, "settings", "default"))},
    )


def load(model="ear"):
    """Read a model.

    Parameters
    ----------
    model : one of `MODELS`, the path of a .safetensors file, or an Ear, which is returned.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if isinstance(model, Ear):
        return model
    path = _WEIGHTS / f"{model}.safetensors" if model in MODELS else Path(model)
    if not path.is_file():
        raise InputError(f"{path}: no model here; make one with 'm2l forest ear'")
    try:
        with safe_open(path, "np") as file:
            told = json.loads(file.metadata()["model"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        names, trees = told["names"], Trees.unpacked(arrays)
        trees.check(len(names))
        maps = (QuantileMap(arrays[name]) for name in ("va_knots", "label_knots"))
        return Ear(trees, names, arrays["errors"], *maps, told["card"])
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: damaged or no model ({reason}); get it again") from error


def predict(songs, model="ear"):
    """Emotion of songs, from their files.

    Parameters
    ----------
    songs : path or list of paths
    model : as of `load`

    Returns
    -------
    DataFrame, one row a song that could be read, indexed by path: valence, arousal (1–9), and
    the ends of their 90 % intervals, valence_low, arousal_low, valence_high, arousal_high.

    Raises
    ------
    InputError
        For a single path that cannot be read; in a list, such songs are logged and left out. For
        anything that is no path.
    """
    import pandas as pd

    from m2l.music import features

    model = load(model)
    if isinstance(songs, (str, Path)):
        table = pd.DataFrame([features.extract(songs, model.names)], index=[str(songs)])
    else:
        songs = list(songs)
        if other := [song for song in songs if not isinstance(song, (str, Path))]:
            raise InputError(
                f"songs: {type(other[0]).__name__} among them; give paths of files, and write a "
                "sound to one first, e.g. by soundfile.write"
            )
        table, _ = features.extract_many(songs, names=model.names)
    return describe(table, model)


def describe(table, model):
    """The table that `predict` returns, from measurements indexed by path."""
    import pandas as pd

    columns = [f"{d}{end}" for end in ("", "_low", "_high") for d in DIMENSIONS]
    if not len(table):
        return pd.DataFrame(columns=columns, index=table.index)
    va, width = model.predict(table), model.halfwidth()
    ends = [np.clip(va + s * width, 1, 9) for s in (-1, 1)]
    return pd.DataFrame(np.hstack([va, *ends]), index=table.index, columns=columns)


def over_time(song, model="ear"):
    """Emotion of a song as it goes on.

    Each second is judged by what is heard within 9 s about it (`WINDOW`), fewer at the ends: of the
    networks the mean over the windows of 3 s that lie in it and start a second apart, of features
    their mean, deviation and change in it. So a sudden change takes nine seconds to show in full.

    Parameters
    ----------
    song : path, or ndarray (n,), a sound at 22,050 Hz
    model : as of `load`

    Returns
    -------
    DataFrame, one row a second from 0 on: time (s), valence, arousal (1–9)

    Raises
    ------
    InputError
        If the song cannot be read.
    """
    import pandas as pd

    from m2l.music import tagging

    model = load(model)
    heard = _heard(song) if set(model.names) <= set(tagging.NAMES) else _measured(song)
    va = pd.DataFrame(model.predict(heard), columns=DIMENSIONS)
    va.insert(0, "time", np.arange(len(va), dtype=float))
    return va


def _heard(song):
    import pandas as pd

    from m2l.doors import songs
    from m2l.music import tagging

    pieces = song if isinstance(song, np.ndarray) else songs.blocks(song)
    each = tagging.embed(pieces, songs.SR, 1.0)
    before = int(WINDOW / 2)  # windows from so many seconds before to the last that ends in time
    rows = []
    for s in range(len(each) + 2):
        first = min(max(0, s - before), len(each) - 1)
        rows.append(each[first : max(first + 1, s + before - 2)].mean(0))
    return pd.DataFrame(rows, columns=tagging.NAMES)


def _measured(song):
    import pandas as pd

    from m2l.doors import songs
    from m2l.music.features import HOP, SR, curves

    y = song if isinstance(song, np.ndarray) else songs.read(song)
    table = curves(y)
    frames = np.round(np.arange(len(y) // SR) * SR / HOP).astype(int)
    near = {"window": round(WINDOW * SR / HOP), "center": True, "min_periods": 1}
    parts = {
        "mean": table.rolling(**near).mean(),
        "std": table.rolling(**near).std(ddof=0),
        "change": table.diff().abs().rolling(**near).mean(),
    }
    return pd.concat(
        [part.iloc[frames].add_suffix(f"_{how}") for how, part in parts.items()], axis=1
    )
