"""Put valence and arousal on a common footing: 1–9 ratings to quantiles and back.

Conventions
-----------
Ratings are on 1–9, in arrays (..., 2) with valence first. Labels crowd around a corpus's mean,
so a network that is given the raw rating spends its range on values that hardly occur. A
`QuantileMap` sends each dimension through the corpus's own distribution function to [-1, 1],
where every part of the range is equally common. Two maps, one of music and one of photos, carry
a song's place among songs to the same place among photos (quantile matching).
"""

from __future__ import annotations

import numpy as np

from m2l.errors import InputError

KNOTS = 65


def check(valence, arousal):
    """Broadcast valence and arousal to one array.

    Returns
    -------
    ndarray, float64, (..., 2), valence first.

    Raises
    ------
    InputError
        If a value is not a number or leaves 1–9.
    """
    va = np.stack(np.broadcast_arrays(np.asarray(valence, float), np.asarray(arousal, float)), -1)
    if not np.all((va >= 1) & (va <= 9)):
        raise InputError(
            f"valence {valence}, arousal {arousal}: outside the scale; give numbers from 1 to 9"
        )
    return va


class QuantileMap:
    """Monotone map between ratings and their quantiles in a corpus, per dimension.

    Parameters
    ----------
    knots : ndarray (2, K), non-decreasing rows
        Quantiles of valence and of arousal at K equally spaced probabilities from 0 to 1.
    """

    def __init__(self, knots):
        knots = np.asarray(knots, np.float64)
        if knots.ndim != 2 or len(knots) != 2 or not np.all(np.diff(knots) >= 0):
            raise InputError(f"quantile map: expected two rising rows of knots, got {knots.shape}")
        # Ties, common in rounded labels, would make the inverse ambiguous.
        self.knots = knots + np.linspace(0, 1e-6, knots.shape[1])
        self.levels = np.linspace(-1, 1, knots.shape[1])

    @classmethod
    def fit(cls, va):
        """Fit to ratings (N, 2)."""
        return cls(np.quantile(np.asarray(va, float), np.linspace(0, 1, KNOTS), axis=0).T)

    def __call__(self, va):
        """Ratings (..., 2) on 1–9 to quantiles (..., 2) in [-1, 1]; beyond the knots it clips."""
        return self._interp(va, self.knots, [self.levels] * 2)

    def inverse(self, u):
        """Quantiles (..., 2) in [-1, 1] to ratings (..., 2)."""
        return self._interp(u, [self.levels] * 2, self.knots)

    @staticmethod
    def _interp(x, xs, ys):
        x = np.asarray(x, float)
        return np.stack([np.interp(x[..., i], xs[i], ys[i]) for i in (0, 1)], axis=-1)
