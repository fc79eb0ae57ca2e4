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

DIMENSIONS = ("valence", "arousal")
KNOTS = 65


def check(valence, arousal):
    """Broadcast valence and arousal to one array.

    Returns
    -------
    ndarray, float64, (..., 2), valence first.

    Raises
    ------
    InputError
        If a value is not a number or leaves 1–9, or the two do not broadcast.
    """
    try:
        parts = np.broadcast_arrays(np.asarray(valence, float), np.asarray(arousal, float))
    except (TypeError, ValueError) as error:
        raise InputError(f"valence and arousal: {error}; give numbers from 1 to 9") from error
    va = np.stack(parts, -1)
    inside = (va >= 1) & (va <= 9)  # False for NaN too
    if not inside.all():
        v, a = va[~inside.all(-1)][0]
        raise InputError(
            f"valence {v:g}, arousal {a:g}: outside the scale; give numbers from 1 to 9"
        )
    return va


class QuantileMap:
    """Monotone map between ratings and their quantiles in a corpus, per dimension.

    Parameters
    ----------
    knots : ndarray (2, K), non-decreasing rows
        Quantiles of valence and of arousal at K ≥ 2 equally spaced probabilities from 0 to 1.
        Where a rating is so common that knots coincide, it maps to the middle of their levels.

    Raises
    ------
    InputError
        If the knots have another shape, fall or are not numbers.
    """

    def __init__(self, knots):
        self.knots = np.ascontiguousarray(knots, np.float64)
        if self.knots.ndim != 2 or len(self.knots) != 2 or self.knots.shape[1] < 2:
            raise InputError(
                f"quantile map: knots of shape {self.knots.shape}; give two rows of two or more"
            )
        if not np.all(np.diff(self.knots) >= 0):
            raise InputError("quantile map: knots fall or are not numbers; fit the map again")
        levels = np.linspace(-1, 1, self.knots.shape[1])
        self._ratings, self._levels = [], []
        for row in self.knots:
            ratings, which, count = np.unique(row, return_inverse=True, return_counts=True)
            self._ratings.append(ratings)
            self._levels.append(np.bincount(which, levels) / count)

    @classmethod
    def fit(cls, va):
        """Fit to ratings (N, 2).

        Raises
        ------
        InputError
            If there are none, or some are not numbers.
        """
        va = np.asarray(va, float)
        if not len(va):
            raise InputError("quantile map: no ratings to fit; check the corpus with 'm2l data'")
        return cls(np.quantile(va, np.linspace(0, 1, KNOTS), axis=0).T)

    def __call__(self, va):
        """Ratings (..., 2) on 1–9 to quantiles (..., 2) in [-1, 1]; beyond the knots it clips."""
        return self._interp(va, self._ratings, self._levels)

    def inverse(self, u):
        """Quantiles (..., 2) in [-1, 1] to ratings (..., 2)."""
        return self._interp(u, self._levels, self._ratings)

    @staticmethod
    def _interp(x, xs, ys):
        x = np.asarray(x, float)
        return np.stack([np.interp(x[..., i], xs[i], ys[i]) for i in (0, 1)], axis=-1)
