"""Training: it runs to its end, stops without loss, resumes exactly, and refuses what is wrong."""

import io
import json
import math
import shutil
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_pyramid
from safetensors.torch import save_file

from m2l import generate
from m2l.errors import InputError
from m2l.gan import losses, training
from m2l.gan.checkpoints import read_checkpoint
from m2l.gan.networks import Generator, Sizes, downsample, upsample
from m2l.gan.presets import VARIANTS, Preset, Stage, variant
from m2l.gan.projected import Heads
from m2l.gan.training import FIGURES, Diverged, Run

torch.set_num_threads(1)

TINY = Preset(
    name="tiny",
    sizes=Sizes(z=4, widths=(8, 6), eru_kernel=1),
    stages=(Stage(4, batch=8, images=64), Stage(8, batch=8, epochs=3)),  # 8 steps, then 9
    gp_interval=4,
    afm_form="channel",
)
PROJECTED = replace(
    TINY,
    sizes=replace(TINY.sizes, upsampling="bilinear", noise=True, styles=True),
    stages=tuple(replace(s, side=32) for s in TINY.stages),
    heads=Heads(mixed=(8, 8, 8, 8), widest=8, labels=8),
    objective="hinge",
    gp_weight=0.0,
    gp_interval=1,
    reading_weight=1.0,
    augment="color,translation,cutout",
)
STEPS = 17
both = pytest.mark.parametrize("preset", [TINY, PROJECTED], ids=["milestone", "projected"])


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    return make_pyramid(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def start(pyramid, tmp_path):
    """Make a run in a folder, of the tiny preset with changes."""

    def make(folder="run", pyramid=pyramid, preset=TINY, **changes):
        return Run(replace(preset, **changes), pyramid, tmp_path / folder, "cpu")

    return make


@pytest.fixture(scope="module")
def whole(pyramid, tmp_path_factory):
    """Runs from start to end without a pause, one a preset."""
    made = {}

    def run(preset=TINY):
        if preset not in made:
            folder = tmp_path_factory.mktemp("whole")
            made[preset] = Run(preset, pyramid, folder, accelerator="cpu")
            assert made[preset].train(log_every=3, bar=False)
        return made[preset]

    return run


@pytest.fixture
def unbroken(whole):
    return whole()


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


@both
def test_a_run_reaches_its_end_and_tells_of_it(whole, preset):
    run = whole(preset)
    at = run.progress
    assert (at.step, at.images, at.stage) == (STEPS, STEPS * 8, 2)
    lines = metrics(run)
    assert [x["step"] for x in lines] == [3, 6, 8, 9, 12, 15, 17]  # each third, each stage's end
    assert all(math.isfinite(x[k]) for x in lines for k in FIGURES if x[k] is not None)
    given = {k for k in FIGURES if any(x[k] is not None for x in lines)}
    assert {"penalty", "reading"} & given == {"penalty" if preset is TINY else "reading"}
    assert lines[-1]["resolution"] == 8 and lines[-1]["alpha"] == 1
    names = sorted(p.name for p in (run.folder / "samples").iterdir())
    assert names == ["0-4-plane.png", "0-4-seeds.png", "1-8-plane.png", "1-8-seeds.png"]


@both
def test_both_networks_and_the_average_learn(start, preset):
    run = start(preset=preset)
    nets = (run.generator, run.critic.trained, run.average)
    before = [{k: p.clone() for k, p in n.named_parameters()} for n in nets]
    run.step()
    for net, old in zip(nets, before, strict=True):
        assert any(not torch.equal(p, old[k]) for k, p in net.named_parameters())


def test_the_average_keeps_half_after_a_half_life(start):
    run = start(ema_images=8.0)
    run.progress.images = 10_000
    with torch.no_grad():
        for p in run.average.parameters():
            p.fill_(2.0)
        for p in run.generator.parameters():
            p.fill_(0.0)
    run._keep.fill_(0.5 ** (8 / 8))
    run._update_average()
    assert all(torch.allclose(p, torch.ones_like(p)) for p in run.average.parameters())


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_trains(start, name):
    """One step; the stages' lengths are in one unit."""
    preset = variant(replace(TINY, stages=(Stage(4, 8, images=8), Stage(8, 8, images=8))), name)
    run = start(preset=preset)
    run.step()
    line = run._log(io.StringIO())
    assert all(math.isfinite(line[k]) for k in FIGURES if line[k] is not None)


# -- what a step sees -----------------------------------------------------------------------


def test_an_epoch_shows_each_training_photo_once(start, pyramid):
    run = start()
    run._stage()
    seen = []
    for _ in range(6):  # two epochs of 24
        run._draw_rows(8)
        seen += run._rows.tolist()
        run.progress.images += 8
    for epoch in (seen[:24], seen[24:]):
        assert sorted(epoch) == list(pyramid.rows("train"))
    assert seen[:24] != seen[24:] and seen[:24] != sorted(seen[:24])


def test_photos_fade_in_as_generated_images_do(start):
    run = start()
    run.progress.stage = 1
    run._stage()
    run._draw_rows(8)
    sharp, half = (run._real(a, lambda *_, of: torch.ones(8, 1, 1, 1)) for a in (None, 0.5))
    torch.testing.assert_close(half, (sharp + upsample(downsample(sharp))) / 2)


@pytest.mark.parametrize("interval", [1, 4])
def test_a_lazy_penalty_weighs_as_much_over_its_interval(start, monkeypatch, interval):
    run, totals = start(gp_interval=interval, drift=0.0), []
    monkeypatch.setattr(losses, "gradient_penalty", lambda *_: torch.tensor(1.0))
    descend = run._descend

    def keep(total, opt):
        if opt is run.opt_d:
            totals.append(total.item())
        return descend(total, opt)

    monkeypatch.setattr(run, "_descend", keep)
    monkeypatch.setattr(losses, "critic_loss", lambda r, f, _: 0 * (r.mean() + f.mean()))
    for _ in range(4):
        run.step()
    assert sum(totals) == pytest.approx(4 * TINY.gp_weight)


def test_drift_and_matching_enter_with_their_weights(start, monkeypatch):
    run, totals = start(gp_weight=0.0, drift=3.0, afm_weight=7.0), {}
    monkeypatch.setattr(losses, "critic_loss", lambda r, f, _: 0 * r.mean() + 1)
    monkeypatch.setattr(losses, "drift", lambda r: 0 * r.mean() + 1)
    monkeypatch.setattr(losses, "generator_loss", lambda f, *_: 0 * f.mean() + 1)
    monkeypatch.setattr(losses, "affective_matching", lambda f, *_: 0 * f[0].mean() + 1)
    monkeypatch.setattr(run, "_descend", lambda total, opt: totals.update({opt: total.item()}))
    run.step()
    assert totals == {run.opt_d: pytest.approx(4), run.opt_g: pytest.approx(8)}


def test_a_critic_that_is_held_does_not_run_away(start):
    run = start(stages=(Stage(4, batch=8, images=800),), gp_weight=10.0, gp_interval=1)
    assert run.train(bar=False)


def test_bfloat16_where_the_processor_has_it(monkeypatch, caplog):
    for has, got in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert training.at_hand("bf16-mixed", "cpu") == got
        assert training.at_hand("32-true", "cpu") == "32-true"
    assert "no bfloat16" in caplog.text


def test_rates_fall_to_a_twentieth_at_the_end_of_the_last_stage(start):
    run = start(anneal=0.5, lr=1e-2, lr_critic=2e-2)
    told = []
    for stage, images in ((0, 60), (1, 0), (1, 36), (1, 54), (1, 72)):
        run.progress.stage, run.progress.stage_images = stage, images
        run._anneal()
        told.append([o.param_groups[0]["lr"] for o in (run.opt_g, run.opt_d)])
    shares = [1, 1, 1, 0.525, 0.05]
    np.testing.assert_allclose(told, [[1e-2 * s, 2e-2 * s] for s in shares])


@both
def test_a_pair_is_augmented_alike(start, monkeypatch, preset):
    run, choices = start(preset=preset, augment="cutout"), []
    monkeypatch.setattr(losses, "augment", lambda x, policy, u: (choices.append(u), x)[1])
    run.step()
    assert len(choices) == 2 and torch.equal(*choices)


# -- stopping and going on ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, number, preset",
    [
        ("SIGINT", 0, TINY),
        ("SIGTERM", 4, TINY),
        ("SIGTERM", 8, TINY),
        ("SIGINT", 16, TINY),
        ("SIGINT", 5, PROJECTED),
        ("SIGTERM", 12, PROJECTED),
    ],
)
def test_killed_and_resumed_equals_unbroken(start, whole, name, number, preset):
    before = signal.getsignal(signal.Signals[name])
    run = start(preset=preset)
    before_step(run, number, lambda: signal.raise_signal(signal.Signals[name]))
    assert run.train(log_every=3, bar=False) is False
    assert run.progress.step == number + 1  # the step is ended, and nothing lost
    assert signal.getsignal(signal.Signals[name]) is before

    again = start(preset=preset)
    assert again.resume()
    assert again.progress == run.progress
    assert again.train(log_every=3, bar=False) is True
    assert_same_run(again, whole(preset))


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
    longer = replace(TINY, stages=(TINY.stages[0], replace(TINY.stages[1], epochs=4)))
    shutil.copytree(unbroken.folder, tmp_path / "resumed")
    run = start("resumed", preset=longer)
    assert run.resume() and run.progress.step == STEPS
    assert run.train(bar=False) and run.progress.step == STEPS + 3


def test_minutes_end_a_stage_by_the_clock(start, monkeypatch):
    run = start(stages=(Stage(4, batch=8, minutes=1),))
    clock = iter(np.arange(0, 1000, 5.0))
    monkeypatch.setattr(training.time, "monotonic", lambda: next(clock))
    assert run.train(bar=False)
    assert run.progress.step == 12  # 5 s a step
    assert run.progress.seconds == 60


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


LARGER = replace(
    PROJECTED,
    sizes=replace(PROJECTED.sizes, widths=(8, 6, 4), detail=True),
    stages=(Stage(16, batch=8, images=64, side=32, fade=0.5),),
    frozen=True,
    augment="crop,color",
)


def test_a_released_generator_goes_on_frozen_and_shows_the_same_scenes(start, whole, tmp_path):
    """Also with photos of other labels: it keeps its map of them."""
    released = tmp_path / "generator.safetensors"
    whole(PROJECTED).release(released, {})
    run = start(preset=LARGER, pyramid=make_pyramid(tmp_path / "others", seed=1, side=16))
    with pytest.raises(InputError, match="goes on from a generator"):
        run.train(bar=False)
    run.start_from(released)
    np.testing.assert_allclose(run.va_map.knots, whole(PROJECTED).va_map.knots, rtol=1e-6)
    z, va = torch.randn(4, 4), torch.zeros(4, 2)
    below = run.average(z, va, 1)
    with torch.no_grad():
        assert torch.equal(run.average(z, va, 2, 0.0), upsample(below))
    assert run.alpha() == 0
    before = {k: v.clone() for k, v in run.generator.state_dict().items()}
    run.save()
    assert run.train(bar=False) and run.reached == 16
    changed = {k for k, v in run.generator.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and all(k.startswith(("blocks.2.", "to_rgb.2.")) for k in changed)
    assert torch.equal(run.average(z, va, 1), below)
    off = downsample(run.average(z, va, 2)) - below
    assert off.square().mean() < 0.1 * below.var()
    again = start(preset=LARGER, pyramid=run.pyramid)
    assert again.resume() and again.started == 8 and again.progress == run.progress
    np.testing.assert_array_equal(again.va_map.knots, run.va_map.knots)


def test_a_frozen_generator_keeps_the_average_that_a_run_would_release(start, whole, tmp_path):
    photos = make_pyramid(tmp_path / "others", seed=1, side=16)
    run, other = start(preset=LARGER, pyramid=photos), whole(PROJECTED)
    run.start_from(other.folder)
    theirs = other.average.state_dict()
    assert any(not torch.equal(v, theirs[k]) for k, v in other.generator.state_dict().items())
    for network in (run.generator, run.average):
        ours = network.state_dict()
        assert all(torch.equal(ours[k], v) for k, v in theirs.items())
    head = other.critic.trained.state_dict()
    assert all(torch.equal(head[k], v) for k, v in run.critic.trained.state_dict().items())
    run.train(bar=False)
    run.release(run.folder / "larger.safetensors", {})
    released = generate.load(run.folder / "larger.safetensors")
    assert (released.resolution, released.finest) == (8, 16)


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
    with pytest.raises(Diverged, match=r"step 8: a loss is not finite .*lower learn") as caught:
        run.train(bar=False)
    assert "\n" not in str(caught.value) and "critic nan" in str(caught.value)
    again = start()
    assert again.resume() and again.progress.step == 4


def test_a_critic_that_its_penalty_does_not_hold_runs_away(start):
    """Its scores soon differ by more than the pictures do; without a penalty they are free to."""
    stages = (Stage(8, batch=8, images=4000),)
    assert start(
        "free", stages=(Stage(8, batch=8, images=2000),), gp_weight=0.0, drift=0.0, lr_critic=0.03
    ).train(bar=False)
    run = start(stages=stages, gp_weight=1e-6, drift=0.0, lr_critic=0.03)
    with pytest.raises(Diverged, match="the critic ran away, its scores") as caught:
        run.train(bar=False)
    assert "\n" not in str(caught.value) and run.progress.step < 400


def test_a_generator_that_makes_one_picture_has_collapsed(start):
    run = start(stages=(Stage(4, batch=8, images=4000),))
    with torch.no_grad():
        for conv in run.generator.to_rgb:
            conv.weight.zero_()
    run.opt_g.step = lambda *_: None
    with pytest.raises(Diverged, match="the generator collapsed, its pictures are all alike"):
        run.train(log_every=10, bar=False)
    assert run.progress.step == 10


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


def test_release_holds_the_average_in_half_precision(unbroken, tmp_path):
    card = {"what": "a test", "data": "noise"}
    unbroken.release(tmp_path / "g.safetensors", card)
    header, tensors = read_checkpoint(tmp_path / "g.safetensors", "m2l-generator")
    assert json.loads(header["card"]) == card and header["resolution"] == "8"
    knots = tensors.pop("va_knots").numpy()
    np.testing.assert_array_equal(knots, unbroken.va_map.knots)
    network = Generator(Sizes(**json.loads(header["sizes"])))
    network.load_state_dict(tensors)
    for a, b in zip(network.parameters(), unbroken.average.parameters(), strict=True):
        assert torch.equal(a, b.half().float())


def test_the_resolution_reached_is_blended_in(start):
    run = start()
    for stage, images, alpha, resolution in (
        *((0, 0, 1, 4), (1, 0, 0, 4), (1, 18, 0.5, 4), (1, 35, 35 / 36, 4), (1, 36, 1, 8)),
        (1, 72, 1, 8),
    ):
        run.progress.stage, run.progress.stage_images = stage, images
        assert run.alpha() == pytest.approx(alpha) and run.reached == resolution
    run.progress.stage = 2
    assert run.reached == 8


def test_snapshots_are_generators_along_the_last_stage(start):
    run = start(snapshots=2)
    run.train(bar=False)
    names = sorted(p.name for p in (run.folder / "snapshots").iterdir())
    assert names == ["000000088.safetensors", "000000112.safetensors"]  # 64 + 72/3, rounded up
    header, _ = read_checkpoint(run.folder / "snapshots" / names[0], "m2l-generator")
    assert json.loads(header["card"])["images"] == "88"


def test_a_run_beyond_its_photos_or_networks_is_refused(start):
    with pytest.raises(InputError, match="resolution 16"):
        start(stages=(Stage(16, images=16),), sizes=replace(TINY.sizes, widths=(4, 4, 4)))
    with pytest.raises(InputError, match="1 widths"):
        start(sizes=replace(TINY.sizes, widths=(4,)))


def test_a_run_without_training_photos_is_refused(start, tmp_path):
    with pytest.raises(InputError, match="split 'train'"):
        start(pyramid=make_pyramid(tmp_path / "none", n=2, train=0))


# -- on a GPU -------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@both
def test_captured_steps_are_the_plain_ones(pyramid, tmp_path, preset):
    runs = [Run(preset, pyramid, tmp_path / str(c), "cuda", capture=c) for c in (False, True)]
    for run in runs:
        for _ in range(16):
            run.step()
    a, b = (torch.cat([p.flatten() for p in run.generator.parameters()]) for run in runs)
    torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-3)
