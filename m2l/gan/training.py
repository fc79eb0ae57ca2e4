"""Train the emotional landscape GAN, stage by stage, on whatever device there is.

Conventions
-----------
A run lives in a folder: `checkpoint.safetensors` (and the one before it), `metrics.jsonl`,
`samples/`, `snapshots/`. Everything random in a step follows from (seed, images seen), so a resumed
run needs no generator state: it repeats what the unbroken run would have done, bit for bit on a CPU
where stages are measured in epochs or images. Lengths are counted in images shown to the critic.

Nothing in a step waits for the device. Photos, random numbers and figures live there, figures are
read once in `log_every` steps, and a CUDA device repeats each kind of step from a captured graph.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import signal
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from m2l.doors import settings
from m2l.errors import InputError
from m2l.gan import losses
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.gan.networks import Generator, Sizes, blend, downsample, upsample
from m2l.gan.pictures import plane, save_grid, to_uint8
from m2l.gan.presets import Preset
from m2l.va import QuantileMap

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"
BEFORE = ".previous"  # suffix of the one before
EAGER = 2  # steps of each kind that a CUDA device takes before the kind is captured
FIGURES = ("critic", "gap", "distance", "penalty", "generator", "afm", "reading", "diversity")
SHOWN = ("alpha", "critic", "generator", "afm", "diversity")  # of them, beside the progress


def at_hand(precision, accelerator="auto"):
    """A precision, or whole precision in place of bfloat16 on a processor that only emulates it."""
    cpu, gpu = torch.backends.mkldnn, accelerator != "cpu" and torch.cuda.is_available()
    known = gpu or (cpu.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if precision == "bf16-mixed" and not known:
        log.warning("this processor has no bfloat16; training in whole precision, slower")
        return "32-true"
    return precision


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


@dataclass
class Run:
    """A training run in a folder.

    Parameters
    ----------
    preset : Preset
    pyramid : m2l.gan.photos.Pyramid
    folder : where checkpoints, metrics and samples go.
    accelerator : "auto", "cpu", "cuda", …, for Fabric.
    checkpoint_seconds : time between checkpoints.
    progress : where it stands.
    capture : repeat steps from graphs on a CUDA device.

    Raises
    ------
    InputError
        If the photos or the networks do not reach the preset's resolution, no photo is for
        training.
    """

    preset: Preset
    pyramid: object
    folder: Path
    accelerator: str = "auto"
    checkpoint_seconds: float = 300.0
    progress: Progress = field(default_factory=Progress)
    capture: bool = True

    def __post_init__(self):
        p = self.preset
        self.folder = Path(self.folder)
        self.checkpoint = self.folder / CHECKPOINT
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        top = max(stage.resolution for stage in p.stages)
        if top > self.pyramid.top or p.sizes.resolution(len(p.sizes.widths) - 1) < top:
            raise InputError(
                f"preset '{p.name}': resolution {top} is beyond the photos ({self.pyramid.top}) "
                f"or the networks ({len(p.sizes.widths)} widths)"
            )
        self.rows = self.pyramid.rows("train" if "split" in self.pyramid.table else None)
        if not len(self.rows):
            raise InputError(f"{self.pyramid.folder}: no photo of the split 'train'")
        if p.photos:
            self.rows = np.random.default_rng(p.seed).permutation(self.rows)[: p.photos]
        self.fabric = Fabric(
            accelerator=self.accelerator,
            devices=1,
            precision=at_hand(p.precision, self.accelerator),
        )
        self.device = self.fabric.device
        torch.manual_seed(p.seed)
        generator, critic = p.networks()
        if p.frozen:
            generator.requires_grad_(False)
            generator.blocks[-1].requires_grad_(True)
            generator.to_rgb[-1].requires_grad_(True)
        average = Generator(p.sizes).requires_grad_(False)
        average.load_state_dict(generator.state_dict())
        self.generator, self.critic, self.average = (
            self.fabric.to_device(net) for net in (generator, critic, average)
        )
        cuda = self.device.type == "cuda"
        self.opt_g, self.opt_d = (
            torch.optim.Adam(
                net.parameters(),
                # A graph reads the rate off the device.
                lr=torch.tensor(rate, device=self.device) if cuda else rate,
                betas=p.betas,
                eps=1e-8,
                fused=True,
                capturable=cuda,
            )
            for net, rate in ((self.generator, p.lr), (self.critic.trained, p.lr_critic))
        )
        self._label(QuantileMap.fit(self.pyramid.va[self.rows]))
        self.rng = torch.Generator(self.device)
        self._alpha, self._keep = (torch.zeros((), device=self.device) for _ in range(2))
        self._pixels = self._rows = None  # of the stage at hand: the photos, and those of a batch
        self._graphs = {}  # kind of step: how often it was taken, then its graph
        self._order = (None, None)  # an epoch and its permutation
        self.started = 0  # the resolution that it began with, if not with fresh weights
        self._sums = torch.zeros(len(FIGURES), device=self.device)  # since the last line of metrics
        self._counts = np.zeros(len(FIGURES), int)
        self._stop = False

    def _label(self, va_map):
        """Let the networks see labels through a map."""
        self.va_map = va_map
        self.va = self._there(va_map(self.pyramid.va))

    def _there(self, values, dtype=torch.float32):
        return torch.as_tensor(values, dtype=dtype).to(self.device)

    # -- one step ---------------------------------------------------------------------------

    def _stage(self):
        """The stage at hand, its photos on the device."""
        stage = self.preset.stages[self.progress.stage]
        if self._pixels is None:
            pixels = torch.from_numpy(self.pyramid.array(stage.resolution))
            self._pixels = pixels.to(self.device)  # uint8 (N, R, R, 3)
            self._rows = torch.zeros(stage.batch, dtype=torch.long, device=self.device)
            last = stage is self.preset.stages[-1]
            if self.preset.compiled and last and self.device.type == "cuda":
                self._compile(stage)
        return stage

    def _compile(self, stage):
        """Fuse what lies between the convolutions where features are large."""
        torch._dynamo.config.recompile_limit = 64  # one a block and way of calling it
        level = self.preset.sizes.stage(stage.resolution)
        large = list(self.generator.blocks[max(level - 2, 0) : level + 1])
        if self.preset.heads is not None:
            large += [head.eru for head in self.critic.heads[:2]]
        for module in large:
            module.forward = torch.compile(module.forward, dynamic=False)

    def _draw_rows(self, batch):
        # Each epoch is its own permutation of the photos, so none is seen twice before all once.
        # In its order, not sorted: corpora lie scene by scene, and the critic's minibatch
        # deviation compares neighbours in the batch.
        at, done = self.progress.images, 0
        while done < batch:
            epoch, place = divmod(at + done, len(self.rows))
            part = self._epoch(epoch)[place : place + batch - done]
            self._rows[done : done + len(part)] = part
            done += len(part)

    def _epoch(self, epoch):
        if self._order[0] != epoch:
            rng = np.random.default_rng([self.preset.seed, epoch])
            self._order = (epoch, self._there(rng.permutation(self.rows), torch.long))
        return self._order[1]

    def step(self):
        """Update the critic, then the generator."""
        p, at, stage = self.preset, self.progress, self._stage()
        alpha = self.alpha()
        kind = (alpha < 1, at.step % p.gp_interval == 0)
        self._anneal()
        self._alpha.fill_(alpha)
        # A shorter memory at the start lets early, poor weights be forgotten.
        halflife = min(p.ema_images, 0.05 * (at.images + stage.batch))
        self._keep.fill_(0.5 ** (stage.batch / max(halflife, 1e-8)))
        self._draw_rows(stage.batch)
        self._seed()
        if self.device.type == "cuda" and self.capture:
            self._repeat(stage, kind)
        else:
            self._update(stage, kind)
        self._counts += [self._taken(name, kind) for name in FIGURES]
        at.step += 1
        at.images += stage.batch
        at.stage_images += stage.batch

    def _seed(self):
        self.rng.manual_seed(self.preset.seed * 2**40 + self.progress.images)

    def _taken(self, figure, kind):
        """Whether a kind of step gives a figure."""
        p = self.preset
        if figure == "penalty":
            return kind[1] and p.gp_weight > 0
        if figure == "reading":
            return p.heads is not None and p.reading_weight > 0 and p.sizes.conditional
        return True

    def _repeat(self, stage, kind):
        """A step from its graph, which is captured after a few steps taken as on a CPU.

        Launched one by one from Python, the kernels of a step leave a fast device idle.
        """
        taken = self._graphs.get(kind, 0)
        if isinstance(taken, int):
            if taken < EAGER:
                stream, here = torch.cuda.Stream(), torch.cuda.current_stream()
                stream.wait_stream(here)
                with torch.cuda.stream(stream):
                    self._update(stage, kind)
                here.wait_stream(stream)
                self._graphs[kind] = taken + 1
                return
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.rng)
            self.opt_g.zero_grad(set_to_none=True)
            self.opt_d.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                self._update(stage, kind)
            self._graphs[kind] = graph
            self._seed()
        self._graphs[kind].replay()

    def _update(self, stage, kind):
        """One step, on the device alone: inputs are `_rows`, `_alpha`, `_keep`, rates and `rng`."""
        p, n = self.preset, stage.batch
        fading, penal = kind
        level, alpha = p.sizes.stage(stage.resolution), self._alpha if fading else None

        def draw(*shape, of=torch.randn):
            """Random numbers for each image of the batch."""
            return of(n, *shape, generator=self.rng, device=self.device)

        real, va = self._real(alpha, draw), self.va[self._rows]
        autocast = self.fabric.autocast()
        self.critic.trained.requires_grad_(True)
        with autocast:
            # The generator learns from the same images as the critic.
            fake = self.generator(draw(p.sizes.z), va, level, alpha, draw)
            # A pair is changed alike, so that its emotion maps can be compared.
            u = draw(7, of=torch.rand) if p.augment else None
            seen_fake = self.critic.look(losses.augment(fake, p.augment, u), stage.side)
            with torch.no_grad():
                seen = self.critic.look(losses.augment(real, p.augment, u), stage.side)
            # Real and generated in one pass: half the overhead of two.
            both, va2 = (
                [torch.cat([r, f.detach()]) for r, f in zip(seen, seen_fake, strict=True)],
                va.repeat(2, 1),
            )
            scores, _, read = self.critic.judge(both, va2, level, alpha, gates=False)
            scores = [s.float() for s in scores]
            pairs = [(s[:n], s[n:]) for s in scores]
            loss = sum(losses.critic_loss(r, f, p.objective) for r, f in pairs)
            total = loss + p.drift * sum(losses.drift(r) for r, _ in pairs)
            reading = penalty = loss.new_zeros(())
            if read is not None and p.reading_weight:
                reading = (read[:n] - va).square().mean()
                total = total + reading
            if penal and p.gp_weight:
                penalty = self._penalty(both[0], va, level, alpha, draw)
                total = total + p.gp_interval * p.gp_weight * penalty
        self._descend(total, self.opt_d)
        self.critic.trained.requires_grad_(False)
        with autocast:
            made, afm, total = self._generator_loss(seen, seen_fake, va, level, alpha)
        self._descend(total, self.opt_g)
        self._update_average()
        with torch.no_grad():
            gap = sum(r.mean() - f.mean() for r, f in pairs)
            distance = (real - fake).flatten(1).norm(dim=1).mean()
            diversity = fake.std(0).mean() / real.std(0).mean()
            figures = (loss, gap, distance, penalty, made, afm, reading, diversity)
            self._sums += torch.stack([f.detach().float() for f in figures])

    def _real(self, alpha, draw):
        """The batch's photos (N, 3, R, R), mirrored by chance, blended as the generator's are."""
        x = self._pixels[self._rows].permute(0, 3, 1, 2).float() / 127.5 - 1
        x = torch.where(draw(1, 1, 1, of=torch.rand) < 0.5, x.flip(3), x)
        return x if alpha is None else blend(upsample(downsample(x)), x, alpha)

    def _penalty(self, both, va, level, alpha, draw):
        n, mix = len(va), draw(1, 1, 1, of=torch.rand)
        return losses.gradient_penalty(
            lambda x: self.critic(x, va, level, alpha)[0].float(), both[:n], both[n:], mix
        )

    def _anneal(self):
        p = self.preset
        if p.anneal and self.progress.stage == len(p.stages) - 1:
            share = 0.05 + 0.95 * min(1.0, (1 - self._done()) / p.anneal)
            for opt, rate in ((self.opt_g, p.lr), (self.opt_d, p.lr_critic)):
                for group in opt.param_groups:
                    if torch.is_tensor(group["lr"]):
                        group["lr"].fill_(rate * share)
                    else:
                        group["lr"] = rate * share

    def _generator_loss(self, real, fake, va, level, alpha):
        """Adversarial loss, affective matching, and all that the generator minimises."""
        p = self.preset
        # The norms of its weights are those of the critic's own step.
        self.critic.eval()
        scores, maps, read = self.critic.judge(fake, va, level, alpha)
        loss = sum(losses.generator_loss(score.float()) for score in scores)
        total, afm = loss, loss.new_zeros(())
        if p.afm_weight and maps:
            with torch.no_grad():
                real_maps = self.critic.gates(real, va, level, alpha)
            afm = losses.affective_matching(maps, real_maps, p.afm_form)
            total = total + p.afm_weight * afm
        self.critic.train()
        if p.reading_weight and read is not None:
            total = total + p.reading_weight * (read - va).square().mean()
        return loss, afm, total

    def _descend(self, total, optimiser):
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        optimiser.step()

    @torch.no_grad()
    def _update_average(self):
        average, now = list(self.average.parameters()), list(self.generator.parameters())
        towards = torch._foreach_sub(now, average)
        torch._foreach_mul_(towards, 1 - self._keep)
        torch._foreach_add_(average, towards)

    def alpha(self):
        """How far the current stage's new layers are blended in, in [0, 1]."""
        stage = self.preset.stages[self.progress.stage]
        known = self.started or self.preset.stages[0].resolution  # nothing is below it, or itself
        if stage.resolution <= known or stage.fade == 0:
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
        if p.frozen and not self.started:
            raise InputError(
                f"preset '{p.name}' goes on from a generator; name one, or a run, by --start"
            )
        self._stop = False
        saved = time.monotonic()
        self._rewind_metrics()
        with self._signals(), open(self.folder / "metrics.jsonl", "a") as out:
            while at.stage < len(p.stages):
                stage = self._stage()
                done = self._done()
                with tqdm(
                    total=100,
                    initial=100 * done,
                    desc=f"{stage.resolution}×{stage.resolution}",
                    disable=None if bar is None else not bar,
                    bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
                ) as shown:
                    while done < 1 and not self._stop:
                        start, cpu = time.monotonic(), time.process_time()
                        self.step()
                        if at.step % log_every == 0:
                            line = self._log(out)
                            shown.set_postfix({k: line[k] for k in SHOWN})
                        took = time.monotonic() - start
                        at.cpu_seconds += time.process_time() - cpu
                        at.seconds += took
                        at.stage_seconds += took
                        before, done = done, self._done()
                        shown.update(100 * done - shown.n)
                        self._snapshot(before, done)
                        if time.monotonic() - saved > self.checkpoint_seconds:
                            self.save()
                            saved = time.monotonic()
                if self._stop:
                    self.save()
                    return False
                if self._counts.any():
                    self._log(out)
                self.grid()
                at.stage += 1
                self._pixels, self._graphs = None, {}
                if at.stage < len(p.stages):  # of the last, how far it came is kept
                    at.stage_images, at.stage_seconds = 0, 0.0
                self.save()
        return True

    def _done(self):
        """Share of the current stage that is done."""
        at, stage = self.progress, self.preset.stages[self.progress.stage]
        return stage.progress(at.stage_images, at.stage_seconds, len(self.rows))

    def _snapshot(self, before, done):
        """Keep the average where a share of the last stage ends; the end itself is released."""
        parts = self.preset.snapshots + 1
        last = self.progress.stage == len(self.preset.stages) - 1
        if last and int(before * parts) < int(done * parts) < parts:
            name = f"{self.progress.images:09d}.safetensors"
            card = {"images": str(self.progress.images), "seconds": f"{self.progress.seconds:.0f}"}
            self.release(self.folder / "snapshots" / name, card)

    def _log(self, out):
        """Write a line of metrics: means since the line before, where a figure was taken."""
        at = self.progress
        taken = zip(FIGURES, self._sums.tolist(), self._counts, strict=True)
        figures = {k: total / int(n) if n else None for k, total, n in taken}
        self._sums.zero_()
        self._counts[:] = 0
        line = {
            "step": at.step,
            "images": at.images,
            "stage": at.stage,
            "seconds": round(at.seconds, 2),
            **figures,
            "resolution": self.preset.stages[at.stage].resolution,
            "alpha": self.alpha(),
        }
        self._check(figures)
        out.write(json.dumps(line) + "\n")
        out.flush()
        return line

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

        A critic whose gradient norm is 1 cannot score two pictures farther apart than they are;
        one without the penalty can, and may.
        """
        if not all(math.isfinite(v) for v in figures.values() if v is not None):
            self._diverged("a loss is not finite", figures)
        p = self.preset
        lead = figures["gap"] / (figures["distance"] + 1e-8)
        if p.gp_weight and lead > (1 if p.objective == "wgan-gp" else 10):
            self._diverged(
                f"the critic ran away, its scores of real and of generated pictures "
                f"{figures['gap']:.3g} apart, the pictures {figures['distance']:.3g}",
                figures,
            )
        if figures["diversity"] < 0.02:
            self._diverged("the generator collapsed, its pictures are all alike", figures)

    def _diverged(self, how, figures):
        shown = ", ".join(f"{k} {v:.3g}" for k, v in figures.items() if v is not None)
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
    def sample(self, z, va, level=None, alpha=None):
        """Images (N, R, R, 3) uint8 from the averaged generator; va in [-1, 1]."""
        return to_uint8(self.average(z.to(self.device), va.to(self.device), level, alpha))

    def grid(self):
        """Write this stage's two pictures: 7×7 over the plane on one seed, and 7×7 seeds."""
        resolution = self.preset.stages[self.progress.stage].resolution
        level = self.preset.sizes.stage(resolution)
        rng = torch.Generator().manual_seed(1)
        z = torch.randn(49, self.preset.sizes.z, generator=rng)
        picture = f"{self.progress.stage}-{resolution}"
        for name, noise, va in (
            ("plane", z[:1].expand(49, -1), plane(7)),
            ("seeds", z, torch.rand(49, 2, generator=rng) * 2 - 1),
        ):
            path = self.folder / "samples" / f"{picture}-{name}.png"
            save_grid(self.sample(noise, va, level), path)

    # -- checkpoints ------------------------------------------------------------------------

    def save(self):
        """Write a checkpoint; the one before it stays beside it until the next.

        Raises
        ------
        Diverged
            If a tensor is not finite; nothing is written then.
        """
        tensors = {"va_knots": torch.tensor(self.va_map.knots), "sums": self._sums}
        for name, module in self._modules().items():
            tensors |= {f"{name}.{k}": v for k, v in module.state_dict().items()}
        for name, opt in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
            for index, state in opt.state_dict()["state"].items():
                tensors |= {f"{name}.{index}.{k}": v for k, v in state.items()}
        for name, tensor in tensors.items():
            if not tensor.isfinite().all():
                self._diverged(f"{name} is not finite", {})
        header = {
            "format": "m2l-run",
            "preset": json.dumps(asdict(self.preset)),
            "progress": json.dumps(asdict(self.progress)),
            "counts": json.dumps(self._counts.tolist()),
            "started": str(self.started),
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
        knots = tensors["va_knots"].numpy()
        if int(header.get("started", 0)):
            self.started = int(header["started"])
            self._label(QuantileMap(knots))
        elif not np.allclose(knots, self.va_map.knots, atol=1e-4):
            raise InputError(
                f"{path}: made with photos of other labels; choose the same, or another folder"
            )
        self.progress = progress = Progress(**json.loads(header["progress"]))
        if progress.stage == len(self.preset.stages):  # it had ended: is its last stage longer now?
            progress.stage -= 1
            progress.stage += self._done() >= 1
        for name, module in self._modules().items():
            module.load_state_dict(_under(tensors, f"{name}."))
        for name, opt in (("opt_g", self.opt_g), ("opt_d", self.opt_d)):
            state = {}
            for key, value in _under(tensors, f"{name}.").items():
                index, what = key.split(".", 1)
                state.setdefault(int(index), {})[what] = value
            opt.load_state_dict({"state": state, "param_groups": opt.state_dict()["param_groups"]})
        self._sums.copy_(tensors["sums"])
        self._counts[:] = json.loads(header["counts"])
        return True

    def start_from(self, path):
        """Take over a released generator, or the networks of another run.

        Their map of the labels comes along; optimisers and schedule begin anew. What they do not
        have keeps its fresh weights.

        Parameters
        ----------
        path : of a generator's file, or folder of a run.

        Raises
        ------
        InputError
            If there is none, or its sizes are not those of this run's first stages.
        """
        if Path(path).is_file():
            header, tensors = read_checkpoint(path, "m2l-generator")
            theirs = Sizes(**json.loads(header["sizes"]))
            nets = {"": (self.generator, self.average)}
        else:
            found = newest(path)
            if not found:
                raise InputError(f"{path}: no checkpoint here; name a run's folder or a generator")
            path, header, tensors = found
            theirs = recorded(header).sizes
            nets = {f"{name}.": (net,) for name, net in self._modules().items()}
            if self.preset.frozen:  # it keeps what the other run would release
                nets["average."] = (self.generator, self.average)
        ours = self.preset.sizes
        begun = replace(ours, widths=ours.widths[: len(theirs.widths)], detail=theirs.detail)
        if theirs != begun:
            raise InputError(
                f"{path}: its networks, {theirs.widths}, are no beginning of preset "
                f"'{self.preset.name}', {ours.widths}; choose another"
            )
        for start, modules in nets.items():
            for module in modules:
                module.load_state_dict(_under(tensors, start), strict=False)
        self._label(QuantileMap(tensors["va_knots"].numpy()))
        self.started = ours.resolution(len(theirs.widths) - 1)

    def _modules(self):
        trained = self.critic.trained
        return {"generator": self.generator, "critic": trained, "average": self.average}

    def release(self, path, card):
        """Write the averaged generator alone, with its va map and a card, for `m2l.generate`.

        In half precision, which no picture shows. Its resolution is `reached` or, where all below
        the last stage was frozen, that of what was taken over.

        Parameters
        ----------
        path : where to, .safetensors.
        card : dict of text, kept in the file's header.
        """
        tensors = {k: v.half() for k, v in self.average.state_dict().items()}
        tensors |= {"va_knots": torch.tensor(self.va_map.knots)}
        header = {
            "format": "m2l-generator",
            "sizes": json.dumps(asdict(self.preset.sizes)),
            "resolution": str(self.started if self.preset.frozen else self.reached),
            "card": json.dumps(card),
        }
        write_checkpoint(path, tensors, header)


def _under(tensors, start):
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}


def recorded(header):
    """The preset that a run's checkpoint was made with."""
    return settings.read(Preset, json.loads(header["preset"]))


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
