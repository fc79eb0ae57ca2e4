"""How fast the networks learn, beside the plain way.

Ours is the step of the laptop presets. The plain way is what follows from the papers word by
word: the same widths, ERUs with 3×3 convolutions of concatenated maps, separate passes for real
and generated images, a gradient penalty at each step, and photos that are decoded from their files
for each batch. Both learn from the same batches of the same photos, in turns, so that other work on
the machine slows both alike; the CPU seconds are the fairer comparison on a busy machine. Where
the pictures are as large as those of the latent preset, its step is measured too. A step
is also measured in arithmetic, which is counted, and set beside what the machine reaches in the
same minutes on one wide convolution of the same precision; ours is bfloat16 where the processor
has it.

    python benchmarks/gan.py                     # photos under $M2L_DATA, else painted ones
    python benchmarks/gan.py --seconds 10 --sides 32
"""

import argparse
import contextlib
import tempfile
import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from m2l.errors import InputError
from m2l.experiments import stages
from m2l.gan import losses, photos
from m2l.gan.autoencoder import FACTOR
from m2l.gan.networks import Conv, Critic, Generator
from m2l.gan.training import Preset, Run, Stage, at_hand

BATCH = {32: 32, 64: 16, 128: 16}
PEAKS = {"convolution, float32": torch.float32, "convolution, bfloat16": torch.bfloat16}


class PlainERU(nn.Module):
    """The equations, a convolution each, labels concatenated as maps."""

    def __init__(self, channels):
        super().__init__()
        self.v, self.a = Conv(channels + 1, channels, gain=1), Conv(channels + 1, channels, gain=1)
        self.merge = Conv(2 * channels + 2, channels, gain=1)

    def forward(self, x, va):
        maps = va[:, :, None, None].expand(-1, -1, *x.shape[2:])
        v = torch.sigmoid(self.v(torch.cat([maps[:, :1], x], 1)))
        a = torch.sigmoid(self.a(torch.cat([maps[:, 1:], x], 1)))
        y = torch.tanh(self.merge(torch.cat([v * x, a * x, maps], 1)))
        return y, torch.stack([v, a], 1)


class Plain:
    """The plain way of one stage."""

    def __init__(self, preset, pyramid):
        self.preset, self.stage = preset, preset.stages[0]
        self.paths, self.va = pyramid.table["path"].to_numpy(), pyramid.va
        self.generator, self.critic = Generator(preset.sizes), Critic(preset.sizes)
        for network in (self.generator, self.critic):
            for block in [*network.blocks, *([network.head] if network is self.critic else [])]:
                block.eru = PlainERU(block.eru.merge.labels.shape[0])
        self.opt_g, self.opt_d = (
            torch.optim.Adam(n.parameters(), lr=preset.lr, betas=preset.betas)
            for n in (self.generator, self.critic)
        )
        self.rng = np.random.default_rng(0)
        self.level = preset.sizes.stage(self.stage.resolution)

    def batch(self):
        rows = self.rng.integers(len(self.paths), size=self.stage.batch)
        images = np.stack([photos.load(self.paths[i], self.stage.resolution) for i in rows])
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x, x.flip(3))
        return x, torch.from_numpy(self.va[rows] / 4 - 1.25).float()

    def step(self):
        p, level = self.preset, self.level
        real, va = self.batch()
        z = torch.randn(len(real), p.sizes.z)
        self.critic.requires_grad_(True)
        fake = self.generator(z, va, level).detach()
        score_real, score_fake = (self.critic(x, va, level)[0] for x in (real, fake))
        penalty = losses.gradient_penalty(
            lambda x: self.critic(x, va, level)[0], real, fake, torch.rand(len(real), 1, 1, 1)
        )
        loss = losses.critic_loss(score_real, score_fake) + p.drift * losses.drift(score_real)
        self.opt_d.zero_grad()
        (loss + p.gp_weight * penalty).backward()
        self.opt_d.step()

        self.critic.requires_grad_(False)
        score, maps = self.critic(self.generator(z, va, level), va, level)
        with torch.no_grad():
            _, real_maps = self.critic(real, va, level)
        loss = losses.generator_loss(score)
        self.opt_g.zero_grad()
        (loss + p.afm_weight * losses.affective_matching(maps, real_maps)).backward()
        self.opt_g.step()


class Peak:
    """One wide 3×3 convolution, forward and backward: what the machine can do at best."""

    def __init__(self, dtype, channels=128, side=32, batch=16):
        self.x = torch.randn(batch, channels, side, side, dtype=dtype, requires_grad=True)
        self.w = torch.randn(channels, channels, 3, 3, dtype=dtype, requires_grad=True)

    def step(self):
        y = nn.functional.conv2d(self.x, self.w, padding=1)
        torch.autograd.grad(y.sum(), (self.x, self.w))


class NoModules(contextlib.nullcontext):
    """In place of the counter's own, which gradients within gradients confuse."""

    parents = frozenset({"Global"})


def gflop(step, steps):
    """Arithmetic of some steps: convolutions and products of matrices, of all passes."""
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = NoModules()
    with counter:
        for _ in range(steps):
            step()
    return counter.get_total_flops() / 1e9


def timed(step, steps):
    """Wall and CPU seconds of some steps."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu])


def corpus():
    try:
        return stages.landscapes(), "photos of landscapes128"
    except InputError:
        return stages.landscapes(folder="sample"), "painted landscapes"


def measure(pyramid, side, seconds):
    """Rows of (name, images, GFLOP, wall s, CPU s) at one resolution, measured in turns."""
    latent = Preset.load("latent")
    base = Preset.load("laptop256")  # the laptop's networks and two stages more
    batch = BATCH[side]
    ours = replace(base, stages=(Stage(side, batch, images=10**9),))
    plain = replace(
        ours,
        sizes=replace(base.sizes, eru_kernel=3, critic_residual=False),
        precision="32-true",
    )
    every = ours.gp_interval
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "ours": (Run(ours, pyramid, folder, accelerator="cpu").step, every, batch),
            "plain": (Plain(plain, pyramid).step, 1, batch),
        }
        if FACTOR * latent.stages[-1].resolution == side:
            stage = Stage(side // FACTOR, batch, images=10**9)
            run = stages.gan_run(replace(latent, stages=(stage,)), pyramid, f"{folder}/latent")
            ways["ours, latents"] = (run.step, latent.gp_interval, batch)
        for name, dtype in PEAKS.items():
            ways[name] = (Peak(dtype).step, 10, 0)
        flop = {name: gflop(step, steps) for name, (step, steps, _) in ways.items()}  # warms up too
        spent = {name: [] for name in ways}
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or len(spent["ours"]) < 2:
            for name, (step, steps, _) in ways.items():
                spent[name].append(timed(step, steps))
    for name, (_, steps, batch) in ways.items():
        # The median round: one that other work fell upon says little.
        yield name, steps * batch, flop[name], *np.median(spent[name], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64, 128], help="resolutions")
    parser.add_argument("--seconds", type=float, default=60, help="for each resolution (60)")
    parser.add_argument("--threads", type=int, default=2, help="(2)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pyramid, what = corpus()
    print(f"{what}; {options.threads} threads")
    print(f"{'':32}{'GFLOP':>8}{'images':>9}{'':>7}{'images a':>10}{'':>7}{'GFLOP a':>9}{'':>6}")
    print(
        f"{'':32}{'an image':>8}{'a second':>9}{'ratio':>7}{'CPU s':>10}{'ratio':>7}"
        f"{'CPU s':>9}{'busy':>6}"
    )
    narrow = at_hand(Preset.load("laptop").precision) != "32-true"
    for side in options.sides:
        rows = {name: figures for name, *figures in measure(pyramid, side, options.seconds)}
        base, (whole, half) = rows["plain"], (rows[peak] for peak in PEAKS)
        for name, (images, flop, wall, cpu) in rows.items():
            best = half if name.startswith("ours") and narrow else whole
            share = flop / cpu / (best[1] / best[3]) if images else 1
            line = f"{f'{side}×{side} {name}':32}"
            if images:
                line += (
                    f"{flop / images:8.2f}{images / wall:9.1f}"
                    f"{images / wall / (base[0] / base[2]):7.1f}{images / cpu:10.1f}"
                    f"{images / cpu / (base[0] / base[3]):7.1f}"
                )
            else:
                line += " " * 41
            print(f"{line}{flop / cpu:9.1f}{share:6.0%}", flush=True)


if __name__ == "__main__":
    main()
