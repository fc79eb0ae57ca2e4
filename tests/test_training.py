"""Training: it runs to its end, stops without loss, resumes exactly, and refuses what is wrong."""

import itertools
import json
import math
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from m2l.errors import InputError
from m2l.gan import losses, photos, training
from m2l.gan.checkpoints import read_checkpoint
from m2l.gan.networks import Generator, Sizes, downsample, upsample
from m2l.gan.pictures import to_uint8
from m2l.gan.training import VARIANTS, Diverged, Preset, Run, Stage, variant

PRESETS = sorted((Path(training.__file__).parents[2] / "params" / "gan").glob("*.yaml"))
TINY = Preset(
    name="tiny",
    sizes=Sizes(z=4, widths=(8, 6), eru_kernel=1),
    stages=(Stage(4, batch=8, images=64), Stage(8, batch=8, epochs=3)),  # 8 steps, then 9
    gp_interval=4,
    afm_form="channel",
)
STEPS = 17
PHOTOS, TRAIN = 30, 24


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_pyramid(folder, seed=0, n=PHOTOS, train=TRAIN, side=8):
    """Photos of noise, 8×8, whose labels are all different."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    rows = []
    for i in range(n):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
        rows.append((str(i), str(path), *rng.uniform(2, 8, 2), "train" if i < train else "test"))
    table = pd.DataFrame(rows, columns=["id", "path", "valence", "arousal", "split"])
    return photos.build(table, top=side, folder=folder / "pyramid")


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    return make_pyramid(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def start(pyramid, tmp_path):
    """Make a run in a folder, of the tiny preset with changes."""

    def make(folder="run", pyramid=pyramid, preset=TINY, devices=1, **changes):
        return Run(replace(preset, **changes), pyramid, tmp_path / folder, "cpu", devices)

    return make


@pytest.fixture(scope="module")
def unbroken(pyramid, tmp_path_factory):
    """A run from start to end without a pause."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run = Run(TINY, pyramid, tmp_path_factory.mktemp("unbroken"), accelerator="cpu")
    assert run.train(log_every=3, bar=False)
    torch.set_num_threads(threads)
    return run


def before_step(run, number, do):
    """Call `do` just before the step of this number, counted from 0."""
    step = run.step

    def wrapped():
        if run.progress.step == number:
            do()
        return step()

    run.step = wrapped


def metrics(run):
    return [json.loads(x) for x in (run.folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(a, b):
    (header_a, tensors_a), (header_b, tensors_b) = (read_checkpoint(r.checkpoint) for r in (a, b))
    assert tensors_a.keys() == tensors_b.keys()
    for name, tensor in tensors_a.items():
        assert torch.equal(tensor, tensors_b[name]), name
    assert header_a["preset"] == header_b["preset"]
    untimed = [
        [{k: v for k, v in line.items() if k != "seconds"} for line in metrics(r)] for r in (a, b)
    ]
    assert untimed[0] == untimed[1]


# -- a whole run ----------------------------------------------------------------------------


def test_a_run_reaches_its_end(unbroken):
    at = unbroken.progress
    assert (at.step, at.images, at.stage) == (STEPS, STEPS * 8, 2)
    assert 0 < at.seconds < 60


def test_metrics_are_json_lines(unbroken):
    lines = metrics(unbroken)
    assert [x["step"] for x in lines] == [3, 6, 8, 9, 12, 15, 17]  # each third, each stage's end
    assert [x["stage"] for x in lines] == [0, 0, 0, 1, 1, 1, 1]
    assert [x["resolution"] for x in lines] == [4, 4, 4, 8, 8, 8, 8]
    for line in lines:
        assert line["images"] == 8 * line["step"]
        for key in ("alpha", "critic", "generator", "afm", "diversity", "seconds"):
            assert math.isfinite(line[key])
        assert 0 <= line["alpha"] <= 1 and line["afm"] >= 0 and line["diversity"] > 0
    # The penalty is taken at the 1st, 5th, 9th, 13th and 17th step.
    assert [x["step"] for x in lines if x["penalty"] is None] == [8, 12]
    seconds = [x["seconds"] for x in lines]
    assert seconds == sorted(seconds)


def test_alpha_rises_over_the_fade(unbroken, start):
    run = start()
    assert run.alpha() == 1  # nothing to blend with at first
    run.progress.stage = 1
    for images, alpha in ((0, 0), (18, 0.5), (36, 1), (70, 1)):  # 72 images, the first half
        run.progress.stage_images = images
        assert run.alpha() == pytest.approx(alpha)


def test_grids_at_each_stages_end(unbroken):
    for name, side in (("0-4-plane", 4), ("0-4-seeds", 4), ("1-8-plane", 8), ("1-8-seeds", 8)):
        with Image.open(unbroken.folder / "samples" / f"{name}.png") as image:
            assert image.size == (7 * side, 7 * side)


def test_the_average_follows_the_generator(unbroken, start):
    first = start()
    moved = 0
    for (name, average), now in zip(
        unbroken.average.named_parameters(), unbroken.generator.parameters(), strict=True
    ):
        then = first.generator.state_dict()[name]
        assert average.isfinite().all()
        moved += not torch.equal(average, then)
        assert (average - now).norm() <= (then - now).norm() + 1e-6
    assert moved > 10


def test_average_keeps_half_after_a_half_life(start):
    run = start(ema_images=100.0)
    run.progress.images = 10_000
    for p, q in zip(run.average.parameters(), run.generator.parameters(), strict=True):
        p.fill_(1.0)
        q.data.fill_(0.0)
    run._update_average(100)
    assert all(torch.allclose(p, torch.tensor(0.5)) for p in run.average.parameters())


def test_another_seed_is_another_run(start):
    a, b, c = (start(name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    figures = [run.step() for run in (a, b, c)]
    assert figures[0] == figures[1] != figures[2]


def test_both_networks_learn(start):
    run = start()
    before = {k: m.state_dict() for k, m in run._modules().items()}
    before = {k: {n: t.clone() for n, t in m.items()} for k, m in before.items()}
    run.step()
    for name in ("generator", "critic"):
        after = run._modules()[name].state_dict()
        changed = {k for k, t in after.items() if not torch.equal(t, before[name][k])}
        assert any("eru" in k for k in changed)
        assert not any(k.startswith("blocks.1") for k in changed & {"generator"})


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_trains(start, name):
    stages = (Stage(4, batch=8, images=8), Stage(8, batch=8, images=8))
    run = start(preset=variant(replace(TINY, stages=stages), name))
    assert run.train(log_every=1, bar=False)
    assert run.progress.images == 16
    without = ("without AFM", "unconditional", "label input")
    if run.preset.n_critic == 1:
        assert (metrics(run)[-1]["afm"] == 0) == (name in without)
    assert metrics(run)[-1]["resolution"] == 8
    assert metrics(run)[0]["resolution"] == (8 if name == "non-progressive" else 4)


def test_variants_differ_in_what_their_name_says():
    base = Preset.load("ablation")
    made = {name: variant(base, name) for name in VARIANTS}
    assert made["full"] == base and set(training.BASELINES) <= set(VARIANTS)
    assert made["AFM 10"] == replace(base, afm_weight=10.0)
    assert made["label input"].sizes == replace(base.sizes, condition="ili")
    assert made["photos 500"].photos == 500 and made["AFM spatial"].afm_form == "spatial"
    assert made["half the learning rates"] == replace(base, lr=5e-4, lr_critic=5e-4)
    assert len({repr(preset) for preset in made.values()}) == len(VARIANTS)  # no two alike


def test_variants_that_cannot_be():
    with pytest.raises(InputError, match="variant 'best'"):
        variant(TINY, "best")
    with pytest.raises(InputError, match="in epochs"):
        variant(TINY, "non-progressive")


# -- one step -------------------------------------------------------------------------------


def test_an_epoch_shows_each_training_photo_once(start, pyramid):
    run = start()
    stage = TINY.stages[0]
    index = {tuple(va): i for i, va in enumerate(run.va.numpy())}
    seen = []
    while len(seen) < 3 * TRAIN:
        x, va = run._batch(replace(stage, batch=16), 1.0, run._random())
        rows = [index[tuple(v)] for v in va.numpy()]
        for image, row in zip(to_uint8(x), rows, strict=True):  # its own label with it
            stored = pyramid.array(4)[row]
            assert np.array_equal(image, stored) or np.array_equal(image, stored[:, ::-1])
        seen += rows
        run.progress.images += 16
    epochs = [seen[i : i + TRAIN] for i in range(0, 3 * TRAIN, TRAIN)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(TRAIN))
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_is_not_in_the_order_of_the_corpus(start):
    run = start()
    _, va = run._batch(replace(TINY.stages[0], batch=16), 1.0, run._random())
    index = {tuple(v): i for i, v in enumerate(run.va.numpy())}
    rows = [index[tuple(v)] for v in va.numpy()]
    assert rows != sorted(rows)


def test_a_batch_may_exceed_the_corpus(start):
    x, va = start()._batch(Stage(4, batch=64, images=64), 1.0, torch.Generator())
    assert x.shape == (64, 3, 4, 4)
    counts = np.unique(va.numpy(), axis=0, return_counts=True)[1]
    assert len(counts) == TRAIN and counts.min() == 2 and counts.max() == 3


def test_photos_fade_in_as_generated_images_do(start):
    run = start(flip=False)
    sharp, half, soft = (run._batch(TINY.stages[1], a, run._random())[0] for a in (1.0, 0.5, 0.0))
    assert not torch.equal(sharp, soft)
    assert torch.equal(soft, upsample(downsample(sharp)))
    torch.testing.assert_close(half, (sharp + soft) / 2)


def test_labels_are_spread_over_the_plane(start):
    run = start()
    va = run.va[run.rows]
    assert torch.equal(va.amin(0), -torch.ones(2)) and torch.equal(va.amax(0), torch.ones(2))


def test_photos_can_be_limited(start):
    run = start(photos=10)
    assert len(set(run.rows)) == 10 and max(run.rows) < TRAIN


@pytest.mark.parametrize("interval", [1, 4])
def test_a_lazy_penalty_weighs_as_much_over_its_interval(start, monkeypatch, interval):
    """At each interval-th step the critic's total holds interval × weight × penalty."""
    run = start(gp_interval=interval, drift=0.0, gp_weight=7.0)
    totals = []
    backward = run.fabric.backward
    monkeypatch.setattr(
        run.fabric, "backward", lambda total: (totals.append(total.item()), backward(total))
    )
    for step in range(5):
        figures = run.step()
        if step % interval:
            assert figures["penalty"] is None
        extra = totals[-2] - figures["critic"]  # the critic's total, then the generator's
        assert extra == pytest.approx(interval * 7 * (figures["penalty"] or 0), abs=1e-4)


def test_drift_and_matching_enter_with_their_weights(start, monkeypatch):
    run = start(drift=0.5, gp_weight=0.0, afm_weight=20.0)
    totals, drifts = [], []
    backward, drift = run.fabric.backward, losses.drift
    monkeypatch.setattr(
        run.fabric, "backward", lambda total: (totals.append(total.item()), backward(total))
    )
    monkeypatch.setattr(losses, "drift", lambda s: (drifts.append(drift(s)), drifts[-1])[1])
    figures = run.step()
    assert totals[0] == pytest.approx(figures["critic"] + 0.5 * drifts[0].item(), abs=1e-5)
    assert totals[1] == pytest.approx(figures["generator"] + 20 * figures["afm"], abs=1e-5)
    assert figures["afm"] > 0


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_every_objective_learns_both_networks(start, objective):
    run = start(objective=objective, gp_weight=1.0, augment="translation,cutout,color")
    before = {k: [p.clone() for p in m.parameters()] for k, m in run._modules().items()}
    figures = [run.step() for _ in range(2)]
    assert all(math.isfinite(v) for f in figures for v in f.values() if v is not None)
    assert figures[0]["penalty"] > 0 and figures[1]["penalty"] is None
    for name in ("generator", "critic"):
        after = run._modules()[name].parameters()
        assert any(not torch.equal(a, b) for a, b in zip(before[name], after, strict=True))


def test_mixed_precision_keeps_the_weights_whole(start):
    """As the preset for a GPU has it, here on the processor."""
    run = start(precision="bf16-mixed")
    full, mixed = start("full").step(), run.step()
    assert full["penalty"] == pytest.approx(mixed["penalty"], rel=0.01)
    assert mixed["critic"] != full["critic"] == pytest.approx(mixed["critic"], abs=0.05)
    assert all(p.dtype == torch.float32 for p in run.generator.parameters())


def test_bfloat16_where_the_processor_has_it(monkeypatch, caplog):
    known = torch.ops.mkldnn
    for has, got in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(known, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert training.at_hand("bf16-mixed", "cpu") == got
        assert training.at_hand("32-true", "cpu") == "32-true"
    assert [r.message for r in caplog.records] == [
        "this processor has no bfloat16; training in whole precision, slower"
    ]


def test_rates_fall_to_a_tenth_at_the_end_of_the_last_stage(start):
    run = start(anneal=0.5, lr_critic=2e-3)
    rates = []
    step = run.step

    def watched():
        figures = step()
        rates.append([opt.param_groups[0]["lr"] for opt in (run.opt_g, run.opt_d)])
        return figures

    run.step = watched
    assert run.train(bar=False)
    generator, critic = np.array(rates).T
    np.testing.assert_allclose(critic, 2 * generator)
    # Eight steps of the first stage, nine of the last, the second half of which falls.
    np.testing.assert_allclose(generator[:13], 1e-3)
    left = (1 - np.arange(5, 9) / 9) / 0.5
    np.testing.assert_allclose(generator[13:], 1e-3 * (0.1 + 0.9 * left))


def test_the_generator_waits_for_the_critic(start):
    run = start(n_critic=3)
    weights = []
    for step in range(6):
        figures = run.step()
        weights.append(run.generator.state_dict()["dense.weight"].clone())
        assert (figures["generator"] is None) == (figures["afm"] is None) == (step % 3 < 2)
    changed = [not torch.equal(a, b) for a, b in itertools.pairwise(weights)]
    assert changed == [False, True, False, False, True]
    assert run.progress.images == 6 * 8


def test_a_log_without_a_step_of_the_generator(start):
    run = start(n_critic=3)
    assert run.train(log_every=1, bar=True)
    assert [x["generator"] is None for x in metrics(run)[:3]] == [True, True, False]


def test_all_that_the_critic_sees_is_augmented(start, monkeypatch):
    """Real and generated images; in its own steps, the penalty's, and the generator's."""
    run = start(augment="translation", gp_interval=1)
    marked, seen = [], []

    def mark(x, policy, u):
        assert policy == "translation" and u.shape == (len(x), 7)
        marked.append(len(x))
        return 0 * x + 7

    monkeypatch.setattr(losses, "augment", mark)
    run.critic.module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    run.step()
    assert marked == [8, 8] and len(seen) == 4
    assert all((x == 7).all() for x in seen)


def test_a_pair_is_augmented_alike_for_matching(start, monkeypatch):
    run = start(augment="cutout")
    choices = []
    monkeypatch.setattr(losses, "augment", lambda x, policy, u: (choices.append(u), x)[1])
    run.step()
    assert torch.equal(*choices)


# -- stopping and going on ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, number",
    [("SIGINT", 0), ("SIGTERM", 4), ("SIGINT", 7), ("SIGTERM", 8), ("SIGINT", 12), ("SIGINT", 16)],
)
def test_killed_and_resumed_equals_unbroken(start, unbroken, name, number):
    before = signal.getsignal(signal.Signals[name])
    run = start()
    before_step(run, number, lambda: signal.raise_signal(signal.Signals[name]))
    assert run.train(log_every=3, bar=False) is False
    assert run.progress.step == number + 1  # the step is ended, and nothing lost
    assert signal.getsignal(signal.Signals[name]) is before

    again = start()
    assert again.resume()
    assert again.progress == run.progress
    assert again.train(log_every=3, bar=False) is True
    assert_same_run(again, unbroken)


def test_stopped_from_a_timer_and_resumed_equals_unbroken(start, unbroken):
    """Wherever it falls."""
    run = start()
    timer = threading.Timer(0.1, lambda: setattr(run, "_stop", True))
    timer.start()
    run.train(log_every=3, bar=False)
    timer.cancel()
    again = start()
    assert again.resume()
    assert again.train(log_every=3, bar=False)
    assert_same_run(again, unbroken)


def test_the_same_object_goes_on_after_a_stop(start, unbroken):
    run = start()
    before_step(run, 5, lambda: signal.raise_signal(signal.SIGINT))
    assert run.train(log_every=3, bar=False) is False
    assert run.train(log_every=3, bar=False) is True
    assert_same_run(run, unbroken)


def test_a_hard_kill_repeats_steps_but_not_lines(start, unbroken):
    run = start()

    def die():
        raise MemoryError

    before_step(run, 10, run.save)
    before_step(run, 14, die)
    with pytest.raises(MemoryError):
        run.train(log_every=3, bar=False)
    assert metrics(run)[-1]["step"] == 12
    with (run.folder / "metrics.jsonl").open("a") as out:
        out.write('{"step": 15, "ima')  # cut short

    again = start()
    assert again.resume() and again.progress.step == 10
    assert again.train(log_every=3, bar=False)
    assert_same_run(again, unbroken)


@pytest.fixture
def interruptible():
    """Python's own answer to Ctrl-C; a background shell starts its jobs without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_interrupts(start, interruptible):
    run = start()

    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before_step(run, 3, twice)
    with pytest.raises(KeyboardInterrupt):
        run.train(bar=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_training_works_off_the_main_thread(start):
    run, done = start(), []
    thread = threading.Thread(target=lambda: done.append(run.train(bar=False)))
    thread.start()
    thread.join(60)
    assert done == [True]


def test_resuming_a_finished_run_returns_at_once(unbroken, start, tmp_path):
    run = Run(TINY, unbroken.pyramid, unbroken.folder, accelerator="cpu")
    lines = metrics(unbroken)
    assert run.resume()
    run.step = None  # not called
    assert run.train(bar=False) is True
    assert metrics(run) == lines
    run.release(tmp_path / "g.safetensors", {})
    assert read_checkpoint(tmp_path / "g.safetensors", "m2l-generator")[0]["resolution"] == "8"


def test_a_finished_run_goes_on_when_its_last_stage_is_made_longer(unbroken, start, tmp_path):
    generator, critic = tmp_path / "generator.safetensors", tmp_path / "critic.safetensors"
    unbroken.release(generator, {})
    unbroken.save_critic(critic)
    longer = replace(TINY, stages=(TINY.stages[0], replace(TINY.stages[1], epochs=4)))
    shutil.copytree(unbroken.folder, tmp_path / "resumed")
    resumed, warm = start("resumed", preset=longer), start("warm", preset=longer)
    assert resumed.resume()
    warm.warm(generator, critic)
    for run in (resumed, warm):
        assert run.progress.step == STEPS
        assert run.train(bar=False)
        assert run.progress.step == STEPS + 3  # an epoch more, of 24 photos
        assert run.reached == 8


def test_a_new_folder_has_nothing_to_resume(start):
    run = start()
    assert run.resume() is False
    assert run.progress.step == 0


def test_checkpoints_come_at_their_interval(start):
    run = start(stages=(Stage(4, batch=8, images=40),))
    run.checkpoint_seconds = 0.0
    saves = []
    run.save = lambda: saves.append(run.progress.step)
    run.train(bar=False)
    assert saves == [1, 2, 3, 4, 5, 5]  # and one at the stage's end


def test_minutes_end_a_stage_by_the_clock(start, monkeypatch):
    run = start(stages=(Stage(4, batch=8, minutes=1),))
    clock = iter(np.arange(0, 1000, 5.0))
    monkeypatch.setattr(training.time, "monotonic", lambda: next(clock))
    assert run.train(bar=False)
    assert run.progress.step == 12  # 5 s a step
    assert run.progress.seconds == 60


# -- several processes ----------------------------------------------------------------------

SHARED = """
import json, sys
import torch
from m2l.gan.photos import Pyramid
from m2l.gan.training import Preset, Run
torch.set_num_threads(1)
settings, photos, folder = sys.argv[1:]
run = Run(Preset.read(json.loads(settings)), Pyramid(photos), folder, "cpu", devices=2)
step = run.step
def stopped():  # a signal to one process only
    run._stop = run.fabric.global_rank == 1 and run.progress.step == 11
    return step()
run.step = stopped
assert run.train(log_every=1, bar=False) is False and run.progress.step == 12
run.fabric.barrier()  # the first has written
assert run.resume()
run.step = step
assert run.train(log_every=1, bar=False) is True
"""


def test_two_processes_equal_one_on_the_same_batches(start, pyramid, tmp_path):
    """Stopped in one process and resumed in between, too."""
    run = start(augment="translation,color", n_critic=2)
    assert run.train(log_every=1, bar=False)
    (tmp_path / "shared.py").write_text(SHARED)
    settings = json.dumps(training.describe(run.preset))
    words = [tmp_path / "shared.py", settings, pyramid.folder, tmp_path / "two"]
    ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr

    ours = metrics(run)
    theirs = [json.loads(x) for x in (tmp_path / "two/metrics.jsonl").read_text().splitlines()]
    assert [x["step"] for x in theirs] == list(range(1, STEPS + 1))
    for a, b in zip(ours, theirs, strict=True):
        for key in ("critic", "generator", "penalty", "afm", "gap", "images", "alpha"):
            assert a[key] == (None if b[key] is None else pytest.approx(b[key], rel=1e-3, abs=1e-4))
    _, tensors = read_checkpoint(run.checkpoint)
    _, shared = read_checkpoint(tmp_path / "two/checkpoint.safetensors")
    for name, tensor in tensors.items():
        torch.testing.assert_close(shared[name], tensor, rtol=1e-2, atol=1e-3, msg=name)
    assert len(list((tmp_path / "two/samples").iterdir())) == 4


def test_a_batch_that_cannot_be_shared_is_refused(start):
    with pytest.raises(InputError, match="batch 8 cannot be shared by 3 devices; give a multiple"):
        start(devices=3)


# -- checkpoints that are no good -----------------------------------------------------------


@pytest.fixture
def two_checkpoints(start):
    """A run stopped at step 6 whose checkpoint before is of step 3."""
    run = start()
    before_step(run, 3, run.save)
    before_step(run, 5, lambda: signal.raise_signal(signal.SIGINT))
    run.train(bar=False)
    return run


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path):
    save_file({"x": torch.zeros(2)}, path)


def test_the_one_before_is_used(two_checkpoints, start, caplog):
    for spoil, told in (
        (truncate, "truncated or not safetensors"),
        (foreign, "not a file of kind m2l-run"),
        (lambda path: path.write_text("hello"), "truncated or not safetensors"),
        (lambda path: path.write_bytes(b""), "truncated or not safetensors"),
        (lambda path: path.unlink(), ""),
    ):
        caplog.clear()
        run = start()
        spoil(run.checkpoint)
        assert run.resume() and run.progress.step == 3
        assert told in caplog.text and len(caplog.records) == bool(told)


def test_none_left_is_an_error(two_checkpoints, start):
    run = start()
    for path in (run.checkpoint, run.checkpoint.with_suffix(".previous")):
        truncate(path)
    with pytest.raises(InputError, match="truncated") as caught:
        run.resume()
    assert "\n" not in str(caught.value)


def test_other_sizes_or_photos_are_refused(two_checkpoints, start, tmp_path):
    with pytest.raises(InputError, match="other network sizes"):
        start(sizes=replace(TINY.sizes, widths=(8, 8))).resume()
    with pytest.raises(InputError, match="other labels"):
        start(pyramid=make_pyramid(tmp_path / "others", seed=1)).resume()


def test_a_run_starts_from_another_with_fewer_stages(start, unbroken):
    run = start(sizes=replace(TINY.sizes, widths=(8, 6, 4)))
    before = {k: t.clone() for k, t in run.critic.state_dict().items()}
    run.start_from(unbroken.folder)
    assert run.progress.step == 0
    for name, module in run._modules().items():
        theirs = unbroken._modules()[name].state_dict()
        for key, tensor in module.state_dict().items():
            assert key not in theirs or torch.equal(tensor, theirs[key])
    fresh = {k for k in before if k not in unbroken.critic.state_dict()}
    assert fresh and all(torch.equal(run.critic.state_dict()[k], before[k]) for k in fresh)
    assert math.isfinite(run.step()["critic"])
    with torch.no_grad():  # the picture at the start is the other run's, enlarged
        z, va = torch.randn(4, 4), torch.zeros(4, 2)
        old = unbroken.average(z, va)
        run.start_from(unbroken.folder)
        assert torch.equal(run.average(z, va, 2, 0.0), upsample(old))


def test_a_run_starts_from_no_other_networks(start, unbroken, tmp_path):
    with pytest.raises(InputError, match="are no beginning of preset 'tiny'"):
        start(sizes=replace(TINY.sizes, widths=(8, 4, 4))).start_from(unbroken.folder)
    with pytest.raises(InputError, match="no checkpoint here"):
        start().start_from(tmp_path / "nowhere")


def test_other_settings_may_change_on_resuming(two_checkpoints, start):
    run = start(lr=1e-4, afm_weight=10.0)
    assert run.resume()
    assert run.opt_g.param_groups[0]["lr"] == 1e-4
    assert run.train(bar=False)


# -- divergence -----------------------------------------------------------------------------


def test_divergence_stops_with_an_explanation(start, monkeypatch):
    run = start()
    before_step(run, 4, run.save)
    nan = lambda real, fake, _: math.nan * real.mean()  # noqa: E731
    before_step(run, 6, lambda: monkeypatch.setattr(losses, "critic_loss", nan))
    with pytest.raises(Diverged, match=r"step 7: a loss is not finite .*lower learn") as caught:
        run.train(bar=False)
    assert "\n" not in str(caught.value) and "critic nan" in str(caught.value)
    again = start()
    assert again.resume() and again.progress.step == 4


def test_a_critic_that_nothing_holds_runs_away(start):
    """Without a penalty its scores soon differ by more than the pictures do."""
    stages = (Stage(8, batch=8, images=4000),)
    run = start(stages=stages, gp_weight=0.0, drift=0.0, lr_critic=0.03)
    with pytest.raises(Diverged, match="the critic ran away, its scores") as caught:
        run.train(bar=False)
    assert "\n" not in str(caught.value) and 10 < run.progress.step < 400


def test_a_generator_that_makes_one_picture_has_collapsed(start, monkeypatch):
    run = start(stages=(Stage(4, batch=8, images=4000),))
    step = run.step
    run.step = lambda: step() | {"diversity": 0.001}
    monkeypatch.setattr(training, "WINDOW", 10)
    with pytest.raises(Diverged, match="the generator collapsed, its pictures are all alike"):
        run.train(bar=False)
    assert run.progress.step == pytest.approx(training.WINDOW * math.log(1 / 0.019), rel=0.05)


@pytest.mark.parametrize("objective", losses.OBJECTIVES)
def test_a_critic_that_is_held_does_not_run_away(start, objective):
    run = start(
        stages=(Stage(4, batch=8, images=800),),
        objective=objective,
        gp_weight=10.0 if objective == "wgan-gp" else 1.0,
        gp_interval=1,
    )
    assert run.train(bar=False)


def test_broken_weights_are_never_saved(start):
    run = start()
    run.save()
    before = run.checkpoint.read_bytes()
    run.generator.state_dict()["dense.weight"][0, 0] = math.inf
    with pytest.raises(Diverged, match=r"generator\.dense\.weight"):
        run.save()
    assert run.checkpoint.read_bytes() == before
    assert not run.checkpoint.with_suffix(".previous").exists()


# -- release --------------------------------------------------------------------------------


def test_release_holds_the_average_and_says_what_it_is(unbroken, tmp_path):
    card = {"what": "a test", "data": "noise"}
    unbroken.release(tmp_path / "g.safetensors", card)
    header, tensors = read_checkpoint(tmp_path / "g.safetensors", "m2l-generator")
    assert json.loads(header["card"]) == card
    assert header["resolution"] == "8"
    knots = tensors.pop("va_knots").numpy()
    np.testing.assert_array_equal(knots, unbroken.va_map.knots)
    network = Generator(Sizes.read(json.loads(header["sizes"])))
    network.load_state_dict(tensors)
    for a, b in zip(network.parameters(), unbroken.average.parameters(), strict=True):
        assert torch.equal(a, b)
    z, va = torch.randn(3, 4), torch.zeros(3, 2)
    with torch.no_grad():
        images = to_uint8(network(z, va))
    np.testing.assert_array_equal(images, unbroken.sample(z, va))


@pytest.mark.parametrize(
    "stage, images, resolution", [(0, 0, "4"), (1, 0, "4"), (1, 35, "4"), (1, 36, "8")]
)
def test_release_takes_the_last_stage_that_is_blended_in(
    start, tmp_path, stage, images, resolution
):
    run = start()
    run.progress.stage, run.progress.stage_images = stage, images
    run.release(tmp_path / "g.safetensors", {})
    header, _ = read_checkpoint(tmp_path / "g.safetensors", "m2l-generator")
    assert header["resolution"] == resolution


def test_a_run_is_no_generator(unbroken):
    with pytest.raises(InputError, match="not a file of kind m2l-generator"):
        read_checkpoint(unbroken.checkpoint, "m2l-generator")


# -- presets --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.stem)
def test_presets_load(path):
    preset = Preset.load(path.stem)
    assert preset == Preset.load(path) and preset.name == path.stem
    sides = [stage.resolution for stage in preset.stages]
    assert sides == sorted(sides)
    assert sides[-1] == preset.sizes.resolution(len(preset.sizes.widths) - 1)
    assert Preset.read(json.loads(json.dumps(training.describe(preset)))) == preset


def test_the_papers_preset_is_the_papers():
    preset = Preset.load("paper")
    assert preset.sizes.z == 100 and preset.sizes.eru_kernel == 3
    assert [s.resolution for s in preset.stages] == [4, 8, 16, 32, 64, 128]
    assert {s.batch for s in preset.stages} == {16}
    assert preset.lr == preset.lr_critic == 1e-3
    assert (preset.gp_weight, preset.gp_interval) == (10, 1)
    assert (preset.afm_weight, preset.afm_form) == (100, "spatial")
    assert sum(s.epochs for s in preset.stages) == 1711
    assert [s.epochs for s in preset.stages[:-1]] == [10] * 5
    assert preset.stages[-1].fade * preset.stages[-1].epochs == pytest.approx(10, abs=0.1)


def test_single_settings_can_be_changed():
    preset = Preset.load("smoke", seed=7, afm_weight=1.0)
    assert (preset.seed, preset.afm_weight) == (7, 1.0)
    assert replace(preset, seed=0, afm_weight=100.0) == Preset.load("smoke")


def test_settings_of_the_sizes_can_be_changed_too():
    preset = Preset.load("smoke", condition="ili", lr=0.5)
    assert (preset.sizes.condition, preset.lr) == ("ili", 0.5)
    with pytest.raises(InputError, match=r"smoke\.yaml: not a preset .*'speed'"):
        Preset.load("smoke", speed=3)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(InputError, match=r"preset 'papr'.*laptop, .*paper"):
        Preset.load("papr")


@pytest.mark.parametrize(
    "text, told",
    [
        ("sizes: {z: 4}\nstages: []\n", "stages: none"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\nspeed: 3\n", "speed"),
        ("sizes: {depth: 4}\nstages: [{resolution: 4, images: 8}]\n", "depth"),
        ("stages: [{resolution: 4, images: 8}]\n", "sizes"),
        ("sizes: {z: 4}\nstages: [{resolution: 4}]\n", "stage 4: give one of epochs"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8, minutes: 1}]\n", "give one of"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 0}]\n", "give one of"),
        ("sizes: {z: 4}\nstages: [{resolution: 12, images: 8}]\n", "stage 12"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8, batch: 6}]\n", "multiple of 4"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\nlr: 1e-3\n", "lr: text"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\ngp_interval: 0\n", "gp_interval"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\nafm_form: x\n", "afm_form 'x'"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\naugment: blur\n", "augment 'blur'"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\nobjective: x\n", "objective 'x'"),
        ("sizes: {z: 4}\nstages: [{resolution: 4, images: 8}]\nn_critic: 0\n", "n_critic 0"),
        ("", "not a preset"),
        ("sizes: [", "not a preset"),
    ],
)
def test_a_wrong_preset_is_told_in_one_line(tmp_path, text, told):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        Preset.load(tmp_path / "mine.yaml")
    assert "mine.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_preset_that_is_no_text(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match=r"mine\.yaml: not a preset"):
        Preset.load(tmp_path / "mine.yaml")


def test_a_run_beyond_its_photos_or_networks_is_refused(start):
    with pytest.raises(InputError, match="resolution 16"):
        start(stages=(Stage(16, images=16),), sizes=replace(TINY.sizes, widths=(4, 4, 4)))
    with pytest.raises(InputError, match="1 widths"):
        start(sizes=replace(TINY.sizes, widths=(4,)))


def test_a_run_without_training_photos_is_refused(start, tmp_path):
    with pytest.raises(InputError, match="split 'train'"):
        start(pyramid=make_pyramid(tmp_path / "none", n=2, train=0))


# -- latents, and going on from released weights --------------------------------------------


def test_released_weights_go_on_as_the_run_stood(unbroken, start, tmp_path):
    generator, critic = tmp_path / "generator.safetensors", tmp_path / "critic.safetensors"
    unbroken.release(generator, {})
    unbroken.save_critic(critic)
    run = start("warm")
    run.warm(generator, critic)
    assert run.progress == unbroken.progress
    z, va = torch.randn(4, 4), torch.rand(4, 2) * 2 - 1
    np.testing.assert_array_equal(run.sample(z, va), unbroken.sample(z, va))
    image = torch.rand(4, 3, 8, 8)
    assert torch.equal(run.critic(image, va)[0], unbroken.critic(image, va)[0])
    with pytest.raises(InputError, match="not of the sizes"):
        start("other", sizes=Sizes(z=4, widths=(8, 4), eru_kernel=1)).warm(generator, critic)
    with pytest.raises(InputError, match="not a file of kind m2l-critic"):
        start("swapped").warm(generator, generator)


def test_a_run_on_latents_paints_pictures_four_times_as_large(tmp_path):
    from m2l import generate
    from m2l.gan import autoencoder

    torch.manual_seed(0)
    net = autoencoder.Autoencoder(autoencoder.Shape(5, 8, 1, 8, 1))
    net.requires_grad_(False)
    small = make_pyramid(tmp_path / "photos", side=16)
    run = Run(
        replace(
            TINY,
            sizes=Sizes(z=4, widths=(8,), eru_kernel=1, channels=5),
            stages=(Stage(4, batch=8, images=8),),
            latents=True,
        ),
        autoencoder.latents(small, net, tmp_path / "latents", bar=False),
        tmp_path / "run",
        accelerator="cpu",
        decoder=net.decoder,
    )
    assert run.train(bar=False)
    assert (run.folder / "samples" / "0-16-plane.png").exists()
    run.release(tmp_path / "generator.safetensors", {"what": "latent"})
    released = generate.load(tmp_path / "generator.safetensors")
    assert released.resolution == 16
    pictures = generate.paint(np.zeros((3, 2)), np.arange(3), released)
    assert pictures.shape == (3, 16, 16, 3) and pictures.dtype == np.uint8
    z = generate.noise([0, 1, 2], 4)
    np.testing.assert_array_equal(pictures, run.sample(z, torch.zeros(3, 2)))
