"""The grid: its order, its budgets, cells that are made once, and differences in pairs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import t as student
from test_data import PRESET, write_study

from m2l import generate
from m2l.errors import InputError
from m2l.experiments import ablation
from m2l.experiments import evaluation as evaluate
from m2l.gan import presets, training
from m2l.gan.networks import Sizes

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small(root, tmp_path, monkeypatch):
    """A grid of two variants of 8×8, and a measurement that takes no time."""
    monkeypatch.setenv("M2L_DATA", str(root))
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").write_text(PRESET.replace("4, images: 8", "4, images: 16"))
    monkeypatch.setitem(ablation.GRIDS, "tiny", ("full", "AFM 1"))

    def measure(judges, pyramid, images, draws):
        figure = {"value": float(images.mean()), "low": 0.0, "high": 255.0}
        told = {k: {"scene": {"a": {"b": figure}}} for k in ("diversity", "va")}
        return told | {"likeness": {"scene": {"n": 1}}, "looks": {"a": {"b": figure}}}, {}, 0, 0

    monkeypatch.setattr(
        evaluate, "paint", lambda released, *_: generate.paint(np.zeros(2), 0, released)
    )
    monkeypatch.setattr(evaluate, "measure", measure)
    monkeypatch.setattr(ablation, "rated", lambda *_: {"a": {"b": {"value": 1.0}}})


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_headline_comes_first_and_by_seed():
    cells = ablation.cells("ablation")
    first = [(v, s) for s in ablation.SEEDS for v in ablation.HEADLINE]
    assert cells[: len(first)] == first
    assert len(set(cells)) == len(cells) == 5 * len(ablation.GRIDS["ablation"])
    with pytest.raises(InputError, match="grid 'ablation3'"):
        ablation.cells("ablation3")


@pytest.mark.parametrize("grid", [g for g in ablation.GRIDS if g != "tiny"])
def test_every_cell_of_a_grid_has_a_preset(grid):
    for variant, seed in ablation.cells(grid, (0,)):
        preset = ablation.preset(grid, variant, seed)
        assert preset.seed == seed and preset.name == grid


def test_without_progression_the_work_is_the_same():
    base = presets.Preset.load("ablation")
    (stage,) = ablation.preset("ablation", "non-progressive", 0).stages
    each = ablation.work(base)
    assert each == sorted(each)
    want = sum(s.images * w for s, w in zip(base.stages, each, strict=True))
    assert stage.images * each[-1] == pytest.approx(want, rel=0.01)
    assert stage.images < sum(s.images for s in base.stages)


def test_a_longer_run_is_the_same_one_with_more_images():
    short, long = (ablation.preset("ablation", f"label input{s}", 0) for s in ("", ", longer"))
    assert long.sizes == short.sizes
    for one, two in zip(short.stages, long.stages, strict=True):
        assert two.images / one.images == pytest.approx(ablation.LONGER, rel=0.01)
        assert two.images % two.batch == 0
    assert ablation.stem("ablation", "label input, longer", 2) == "ablation-label-input-longer-2"


def test_work_counts_each_multiplication_and_addition():
    # 4×4 of one stage: dense 2·(2 + 2)·16·1; three 3×3 convolutions of one channel and so on are
    # more; doubling the channels of every layer between labels and pixels nearly quadruples it.
    sizes = [Sizes(z=2, widths=(w,), eru_kernel=1) for w in (64, 128)]
    stage = (presets.Stage(4, images=4),)
    one, two = (ablation.work(presets.Preset("p", s, stage))[0] for s in sizes)
    assert two / one == pytest.approx(4, rel=0.05)


def test_a_cell_is_made_once_and_says_how(tmp_path, monkeypatch):
    path = ablation.run("tiny", "AFM 1", 1, "out", "runs", n=8)
    assert str(path) == "out/tiny-AFM-1-1.jsonl"
    told = lines(path)
    assert [line["set"] for line in told][:2] == ["training", "likeness"]
    for line in told:
        assert (line["grid"], line["variant"], line["seed"]) == ("tiny", "AFM 1", 1)
        assert line["resolution"] == 8 and line["provenance"]["seed"] == 1
    values = told[0]["values"]
    assert values["images"] == 24 and values["diverged"] is None and values["cpu_seconds"] > 0
    assert [s["resolution"] for s in values["stages"]] == [4, 8]
    assert sum(s["images"] for s in values["stages"]) == 24
    assert Image.open("out/tiny-AFM-1-1.png").size == (7 * 8, 6 * 8)

    monkeypatch.setattr(training.Run, "step", None)
    assert ablation.run("tiny", "AFM 1", 1, "out", "runs", n=8) == path
    path.unlink()  # the run itself is kept, so only the measurement is made again
    assert lines(ablation.run("tiny", "AFM 1", 1, "out", "runs", n=8))[0]["values"] == values


def test_photographs_in_place_of_pictures_obey_as_photographs_do(root, monkeypatch):
    from m2l.experiments import landscapes
    from m2l.judge import ratings, scene

    def features(images):  # of the shape of the ResNet's
        means = images.reshape(len(images), -1).astype(float)
        return means @ np.random.default_rng(0).normal(size=(means.shape[1], 1024))

    monkeypatch.undo()
    monkeypatch.setenv("M2L_CACHE", str(root / "another"))
    monkeypatch.setattr(ratings, "features", features)
    pyramid = landscapes.pyramid(root)
    test = pyramid.rows("test")
    photos = pyramid.array(8)[test], pyramid.va[test]
    painted = evaluate.Painted(photos[1], photos[0], *[None] * 4)
    told = ablation.rated(scene.load(), pyramid, painted, draws=9)
    assert told["random"] == told["photos"]
    assert 0 < abs(told["random"]["valence"]["r"]["value"]) < 1


def test_variants_of_a_seed_see_the_same_photos(root):
    from m2l.experiments import landscapes

    pyramid = landscapes.pyramid(root)
    runs = [
        training.Run(ablation.preset("tiny", v, s), pyramid, f"runs/{v}{s}", accelerator="cpu")
        for v, s in (("full", 0), ("AFM 1", 0), ("full", 1))
    ]
    one, two, other = (r._epoch(0) for r in runs)
    assert (one == two).all() and (one != other).any()


def test_an_interrupted_cell_goes_on(monkeypatch):
    step, count = training.Run.step, []

    def stopped(self):
        count.append(1)
        self._stop = len(count) == 3
        return step(self)

    monkeypatch.setattr(training.Run, "step", stopped)
    with pytest.raises(InputError, match="interrupted; run the same command"):
        ablation.run("tiny", "full", 0, "out", "runs", n=8)
    ablation.run("tiny", "full", 0, "out", "runs", n=8)
    assert len(count) == 6


def test_a_run_that_diverges_is_a_result(monkeypatch):
    step = training.Run.step

    def diverge(self):
        step(self)
        if self.progress.step == 5:
            self._diverged("critic nan", {})

    monkeypatch.setattr(training.Run, "step", diverge)
    (line,) = lines(ablation.run("tiny", "full", 0, "out", "runs", n=8))
    assert line["set"] == "training"
    assert line["values"]["diverged"].startswith("step 5: critic nan")


# -- reading ---------------------------------------------------------------------------------


def write(folder, rows):
    """Cells of (variant, seed, r)."""
    folder.mkdir(exist_ok=True)
    for variant, seed, r in rows:
        line = {
            "grid": "tiny",
            "variant": variant,
            "seed": seed,
            "resolution": 8,
            "n": 9,
            "set": "va",
            "values": {"random": {"valence": {"r": {"value": r, "low": r - 1, "high": r + 1}}}},
        }
        name = ablation.stem("tiny", variant, seed)
        (folder / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    return ablation.load(folder)


def test_figures_are_one_row_each(tmp_path):
    figures = write(tmp_path / "a", [("full", 0, 0.5), ("AFM 1", 0, 0.25)])
    assert figures["metric"].tolist() == ["random.valence.r"] * 2
    row = figures[figures["variant"] == "full"].iloc[0]
    assert (row["value"], row["low"], row["high"]) == (0.5, -0.5, 1.5)
    nested = list(ablation._figures({"a": [{"x": 1}, {"x": True}], "b": "text", "c": None}))
    assert [f["metric"] for f in nested] == ["a.0.x", "a.1.x"]
    with pytest.raises(InputError, match="no runs of the ablation"):
        ablation.load(tmp_path / "empty")


def test_comparisons_are_corrected_for_their_number(tmp_path):
    rows = [("full", s, 0.1 * s) for s in range(3)]
    rows += [("AFM 1", s, 0.1 * s + d) for s, d in enumerate((-0.3, -0.2, -0.1))]
    rows += [("AFM 10", s, 0.1 * s + d) for s, d in enumerate((-0.1, 0.0, 0.1))]
    rows += [("unconditional", 0, 0.3)]  # too few pairs
    told = ablation.compared(write(tmp_path / "a", rows)).loc["r, valence"]
    assert told.index.tolist() == ["AFM 1", "AFM 10"]
    # t = −0.2 / (0.1 / √3) with two degrees of freedom.
    p = 2 * student.cdf(-2 * 3**0.5, 2)
    np.testing.assert_allclose(told["p"], [p, 1])
    np.testing.assert_allclose(told["adjusted"], [2 * p, 1])
    assert told.loc["AFM 1", "change"]["value"] == pytest.approx(-0.2)
    assert told["better"].tolist() == [None, None]


def test_only_what_survives_the_correction_is_listed():
    one = {"variant": "AFM 1", "measure": "variety", "reference": 0.8, "value": 0.5}
    each = [one | {"adjusted": p} for p in (0.01, 0.05, 0.2)]
    told = ablation.survivors({"a": {"comparisons": {"each": each}}})
    assert told.to_numpy().tolist() == [["a", "AFM 1", "variety", "0.80 → 0.50"]]


def test_differences_are_paired_by_seed(tmp_path):
    rows = [("full", s, 0.1 * s) for s in range(3)]
    rows += [("AFM 1", s, 0.1 * s - 0.2) for s in range(3)]  # seeds differ, the difference does not
    rows += [("unconditional", 0, 0.3), ("label input", 1, 0.0), ("label input", 2, 0.3)]
    rows += [("AFM 10", s, 0.1 * s + d) for s, d in enumerate((-0.1, 0.0, 0.1))]
    told = ablation.differences(write(tmp_path / "a", rows), "va.random.valence.r")
    assert told.index.tolist() == ["unconditional", "label input", "AFM 1", "AFM 10"]
    assert told["n"].tolist() == [1, 2, 3, 3]
    np.testing.assert_allclose(told["value"], [0.3, 0.0, -0.2, 0.0], atol=1e-12)
    np.testing.assert_allclose(told.loc["AFM 1", ["low", "high"]].astype(float), -0.2)
    assert told.loc[["unconditional", "label input"], "low"].isna().all()  # too few pairs
    # −d, 0, d: the interval of Student's t with two degrees of freedom, 4.303·d/√3.
    assert told.loc["AFM 10", "high"] == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    assert told.loc["label input", "each"] == pytest.approx((-0.1, 0.1))


def test_one_seed_has_its_runs_interval_and_several_have_students(tmp_path):
    rows = [("full", 0, 0.5), *(("AFM 1", s, 0.2 + 0.1 * s) for s in range(3))]
    told = ablation.summary(write(tmp_path / "a", rows), "va.random.valence.r")
    assert told.loc["full"].tolist() == [1, 0.5, -0.5, 1.5]
    half = 4.3027 * 0.1 / 3**0.5
    assert told.loc["AFM 1"].tolist() == pytest.approx([3, 0.3, 0.3 - half, 0.3 + half], abs=1e-4)


def claimed(r_without, bright, diversity, seeds=3):
    """Claims from figures in which full runs have r 0.5, and the others' as given."""
    rows = []
    for s in range(seeds):
        jitter = 0.01 * s  # the same for both variants of a seed
        for variant, r in (("full", 0.5), ("without AFM", r_without)):
            for d in ("valence", "arousal"):
                rows.append((variant, s, "va", f"random.{d}.r", r + jitter))
                for look in ("brightness", "warmth", "detail"):
                    rows.append((variant, s, "looks", f"generated.{look}.{d}", bright + jitter))
            rows.append((variant, s, "training", "stages.0.diversity", 0.9))
            rows.append((variant, s, "training", "stages.1.diversity", diversity))
            rows.append((variant, s, "diversity", "cell.ratio", 0.8))
    figures = pd.DataFrame(rows, columns=["variant", "seed", "set", "metric", "value"])
    return {
        (c["claim"], c["measure"].split(",")[0]): c
        for c in ablation.claims(figures.assign(grid="tiny", low=np.nan, high=np.nan))
    }


def test_claims_hold_where_the_interval_leaves_zero():
    told = claimed(r_without=0.2, bright=0.1, diversity=0.7)
    assert all(c["holds"] for c in told.values()) and len(told) == 5
    kept = told["AFM keeps the emotion", "r"]
    assert kept["value"] == pytest.approx(0.3) and kept["n"] == 3
    bright = told["Higher valence is brighter", "brightness"]
    assert bright["value"] == pytest.approx(0.22)  # twice the mean slope
    (stable,) = (c for (claim, _), c in told.items() if claim.startswith("Training"))
    assert stable["value"] == pytest.approx(0.7)


def test_claims_that_fail_or_are_not_shown():
    told = claimed(r_without=0.6, bright=-0.1, diversity=0.3)
    assert not any(c["holds"] for c in told.values())
    assert told["AFM keeps the emotion", "r"]["holds"] is False
    one = claimed(r_without=0.2, bright=0.1, diversity=0.7, seeds=1)
    assert one["AFM keeps the emotion", "r"]["holds"] is None  # one pair has no interval


def test_a_run_that_diverged_has_no_variety_left():
    rows = [(v, s, "training", "images", 9) for v in ("full", "without penalty") for s in range(3)]
    rows += [("full", s, "diversity", "cell.ratio", 0.8) for s in range(3)]
    rows += [("without penalty", 0, "diversity", "cell.ratio", 0.5)]  # the other two diverged
    for s in range(3):
        rows.append(("full", s, "training", "stages.0.diversity", 0.9))
        for look in ("brightness", "warmth", "detail"):
            for d in ("valence", "arousal"):
                rows.append(("full", s, "looks", f"generated.{look}.{d}", 0.1))
        rows += [("full", s, "va", f"random.{d}.r", 0.5) for d in ("valence", "arousal")]
    figures = pd.DataFrame(rows, columns=["variant", "seed", "set", "metric", "value"])
    claims = ablation.claims(figures.assign(grid="tiny", low=np.nan, high=np.nan))
    (told,) = (c for c in claims if c["claim"].startswith("The gradient penalty"))
    assert told["n"] == 3 and told["value"] == pytest.approx((0.3 + 0.8 + 0.8) / 3)


def test_the_table_is_in_the_grids_order(tmp_path):
    rows = [("photos 500", 0, 1.0), ("AFM 1", 0, 2.0), ("full", 0, 3.0), ("full", 1, 4.0)]
    wide = ablation.table(write(tmp_path / "a", rows), "va.random.valence.r")
    assert wide.index.tolist() == ["full", "AFM 1", "photos 500"]
    assert wide.loc["full"].tolist() == [3, 4] and pd.isna(wide.loc["AFM 1", 1])


def test_what_the_report_quotes_is_what_the_runs_say(tmp_path):
    results = Path(__file__).parents[1] / "results"
    for path in (results / "ablation").glob("ablation64-*.jsonl"):
        if "projected" not in path.name:
            shutil.copy(path, tmp_path)
    ablation.conclude(tmp_path, tmp_path / "told.json")
    told, kept = (
        json.loads(p.read_text()) for p in (tmp_path / "told.json", results / "ablation.json")
    )
    assert told["grids"]["ablation64"] == kept["grids"]["ablation64"]
