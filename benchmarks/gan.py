"""Images a second of both critics' training steps, in one run.

The milestone's critic learns from nothing and carries a gradient penalty; the projected one looks
through a frozen network. Both train the generator of their preset at each resolution, in turns, so
that other work on the machine slows both alike. On a CUDA device each step is also measured as it
is repeated from a captured graph, and where the preset asks for it compiled as well. The last two
columns are ratios to the first row of a resolution, and to the same preset's plain step.

    python benchmarks/gan.py                            # photos under $M2L_DATA, else painted
    python benchmarks/gan.py --presets gpu projected --sides 32 64 128
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from m2l import results
from m2l.errors import InputError
from m2l.gan import photos
from m2l.gan.photos import Pyramid
from m2l.gan.presets import Preset
from m2l.gan.training import EAGER, Run


def corpus():
    """The photos at hand, else painted ones, and what they are."""
    from m2l.experiments import landscapes

    try:
        return landscapes.pyramid(), "photos of landscapes128"
    except InputError:
        return landscapes.pyramid(folder="sample"), "painted landscapes"


def rate(run, steps):
    """Images a second of some steps."""
    began = time.perf_counter()
    for _ in range(steps):
        run.step()
    run._sums.tolist()  # waits for the device
    return steps * run.preset.stages[0].batch / (time.perf_counter() - began)


def measure(names, pyramid, side, seconds):
    """Rows of (preset, way, batch, images a second), the median of rounds taken in turns.

    A GPU is nobody else's, and has no room for all networks and graphs at once: there each is
    measured alone.
    """
    alone, waiting = torch.cuda.is_available(), []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            preset = Preset.load(name)
            stage = next((s for s in preset.stages if s.resolution == side), None)
            if stage is None:
                continue
            stage = replace(stage, epochs=None, minutes=None, images=10**9, fade=0.0)
            ways = {"plain": {"capture": False}}
            if alone:
                compiled = preset.compiled and side == preset.stages[-1].resolution
                ways |= {"captured": {}} | ({"compiled": {}} if compiled else {})
            for way, how in ways.items():
                preset = replace(preset, stages=(stage,), compiled=way == "compiled")
                run = Run(preset, pyramid, folder, **how)
                for _ in range((EAGER + 1) * preset.gp_interval):
                    run.step()
                waiting.append((name, way, run, []))
                if alone:
                    yield from _rates(waiting, seconds / 5)
                    waiting.clear()
                    del run
                    torch.cuda.empty_cache()
        yield from _rates(waiting, seconds)


def _rates(waiting, seconds):
    began = time.perf_counter()
    while waiting and time.perf_counter() - began < seconds:
        for _, _, run, rates in waiting:
            rates.append(rate(run, run.preset.gp_interval * 2))
    for name, way, run, rates in waiting:
        yield name, way, run.preset.stages[0].batch, float(np.median(rates))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    cuda = torch.cuda.is_available()
    presets = ["gpu", "projected"] if cuda else ["laptop", "projected-laptop"]
    parser.add_argument("--presets", nargs="+", default=presets, help=" ".join(presets))
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64, 128], help="resolutions")
    parser.add_argument("--seconds", type=float, default=30, help="for each resolution (30)")
    parser.add_argument("--threads", type=int, default=2, help="(2)")
    parser.add_argument("--pyramid", type=Path, help="folder of a pyramid")
    parser.add_argument("-o", "--out", type=Path, help="result to write, results/speed.json")
    options = parser.parse_args()
    started, rows = time.monotonic(), {}
    torch.set_num_threads(options.threads)
    pyramid, what = (Pyramid(options.pyramid), "photos") if options.pyramid else corpus()
    device = torch.cuda.get_device_name() if cuda else f"{options.threads} threads"
    print(f"{what}; {device}")
    print(f"{'':10}{'preset':20}{'step':10}{'batch':>6}{'images/s':>10}{'first':>8}{'plain':>8}")
    for side in options.sides:
        first = plain = None
        for name, way, batch, speed in measure(options.presets, pyramid, side, options.seconds):
            first = first or speed
            plain = speed if way == "plain" else plain
            rows.setdefault(str(side), {}).setdefault(name, {"batch": batch})[way] = speed
            print(
                f"{f'{side}×{side}':10}{name:20}{way:10}{batch:6}{speed:10.0f}"
                f"{speed / first:7.2f}×{speed / plain:7.2f}×",
                flush=True,
            )

    if options.out:
        results.save(
            options.out,
            {"device": device, "sides": rows},
            started=started,
            data={"landscapes": photos.fingerprint(pyramid.table)},
            seed=0,
            preset=", ".join(options.presets),
        )


if __name__ == "__main__":
    main()
