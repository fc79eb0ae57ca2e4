"""What several trainings of one preset come to."""

import json

import numpy as np
import pytest
import torch

from m2l.experiments import landscapes
from m2l.gan.checkpoints import write_checkpoint


def placed(path, value):
    """A dict of dicts that holds a value at a path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def merged(a, b):
    return {k: merged(a[k], b[k]) if k in a and k in b else (a | b)[k] for k in a | b}


def test_seeds_are_told_one_by_one_and_together(tmp_path):
    results, generators = [], []
    for seed in range(3):
        told = {"n": 8, "provenance": {"data": {"landscapes": "abc"}, "seed": 0}}
        for i, path in enumerate(landscapes.HEADLINE.values()):
            told = merged(told, placed(path.format("scene"), {"value": i + seed}))
        results.append(tmp_path / f"{seed}.json")
        results[-1].write_text(json.dumps(told))
        generators.append(tmp_path / f"{seed}.safetensors")
        header = {"format": "m2l-generator", "card": json.dumps({"images": str(100 + seed)})}
        write_checkpoint(generators[-1], {"x": torch.zeros(1)}, header)
    landscapes.seeds(tmp_path / "seeds.json", results, generators)
    told = json.loads((tmp_path / "seeds.json").read_text())
    assert told["images"] == [100, 101, 102] and list(told["figures"]) == ["scene"]
    for i, name in enumerate(landscapes.HEADLINE):
        figure = told["figures"]["scene"][name]
        assert figure["each"] == [i, i + 1, i + 2] and figure["value"] == i + 1
        half = 4.3027 / np.sqrt(3)  # Student's t with two degrees of freedom
        assert figure["high"] - figure["value"] == pytest.approx(half, rel=1e-4)
