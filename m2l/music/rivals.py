"""The models that a random forest is compared with, from a straight line to a small CNN.

Conventions
-----------
`LADDER` maps a name to a callable (seed) -> estimator with fit(x, y[, groups]) and predict(x), as
`m2l.music.forest.cross_validate` wants it: x (N, F) features, y (N, 2) valence and arousal on 1–9.
Whatever a model scales, selects or stops early by, it learns from the songs it is fitted to.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from m2l.doors import songs
from m2l.music import forest

PATCH = 256  # frames, 12 s: what the CNN is trained on at a time
FRAMES = 640  # 30 s
MELS = 64
MEL_HOP = 1024
BATCH = 32


def mean(seed=0):
    """The mean of the training songs: what a model has to beat."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor()


def linear(seed=0):
    """Plain linear regression."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def ridge(seed=0):
    """Linear regression with the penalty chosen by leave-one-out."""
    from sklearn.linear_model import RidgeCV

    return forest.standardised(RidgeCV(np.logspace(0, 4, 13)))


def _support_vectors(trial, seed=0, straight=True):
    from sklearn.multioutput import MultiOutputRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.svm import SVR

    model = SVR(
        C=trial.suggest_float("C", 0.2, 8, log=True),
        epsilon=trial.suggest_float("epsilon", 0.05, 0.6),
        gamma=trial.suggest_float("gamma", 1e-3 if straight else 5e-4, 1e-2, log=True),
    )
    whole = forest.standardised(MultiOutputRegressor(model))
    if not straight:
        return whole
    # Many features are skewed; distances between songs mean more once they are not.
    normal = QuantileTransformer(n_quantiles=50, output_distribution="normal")
    return Pipeline([("straight", normal), *whole.steps])


def support_vectors(seed=0, trials=25, journal=None, straight=True):
    """Support vector regression, its settings chosen by Optuna, on features made normal.

    Not so for a network's, most of which are 0 for most songs: give straight=False.
    """
    propose = partial(_support_vectors, straight=straight)
    return forest.Tuned(propose, seed=seed, trials=trials, journal=journal)


def tuned_forest(seed=0, trials=25, trees=300, journal=None):
    """The forest whose kind and regularity Optuna chooses; the search makes do with fewer trees."""
    return forest.Tuned(
        partial(forest.propose, trees=trees),
        # Not too few: a small forest would choose calmer trees than a large one needs.
        partial(forest.propose, trees=max(1, trees // 5)),
        seed,
        trials,
        journal,
        forest.FIRST,
    )


def forest_of(settings, seed=0, trees=300):
    """The forest with settings that a search has found."""
    from optuna.trial import FixedTrial

    return forest.propose(FixedTrial(settings), seed, trees)


def extra_trees(seed=0, trees=300):
    """Extremely randomised trees (Geurts et al. 2006), a third of the features tried a split."""
    from sklearn.ensemble import ExtraTreesRegressor

    trees = ExtraTreesRegressor(trees, max_features=1 / 3, random_state=seed)
    return forest.standardised(trees, "forest")


def boosting(seed=0):
    """Gradient boosting of small trees, one sequence a dimension."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.multioutput import MultiOutputRegressor

    trees = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=8, random_state=seed
    )
    return forest.standardised(MultiOutputRegressor(trees))


def mlp(seed=0, members=5):
    """The mean of small multilayer perceptrons that differ in their seeds."""
    from sklearn.neural_network import MLPRegressor

    sizes = {"hidden_layer_sizes": (64, 32), "alpha": 1.0, "early_stopping": True}
    nets = [MLPRegressor(**sizes, random_state=seed + i) for i in range(members)]
    return Mean([forest.standardised(net) for net in nets])


class Mean:
    """Average the answers of several models."""

    def __init__(self, models):
        self.models = models

    def fit(self, x, y):
        for model in self.models:
            model.fit(x, y)
        return self

    def predict(self, x):
        return np.mean([model.predict(x) for model in self.models], axis=0)


LADDER = {
    "mean": mean,
    "ridge": ridge,
    "default forest": forest.default_forest,
    "extra trees": extra_trees,
    "boosting": boosting,
    "MLP": mlp,
    "SVR": support_vectors,
    "tuned forest": tuned_forest,
}
"""Models on features, the simplest first."""

SEARCHED = ("SVR", "tuned forest")
"""Those that search for their settings."""

TOGETHER = {"SVR and forest": ("SVR", "tuned forest")}
"""The mean of two models' answers, which err differently."""


def log_mel(path):
    """Log-mel spectrogram of a song's first 30 s, (64, 640) float16 in dB.

    Shorter songs are repeated to that length.

    Raises
    ------
    InputError
        As `m2l.doors.songs.read`.
    """
    from m2l.music._librosa import librosa

    y = songs.read(path)
    sizes = {"n_fft": 2048, "hop_length": MEL_HOP, "n_mels": MELS}
    mel = librosa.feature.melspectrogram(y=y, sr=songs.SR, **sizes)
    mel = librosa.power_to_db(mel, top_db=None)
    return np.resize(mel.T, (FRAMES, MELS)).T.astype(np.float16)


class Cnn:
    """A small convolutional network that hears log-mel patches of 12 s.

    Four blocks of convolution, batch norm and pooling, then mean and maximum over what is left.
    A song is judged whole.

    Parameters
    ----------
    mels : ndarray (N, 64, T), the songs' `log_mel`.
    seed, epochs : of the training, with AdamW on a one-cycle schedule.

    `fit` and `predict` take the songs' rows in `mels`, (n, 1), as their x.
    """

    def __init__(self, mels, seed=0, epochs=25):
        self.mels, self.seed, self.epochs = mels, seed, epochs

    def fit(self, x, y):
        import torch

        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        rows = np.asarray(x, int)[:, 0]
        heard = self.mels[rows].astype(np.float32)
        self.mean, self.sd = heard.mean((0, 2), keepdims=True), heard.std() + 1e-6
        self.centre, self.scale = y.mean(0), y.std(0)
        target = torch.tensor((y - self.centre) / self.scale, dtype=torch.float32)
        self.net = _patch_net()
        steps = max(1, len(rows) // BATCH)
        optimiser = torch.optim.AdamW(self.net.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps * self.epochs)
        self.net.train()
        for _ in range(self.epochs):
            for some in np.array_split(rng.permutation(len(rows)), steps):
                start = rng.integers(heard.shape[2] - PATCH + 1)
                patch = self._scaled(heard[some, :, start : start + PATCH])
                loss = (self.net(patch) - target[some]).square().mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        return self

    def predict(self, x):
        import torch

        self.net.eval()
        rows = np.asarray(x, int)[:, 0]
        with torch.inference_mode():
            parts = [
                self.net(self._scaled(self.mels[some].astype(np.float32))).numpy()
                for some in np.array_split(rows, -(-len(rows) // BATCH))
            ]
        return np.concatenate(parts) * self.scale + self.centre

    def _scaled(self, mels):
        import torch

        return torch.from_numpy((mels - self.mean) / self.sd)[:, None]


def _patch_net(widths=(12, 24, 48, 48)):
    import torch
    from torch import nn

    class Pooled(nn.Module):
        def forward(self, x):
            return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)

    def block(before, width, size, stride):
        # Most of the work is done at the finest resolution, so the first block passes it by.
        convolution = nn.Conv2d(before, width, size, stride, size // 2, bias=False)
        return convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)

    layers = [*block(1, widths[0], 5, 2)]
    for before, width in pairwise(widths):
        layers += block(before, width, 3, 1)
    return nn.Sequential(*layers, Pooled(), nn.Dropout(0.3), nn.Linear(2 * widths[-1], 2))
