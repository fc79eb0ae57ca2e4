"""Train the emotional landscape GAN, stage by stage, on whatever device there is.

Conventions
-----------
A run lives in a folder: `checkpoint.safetensors` (and the one before it), `metrics.jsonl`,
`samples/`. Everything random in a step follows from (seed, images seen), so a resumed run needs
no generator state: it repeats what the unbroken run would have done, bit for bit on a CPU where
stages are measured in epochs or images. Lengths are counted in images shown to the critic.

Several processes share each batch: all draw the same random numbers, each takes its slice, and
gradients are averaged. Losses are those of one process up to rounding. The first process writes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import time
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from tqdm import tqdm

from m2l.errors import InputError
from m2l.gan import losses
from m2l.gan.autoencoder import FACTOR
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.networks import Critic, Generator, Sizes, downsample, upsample
from m2l.gan.pictures import plane, save_grid, to_tensor, to_uint8
from m2l.results import PARAMS
from m2l.va import QuantileMap

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"
BEFORE = ".previous"  # suffix of the one before
WINDOW = 50  # steps over which a run is judged to have diverged


@dataclass(frozen=True)
class Stage:
    """One resolution of the schedule; exactly one of the three lengths is given.

    Attributes
    ----------
    resolution : side of the pictures, 4·2^stage.
    batch : images a step, a multiple of 4, the group of the critic's minibatch deviation.
    epochs, images, minutes : length of the stage, above 0.
    fade : share of the stage over which the new layers are blended in.
    """

    resolution: int
    batch: int = 16
    epochs: float | None = None
    images: int | None = None
    minutes: float | None = None
    fade: float = 0.5

    def __post_init__(self):
        lengths = [x for x in (self.epochs, self.images, self.minutes) if x is not None]
        if len(lengths) != 1 or lengths[0] <= 0:
            raise InputError(
                f"stage {self.resolution}: give one of epochs, images or minutes as its length"
            )
        if self.resolution not in (4 << i for i in range(12)):
            raise InputError(f"stage {self.resolution}: no such resolution; give 4, 8, 16, …")
        if self.batch < 4 or self.batch % 4:
            raise InputError(f"stage {self.resolution}: batch {self.batch}; give a multiple of 4")

    def progress(self, images, seconds, photos):
        """Share of the stage that is done, in [0, 1]."""
        if self.minutes is not None:
            done = seconds / (60 * self.minutes)
        else:
            done = images / (self.images if self.images is not None else self.epochs * photos)
        return min(done, 1.0)


@dataclass(frozen=True)
class Preset:
    """All settings of a run; `params/gan/*.yaml` hold the named ones.

    Attributes
    ----------
    sizes, stages : of the networks, and the schedule.
    lr, lr_critic, betas : of Adam.
    anneal : share of the last stage over which both rates fall to a tenth, for cleaner pictures.
    objective : one of `losses.OBJECTIVES`; "wgan-gp" is the published one.
    n_critic : steps of the critic to one of the generator.
    gp_weight, gp_interval : of the gradient penalty, and how many steps of the critic there are
        to one with a penalty, which then weighs as much more. Hinge and relativistic want a
        weight of 1 or so.
    afm_weight, afm_form : of affective feature matching, see `losses.affective_matching`.
    drift : weight of the drift term.
    augment : what the critic sees is changed at random by, see `losses.augment`.
    ema_images : half-life of the generator's average, in images.
    flip : mirror half of the photos.
    latents : train on the latents of an autoencoder rather than on pixels.
    photos : train on so many photos only, drawn at random.
    precision, seed : as Fabric names it, see `at_hand`; of everything random.
    """

    name: str
    sizes: Sizes
    stages: tuple[Stage, ...]
    lr: float = 1e-3
    lr_critic: float = 1e-3
    betas: tuple[float, float] = (0.0, 0.99)
    anneal: float = 0.0
    objective: str = "wgan-gp"
    n_critic: int = 1
    gp_weight: float = 10.0
    gp_interval: int = 1
    afm_weight: float = 100.0
    afm_form: str = "spatial"
    drift: float = 1e-3
    augment: str = ""
    ema_images: float = 5000.0
    flip: bool = True
    latents: bool = False
    photos: int | None = None
    precision: str = "32-true"
    seed: int = 0

    def __post_init__(self):
        for setting in ("lr", "lr_critic", "gp_weight", "afm_weight", "drift", "ema_images"):
            if isinstance(getattr(self, setting), str):
                raise InputError(f"{setting}: text; in YAML write 1.0e-3 rather than 1e-3")
        for setting, known in (
            ("afm_form", ("spatial", "channel", "image")),
            ("objective", losses.OBJECTIVES),
        ):
            if getattr(self, setting) not in known:
                raise InputError(f"{setting} '{getattr(self, setting)}': give {', '.join(known)}")
        if not set(filter(None, self.augment.split(","))) <= set(losses.POLICIES):
            raise InputError(
                f"augment '{self.augment}': give some of {', '.join(losses.POLICIES)}, joined by "
                "commas without spaces"
            )
        for setting in ("gp_interval", "n_critic"):
            if getattr(self, setting) < 1:
                raise InputError(f"{setting} {getattr(self, setting)}: give 1 or more")
        if not self.stages:
            raise InputError("stages: none; give at least one")

    @classmethod
    def load(cls, name, **changes):
        """Read a preset by name or by path, with changes as in `changed`.

        Raises
        ------
        InputError
            If there is no such preset, or it holds a setting that does not exist or cannot be.
        """
        path = preset_path(name)
        try:
            preset = cls.read({"name": path.stem} | yaml.safe_load(path.read_text()))
            return preset.changed(**changes)
        except (TypeError, KeyError, ValueError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: not a preset ({reason}); compare with paper.yaml") from error

    @classmethod
    def read(cls, values):
        """A preset from plain values, the inverse of `describe`."""
        values = dict(values)
        return cls(
            sizes=Sizes.read(values.pop("sizes")),
            stages=tuple(Stage(**stage) for stage in values.pop("stages")),
            **{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()},
        )

    def changed(self, **changes):
        """This preset with changes to single settings, of its own or of its sizes."""
        sizes = {f.name for f in fields(Sizes)} & set(changes)
        sizes = replace(self.sizes, **{name: changes.pop(name) for name in sizes})
        return replace(self, sizes=sizes, **changes)


def at_hand(precision, accelerator="auto"):
    """A precision, or whole precision in place of bfloat16 on a processor that only emulates it."""
    cpu, gpu = torch.backends.mkldnn, accelerator != "cpu" and torch.cuda.is_available()
    known = gpu or (cpu.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if precision == "bf16-mixed" and not known:
        log.warning("this processor has no bfloat16; training in whole precision, slower")
        return "32-true"
    return precision


def preset_path(name):
    """Path of a preset file, from its name or its path."""
    folders = [folder / "gan" for folder in PARAMS]
    for path in [Path(name), *(folder / f"{name}.yaml" for folder in folders)]:
        if path.is_file():
            return path
    known = sorted({p.stem for folder in folders for p in folder.glob("*.yaml")})
    raise InputError(f"preset '{name}': no such file or name; there are {', '.join(known)}")


BASELINES = ("full", "without AFM", "unconditional", "non-progressive")
"""The full model and the baselines that it is compared with."""

_CHANGES = {
    "full": {},
    "without AFM": {"afm_weight": 0.0},
    "AFM 1": {"afm_weight": 1.0},
    "AFM 10": {"afm_weight": 10.0},
    "AFM spatial": {"afm_form": "spatial"},
    "AFM image": {"afm_form": "image"},
    "unconditional": {"condition": "none"},
    "label input": {"condition": "ili"},
    "DiffAugment": {"augment": "translation,cutout"},
    "DiffAugment with colour": {"augment": "translation,cutout,color"},
    "hinge": {"objective": "hinge", "gp_weight": 1.0},
    "relativistic": {"objective": "relativistic", "gp_weight": 1.0},
    "without penalty": {"gp_weight": 0.0},
    "penalty each step": {"gp_interval": 1},
    "penalty each 16th step": {"gp_interval": 16},
    "2 critic steps": {"n_critic": 2},
    "half the learning rates": {"lr": 0.5, "lr_critic": 0.5},  # times the preset's
    "half the generator's learning rate": {"lr": 0.5},
    "smooth upsampling": {"upsampling": "bilinear"},
    "noise inputs": {"noise": True},
    "photos 500": {"photos": 500},
    "photos 1300": {"photos": 1300},
}

VARIANTS = (*_CHANGES, "non-progressive")
"""All that `variant` knows: the baselines, and the study's other questions."""


def variant(preset, name):
    """A preset changed into one of `VARIANTS`, with the same budget.

    Without progression there is one stage, the last, as long as all of them together; the
    lengths of the preset's stages must then be in one unit.
    """
    if name == "non-progressive":
        last = preset.stages[-1]
        unit = next(u for u in ("epochs", "images", "minutes") if getattr(last, u) is not None)
        lengths = [getattr(stage, unit) for stage in preset.stages]
        if None in lengths:
            raise InputError(f"preset '{preset.name}': give all stages' lengths in {unit}")
        total = sum(lengths)
        return replace(preset, stages=(replace(last, **{unit: total}, fade=0.0),))
    if name not in _CHANGES:
        raise InputError(f"variant '{name}': choose one of {', '.join(VARIANTS)}")
    changes = dict(_CHANGES[name])
    for rate in {"lr", "lr_critic"} & set(changes):
        changes[rate] *= getattr(preset, rate)
    return preset.changed(**changes)


@dataclass
class Progress:
    """Where a run stands; all that a checkpoint needs beside the tensors."""

    stage: int = 0
    images: int = 0
    stage_images: int = 0
    step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stage_seconds: float = 0.0


class Diverged(RuntimeError):
    """The losses left every useful range; the message says how."""


class Shares(DDPStrategy):
    """Processes that each take a share of every batch, with networks left as they are.

    DDP averages gradients in hooks that expect one backward pass to a forward pass. A gradient
    penalty has two, so `Run` averages them itself.
    """

    def setup_module(self, module):
        return module


@dataclass
class Run:
    """A training run in a folder.

    Parameters
    ----------
    preset : Preset
    pyramid : m2l.gan.photos.Pyramid
    folder : where checkpoints, metrics and samples go.
    accelerator : "auto", "cpu", "cuda", …, for Fabric.
    devices : processes, or GPUs, that share each batch; Fabric starts the others by running the
        program again.
    checkpoint_seconds : time between checkpoints.
    progress : where it stands.
    decoder : m2l.gan.autoencoder.Decoder, where the pyramid holds latents rather than pictures.

    Raises
    ------
    InputError
        If the photos or the networks do not reach the preset's resolution, no photo is for
        training, or a batch cannot be shared.
    """

    preset: Preset
    pyramid: object
    folder: Path
    accelerator: str = "auto"
    devices: int = 1
    checkpoint_seconds: float = 300.0
    progress: Progress = field(default_factory=Progress)
    decoder: object = None

    def __post_init__(self):
        p = self.preset
        self.folder = Path(self.folder)
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        top = max(stage.resolution for stage in p.stages)
        if top > self.pyramid.top or p.sizes.resolution(len(p.sizes.widths) - 1) < top:
            raise InputError(
                f"preset '{p.name}': resolution {top} is beyond the photos ({self.pyramid.top}) "
                f"or the networks ({len(p.sizes.widths)} widths)"
            )
        for batch in {stage.batch for stage in p.stages}:
            if batch % (4 * self.devices):
                raise InputError(
                    f"preset '{p.name}': batch {batch} cannot be shared by {self.devices} devices; "
                    f"give a multiple of {4 * self.devices}"
                )
        self.rows = self.pyramid.rows("train" if "split" in self.pyramid.table else None)
        if not len(self.rows):
            raise InputError(f"{self.pyramid.folder}: no photo of the split 'train'")
        if p.photos:
            self.rows = np.random.default_rng(p.seed).permutation(self.rows)[: p.photos]
        self.va_map = QuantileMap.fit(self.pyramid.va[self.rows])
        self.va = torch.tensor(self.va_map(self.pyramid.va), dtype=torch.float32)

        self.fabric = Fabric(
            accelerator=self.accelerator,
            devices=self.devices,
            strategy=Shares() if self.devices > 1 else "auto",
            precision=at_hand(p.precision, self.accelerator),
        )
        self.fabric.launch()
        torch.manual_seed(p.seed)
        generator, critic = Generator(p.sizes), Critic(p.sizes)
        self.average = Generator(p.sizes).requires_grad_(False)
        self.average.load_state_dict(generator.state_dict())
        self.average = self.fabric.to_device(self.average)
        adam = dict(betas=p.betas, eps=1e-8, fused=True)
        self.generator, self.opt_g = self.fabric.setup(
            generator, torch.optim.Adam(generator.parameters(), lr=p.lr, **adam)
        )
        self.critic, self.opt_d = self.fabric.setup(
            critic, torch.optim.Adam(critic.parameters(), lr=p.lr_critic, **adam)
        )
        self._order = (None, None)  # an epoch and its permutation
        self._recent = []  # figures of the steps since the last line of metrics
        self._lead, self._variety = 0.0, 1.0  # running means, for `_check`
        self._stop = False

    # -- one step ---------------------------------------------------------------------------

    def _random(self):
        return torch.Generator().manual_seed(self.preset.seed * 2**40 + self.progress.images)

    def _mine(self, batch):
        """This process's share of a batch."""
        size, rank = batch // self.fabric.world_size, self.fabric.global_rank
        return slice(rank * size, (rank + 1) * size)

    def _batch(self, stage, alpha, rng):
        """This share of the stage's real images, blended as the generator's are, and their va."""
        n, mine = stage.batch, self._mine(stage.batch)
        # Each epoch is its own permutation of the photos, so none is seen twice before all once.
        epoch, place = np.divmod(self.progress.images + np.arange(n), len(self.rows))
        order = np.concatenate([self._epoch(e)[place[epoch == e]] for e in np.unique(epoch)])
        # In this order, not sorted: corpora lie scene by scene, and the critic's minibatch
        # deviation compares neighbours in the batch.
        rows = self.rows[order][mine]
        x, va = to_tensor(self.pyramid.array(stage.resolution)[rows]), self.va[rows]
        if self.preset.flip:
            flip = torch.rand(n, generator=rng)[mine] < 0.5
            x[flip] = x[flip].flip(3)
        if alpha < 1:
            x = torch.lerp(upsample(downsample(x)), x, alpha)
        return self.fabric.to_device(x), self.fabric.to_device(va)

    def _epoch(self, epoch):
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.preset.seed, int(epoch)])
            self._order = (epoch, rng.permutation(len(self.rows)))
        return self._order[1]

    def step(self):
        """Update the critic, then, each n_critic-th time, the generator. Returns figures."""
        p, at = self.preset, self.progress
        stage = p.stages[at.stage]
        level, alpha = p.sizes.stage(stage.resolution), self.alpha()
        rng = self._random()
        self._anneal()
        real, va = self._batch(stage, alpha, rng)
        n = len(real)

        def draw(*shape, of=torch.randn):
            """Random numbers for each image of this share."""
            return self.fabric.to_device(
                of(stage.batch, *shape, generator=rng)[self._mine(stage.batch)]
            )

        self.critic.requires_grad_(True)
        turn = (at.step + 1) % p.n_critic == 0  # the generator's; it learns from the same images
        with torch.set_grad_enabled(turn):
            fake = self.generator(draw(p.sizes.z), va, level, alpha, draw)
        # A pair is changed alike, so that its emotion maps can be compared.
        u = draw(7, of=torch.rand) if p.augment else None
        seen, seen_fake = (losses.augment(x, p.augment, u) for x in (real, fake))
        both, va2 = torch.cat([seen, seen_fake.detach()]), torch.cat([va, va])
        # Real and generated in one pass: half the overhead of two.
        score, _ = self.critic(both, va2, level, alpha, gates=False)
        loss = losses.critic_loss(score[:n], score[n:], p.objective)
        total = loss + p.drift * losses.drift(score[:n])
        penalty = None
        if at.step % p.gp_interval == 0:
            # Around Fabric, in whole precision, where gradients of gradients would leave the range
            # of half; bfloat16 has the range of float32.
            critic = self.critic.module
            bf16 = p.precision == "bf16-mixed"
            with self.fabric.autocast() if bf16 else contextlib.nullcontext():
                if p.objective == "wgan-gp":
                    mix = draw(1, 1, 1, of=torch.rand)
                    penalty = losses.gradient_penalty(
                        lambda x: critic(x, va, level, alpha)[0].float(), both[:n], both[n:], mix
                    )
                else:
                    penalty = losses.zero_penalty(
                        lambda x: critic(x, va2, level, alpha)[0].float(), both[:n], both[n:]
                    )
            total = total + p.gp_interval * p.gp_weight * penalty
        self._descend(total, self.critic, self.opt_d)
        figures = {
            "resolution": stage.resolution,
            "alpha": alpha,
            "critic": loss.item(),
            "gap": (score[:n].mean() - score[n:].mean()).item(),
            "distance": (both[:n] - both[n:]).flatten(1).norm(dim=1).mean().item(),
            "penalty": None if penalty is None else penalty.item(),
            "generator": None,
            "afm": None,
            "diversity": (fake.detach().std(0).mean() / real.std(0).mean()).item(),
        }
        if turn:
            self.critic.requires_grad_(False)
            figures |= self._generator_step(seen, seen_fake, va, level, alpha)
        at.step += 1
        at.images += stage.batch
        at.stage_images += stage.batch
        return figures

    def _anneal(self):
        p = self.preset
        if p.anneal and self.progress.stage == len(p.stages) - 1:
            left = min(1.0, (1 - self._done()) / p.anneal)
            for opt, rate in ((self.opt_g, p.lr), (self.opt_d, p.lr_critic)):
                for group in opt.param_groups:
                    group["lr"] = rate * (0.1 + 0.9 * left)

    def _generator_step(self, real, fake, va, level, alpha):
        p = self.preset
        score, maps = self.critic(fake, va, level, alpha)
        real_score, real_maps = None, None
        if (p.afm_weight and maps) or p.objective == "relativistic":
            with torch.no_grad():
                real_score, real_maps = self.critic(real, va, level, alpha)
        loss = total = losses.generator_loss(score, real_score, p.objective)
        afm = torch.zeros(())
        if p.afm_weight and maps:
            afm = losses.affective_matching(maps, real_maps, p.afm_form, self._whole)
            total = loss + p.afm_weight * afm
        self._descend(total, self.generator, self.opt_g)
        self._update_average(p.stages[self.progress.stage].batch * p.n_critic)
        return {"generator": loss.item(), "afm": afm.item()}

    def _descend(self, total, network, optimiser):
        """One step down the gradient of all processes' mean total."""
        optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        if self.fabric.world_size > 1:
            gradients = [x.grad for x in network.parameters() if x.grad is not None]
            flat = parameters_to_vector(gradients)
            vector_to_parameters(self.fabric.all_reduce(flat, reduce_op="mean"), gradients)
        optimiser.step()

    def _whole(self, mean):
        """All processes' mean, from this share's; its gradients' mean is the mean's gradient."""
        if self.fabric.world_size == 1:
            return mean
        here = mean.detach()
        return mean + self.fabric.all_reduce(here.clone(), reduce_op="mean") - here

    def _agree(self, figures, seconds):
        """Figures, seconds and the wish to stop, the same in all processes."""
        if self.fabric.world_size == 1:
            return figures, seconds, self._stop
        taken = [k for k, v in figures.items() if v is not None]
        values = torch.tensor([*(figures[k] for k in taken), seconds, self._stop]).double()
        *values, seconds, stop = self.fabric.all_reduce(values, reduce_op="mean").tolist()
        return figures | dict(zip(taken, values, strict=True)), seconds, stop > 0

    @torch.no_grad()
    def _update_average(self, n):
        # A shorter memory at the start lets early, poor weights be forgotten.
        halflife = min(self.preset.ema_images, 0.05 * (self.progress.images + n))
        keep = 0.5 ** (n / max(halflife, 1e-8))
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.generator.parameters()), 1 - keep
        )

    def alpha(self):
        """How far the current stage's new layers are blended in, in [0, 1]."""
        stage = self.preset.stages[self.progress.stage]
        if self.progress.stage == 0 or stage.fade == 0:
            return 1.0
        return min(self._done() / stage.fade, 1.0)

    @property
    def reached(self):
        """Resolution of the last stage whose layers are blended in wholly."""
        at, stages = self.progress, self.preset.stages
        whole = at.stage < len(stages) and self.alpha() >= 1
        return stages[at.stage - 1 + whole].resolution

    # -- the run ----------------------------------------------------------------------------

    def train(self, log_every=50, bar=None):
        """Run to the schedule's end, to Ctrl-C or SIGTERM, or to divergence.

        The first Ctrl-C ends the step and saves; a second one interrupts at once.

        Parameters
        ----------
        log_every : steps to a line of metrics; the end of a stage writes one too.
        bar : whether to show progress; by default only on a terminal.

        Returns
        -------
        bool
            True when the schedule is complete; False when the run was interrupted and can be
            resumed.

        Raises
        ------
        Diverged
            With the last checkpoint kept.
        """
        p, at = self.preset, self.progress
        self._stop = stopped = False
        saved = time.monotonic()
        writes = self.fabric.is_global_zero
        if writes:
            self._rewind_metrics()
        metrics = self.folder / "metrics.jsonl" if writes else os.devnull
        with self._signals(), open(metrics, "a") as out:
            while at.stage < len(p.stages):
                stage = p.stages[at.stage]
                done = self._done()
                with tqdm(
                    total=100,
                    initial=100 * done,
                    desc=f"{stage.resolution}×{stage.resolution}",
                    disable=not writes or (None if bar is None else not bar),
                    bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
                ) as shown:
                    while done < 1 and not stopped:
                        start, cpu = time.monotonic(), time.process_time()
                        figures = self.step()
                        took = time.monotonic() - start
                        at.cpu_seconds += time.process_time() - cpu
                        figures, took, stopped = self._agree(figures, took)
                        at.seconds += took
                        at.stage_seconds += took
                        self._check(figures)
                        self._recent.append(figures)
                        if at.step % log_every == 0:
                            shown.set_postfix_str(self._told(self._log(out)))
                        done = self._done()
                        shown.update(100 * done - shown.n)
                        if time.monotonic() - saved > self.checkpoint_seconds:
                            self.save()
                            saved = time.monotonic()
                if stopped:
                    self.save()
                    return False
                if self._recent:
                    self._log(out)
                self.grid()
                at.stage += 1
                if at.stage < len(p.stages):  # of the last, how far it came is kept
                    at.stage_images, at.stage_seconds = 0, 0.0
                self.save()
        return True

    def _done(self):
        """Share of the current stage that is done."""
        at, stage = self.progress, self.preset.stages[self.progress.stage]
        return stage.progress(at.stage_images, at.stage_seconds, len(self.rows))

    def _log(self, out):
        """Write a line of metrics: means since the line before; the penalty's where taken."""
        at, recent = self.progress, self._recent
        line = {
            "step": at.step,
            "images": at.images,
            "stage": at.stage,
            "seconds": round(at.seconds, 2),
        }
        for key in recent[0]:
            values = [f[key] for f in recent if f[key] is not None]
            line[key] = float(np.mean(values)) if values else None
        line |= {k: recent[-1][k] for k in ("resolution", "alpha")}
        self._recent = []
        out.write(json.dumps(line) + "\n")
        out.flush()
        return line

    def _told(self, line):
        at = self.progress
        shown = {"critic": "+.2f", "generator": "+.2f", "afm": ".3f"}
        told = " ".join(f"{k} {line[k]:{f}}" for k, f in shown.items() if line[k] is not None)
        rate = at.stage_images / at.stage_seconds
        return f"alpha {line['alpha']:.2f} {told} {rate:.0f} images/s"

    def _rewind_metrics(self):
        """Drop lines of steps after this one: a run that was killed will take them again."""
        path = self.folder / "metrics.jsonl"
        kept = []
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                if json.loads(line)["step"] <= self.progress.step:
                    kept.append(line + "\n")
            except json.JSONDecodeError:  # the last line, cut short
                break
        scratch = path.with_suffix(".writing")
        scratch.write_text("".join(kept))
        os.replace(scratch, path)

    def _check(self, figures):
        """Stop a run that learns nothing any more, rather than let it waste a night.

        A critic whose gradient norm is 1 cannot score two pictures farther apart than they are.
        """
        if not all(math.isfinite(v) for v in figures.values() if v is not None):
            self._diverged("a loss is not finite", figures)
        self._lead += (figures["gap"] / (figures["distance"] + 1e-8) - self._lead) / WINDOW
        self._variety += (figures["diversity"] - self._variety) / WINDOW
        if self._lead > (1 if self.preset.objective == "wgan-gp" else 10):
            self._diverged(
                f"the critic ran away, its scores of real and of generated pictures "
                f"{figures['gap']:.3g} apart, the pictures {figures['distance']:.3g}",
                figures,
            )
        if self._variety < 0.02:
            self._diverged("the generator collapsed, its pictures are all alike", figures)

    def _diverged(self, how, figures):
        shown = ", ".join(
            f"{k} {figures[k]:.3g}"
            for k in ("critic", "generator", "penalty", "afm", "diversity")
            if figures.get(k) is not None
        )
        raise Diverged(
            f"step {self.progress.step}: {how} ({shown}); the run has diverged. The last good "
            f"checkpoint, if any, is in {self.folder}; resume from it with a lower learning rate, "
            "a smaller AFM weight or afm_form channel, or a penalty at each step"
        )

    @contextlib.contextmanager
    def _signals(self):
        def stop(signum, frame):
            self._stop = True
            signal.signal(signum, before[signum])  # a second one does what it always does

        before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            for s in before:
                signal.signal(s, stop)
        except ValueError:  # not the main thread, as in a notebook's executor
            before = {}
        try:
            yield
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)

    @torch.no_grad()
    def sample(self, z, va, level=None, alpha=1.0):
        """Images (N, R, R, 3) uint8 from the averaged generator; va in [-1, 1]."""
        device = next(self.average.parameters()).device
        x = self.average(z.to(device), va.to(device), level, alpha)
        return to_uint8(x if self.decoder is None else self.decoder.to(device)(x))

    def side(self, resolution):
        """Side of the pictures that a stage of this resolution paints, in pixels."""
        return resolution * (1 if self.decoder is None else FACTOR)

    def grid(self):
        """Write this stage's two pictures: 7×7 over the plane on one seed, and 7×7 seeds."""
        if not self.fabric.is_global_zero:
            return
        resolution = self.preset.stages[self.progress.stage].resolution
        level = self.preset.sizes.stage(resolution)
        rng = torch.Generator().manual_seed(1)
        z = torch.randn(49, self.preset.sizes.z, generator=rng)
        picture = f"{self.progress.stage}-{self.side(resolution)}"
        for name, noise, va in (
            ("plane", z[:1].expand(49, -1), plane(7)),
            ("seeds", z, torch.rand(49, 2, generator=rng) * 2 - 1),
        ):
            save_grid(
                self.sample(noise, va, level, self.alpha()),
                self.folder / "samples" / f"{picture}-{name}.png",
            )

    # -- checkpoints ------------------------------------------------------------------------

    @property
    def checkpoint(self):
        return self.folder / CHECKPOINT

    def save(self):
        """Write a checkpoint; the one before it stays beside it until the next.

        Raises
        ------
        Diverged
            If a tensor is not finite; nothing is written then.
        """
        tensors = {"va_knots": torch.tensor(self.va_map.knots)}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{k}": v for k, v in module.state_dict().items()}
        for name, opt in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
            for index, state in opt.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{k}": v for k, v in state.items()}
        for name, tensor in tensors.items():
            if not tensor.isfinite().all():
                self._diverged(f"{name} is not finite", self._recent[-1] if self._recent else {})
        if not self.fabric.is_global_zero:
            return
        header = {
            "format": "m2l-run",
            "preset": json.dumps(describe(self.preset)),
            "progress": json.dumps(asdict(self.progress)),
            "recent": json.dumps(self._recent),
        }
        scratch = self.checkpoint.with_suffix(".writing")
        write_checkpoint(scratch, tensors, header)
        if self.checkpoint.exists():
            os.replace(self.checkpoint, self.checkpoint.with_suffix(BEFORE))
        os.replace(scratch, self.checkpoint)

    def resume(self, found=None):
        """Continue from the newest checkpoint that reads; False if the folder has none.

        Parameters
        ----------
        found : what `newest` gave, where it has been read already.

        Raises
        ------
        InputError
            If checkpoints exist but none can be used, or they belong to other network sizes or
            other photos. Every other setting may change.
        """
        found = found or newest(self.folder)
        if not found:
            return False
        path, header, tensors = found
        if recorded(header).sizes != self.preset.sizes:
            raise InputError(
                f"{path}: made with other network sizes than preset '{self.preset.name}'; "
                "choose its preset, or another folder"
            )
        if not np.allclose(tensors["va_knots"].numpy(), self.va_map.knots, atol=1e-4):
            raise InputError(
                f"{path}: made with photos of other labels; choose the same, or another folder"
            )
        self._restore(json.loads(header["progress"]), tensors)
        self._recent = json.loads(header.get("recent", "[]"))
        return True

    def start_from(self, folder):
        """Take over the networks of another run; optimisers and schedule begin anew.

        Stages that the other run does not have keep their fresh weights.

        Raises
        ------
        InputError
            If there is no checkpoint, or its sizes are not those of this run's first stages.
        """
        found = newest(folder)
        if not found:
            raise InputError(f"{folder}: no checkpoint here; name the folder of a run")
        path, header, tensors = found
        theirs, ours = recorded(header).sizes, self.preset.sizes
        if theirs != replace(ours, widths=ours.widths[: len(theirs.widths)]):
            raise InputError(
                f"{path}: its networks, {theirs.widths}, are no beginning of preset "
                f"'{self.preset.name}', {ours.widths}; choose another"
            )
        for name, module in self._modules().items():
            module.load_state_dict(_under(tensors, name), strict=False)

    def _modules(self):
        return {"generator": self.generator, "critic": self.critic, "average": self.average}

    def _go_on(self, progress):
        """Stand where a run stood; one that had ended goes on if its last stage is longer now."""
        self.progress = progress
        if progress.stage == len(self.preset.stages):
            progress.stage -= 1
            progress.stage += self._done() >= 1

    def _restore(self, progress, tensors):
        self._go_on(replace(Progress(), **progress))
        for name, module in self._modules().items():
            module.load_state_dict(_under(tensors, name))
        for name, opt in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
            state = {}
            for key, value in _under(tensors, name).items():
                index, what = key.split(".", 1)
                state.setdefault(int(index), {})[what] = value
            opt.load_state_dict({"state": state, "param_groups": opt.state_dict()["param_groups"]})

    def save_critic(self, path):
        """Write the critic and where the run stands; with the released generator, `warm` needs no
        more."""
        header = {
            "format": "m2l-critic",
            "sizes": json.dumps(self.preset.sizes.asdict()),
            "progress": json.dumps(asdict(self.progress)),
        }
        write_checkpoint(path, self.critic.state_dict(), header)

    def warm(self, generator, critic):
        """Go on from released weights, where the checkpoint of their run is lost.

        The averaged generator takes the place of the one that was trained, and the optimisers
        begin anew; their memory is a hundred steps long.

        Parameters
        ----------
        generator : file written by `release`
        critic : file written by `save_critic` at the same time

        Raises
        ------
        InputError
            If a file is missing, damaged, of another kind or of other sizes.
        """
        _, averaged = read_checkpoint(generator, "m2l-generator")
        header, scores = read_checkpoint(critic, "m2l-critic")
        averaged = {k: v for k, v in averaged.items() if not k.startswith(("decoder.", "va_knots"))}
        try:
            for module, tensors in (
                (self.generator, averaged),
                (self.average, averaged),
                (self.critic, scores),
            ):
                module.load_state_dict(tensors)
            self._go_on(Progress(**json.loads(header["progress"])))
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{generator}, {critic}: not of the sizes of preset '{self.preset.name}'; choose "
                "the preset that they were trained with"
            ) from error

    def release(self, path, card):
        """Write the averaged generator alone, with its va map and a card, for `m2l.generate`.

        Its resolution is the side of the pictures at `reached`.

        Parameters
        ----------
        path : where to, .safetensors.
        card : dict of text, kept in the file's header.
        """
        tensors = self.average.state_dict() | {"va_knots": torch.tensor(self.va_map.knots)}
        header = {
            "format": "m2l-generator",
            "sizes": json.dumps(self.preset.sizes.asdict()),
            "resolution": str(self.side(self.reached)),
            "card": json.dumps(card),
        }
        if self.decoder is not None:
            tensors |= {f"decoder.{k}": v for k, v in self.decoder.state_dict().items()}
            header["decoder"] = json.dumps(asdict(self.decoder.shape))
        write_checkpoint(path, tensors, header)


def _under(tensors, name):
    return {k[len(name) + 1 :]: v for k, v in tensors.items() if k.startswith(name + ".")}


def describe(preset):
    """A preset as plain values, for JSON."""
    return asdict(preset) | {"sizes": preset.sizes.asdict()}


def recorded(header):
    """The preset that a run's checkpoint was made with."""
    return Preset.read(json.loads(header["preset"]))


def newest(folder):
    """Path, header and tensors of a run's newest checkpoint that reads; None if it has none.

    Raises
    ------
    InputError
        If none of the checkpoints reads. One that does not is logged where another does.
    """
    path, problem = Path(folder) / CHECKPOINT, None
    for candidate in filter(Path.exists, (path, path.with_suffix(BEFORE))):
        try:
            return candidate, *read_checkpoint(candidate)
        except InputError as error:
            log.warning("%s", error)
            problem = error
    if problem:
        raise problem
    return None
