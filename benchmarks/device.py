"""Walk presets through every stage on the device at hand: train, save, resume, release, paint.

A minute on a GPU. It shows that a preset works there before hours are spent, and how fast each
stage is once its steps are captured.

    python benchmarks/device.py projected gpu paper          # photos under $M2L_DATA, else painted
    python benchmarks/device.py projected --pyramid FOLDER --steps 60
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from m2l import generate
from m2l.gan.photos import Pyramid
from m2l.gan.presets import Preset
from m2l.gan.training import Run


def short(preset, steps):
    """The preset with stages of so many steps, half of each fading."""
    return replace(
        preset,
        stages=tuple(
            replace(s, epochs=None, minutes=None, images=steps * s.batch, fade=0.5)
            for s in preset.stages
        ),
    )


def walk(name, pyramid, folder, steps):
    """Lines of (resolution, images a second over the last steps of its stage)."""
    preset = short(Preset.load(name), steps)
    run = Run(preset, pyramid, folder)
    run.train(log_every=10, bar=False)
    z, va = torch.zeros(4, preset.sizes.z), torch.zeros(4, 2)
    painted = run.sample(z, va)
    again = Run(preset, pyramid, folder)
    if not (again.resume() and np.array_equal(again.sample(z, va), painted)):
        raise SystemExit(f"{name}: a resumed run paints something else")
    run.release(folder / "generator.safetensors", {"what": "walked"})
    generate.landscapes(5, 5, 0, folder / "generator.safetensors")
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    for stage in preset.stages:
        of = [x for x in lines if x["resolution"] == stage.resolution]
        (a, b) = of[-2:]
        yield stage.resolution, (b["images"] - a["images"]) / (b["seconds"] - a["seconds"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--pyramid", help="folder of a pyramid; the photos at hand by default")
    parser.add_argument("--steps", type=int, default=60, help="of each stage (60)")
    options = parser.parse_args()
    if options.pyramid:
        pyramid = Pyramid(options.pyramid)
    else:
        from gan import corpus

        pyramid, _ = corpus()
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU")
    for name in options.presets:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            for resolution, rate in walk(name, pyramid, Path(folder), options.steps):
                print(f"{name:18}{resolution:4}×{resolution:<4}{rate:8.0f} images a second")
            print(f"{name:18}walked in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
