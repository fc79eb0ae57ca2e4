"""How fast FID is computed, beside pytorch-fid's own command.

Both take the same two folders of PNG files and the same weights. The official weights are not
needed for the time: without `--weights` random ones in their format are made, whose batch norms
are fitted to the pictures so that features vary as trained ones do. Ours keeps the features of the
real side in the cache and is timed without and with it, in processes of their own. On a busy
machine the CPU seconds, those of one core, are the fairer comparison.

    python benchmarks/metrics.py                    # 500 images a side
    python benchmarks/metrics.py -n 2000 --weights pt_inception-2015-12-05-6726825d.pth
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from m2l.doors import pictures
from m2l.judge import metrics
from m2l.sample import paint

TARGET = 1.5


def random_weights(images, path):
    """Write Inception weights in the official format, random but for the batch norms."""
    import torch
    from pytorch_fid import inception

    torch.manual_seed(0)
    made = []
    with (
        mock.patch.object(inception, "load_state_dict_from_url", lambda *_, **__: {}),
        mock.patch.object(torch.nn.Module, "load_state_dict", lambda net, _: made.append(net)),
    ):
        net = inception.InceptionV3([3])
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        net.train()(x)
    torch.save(made[-1].state_dict(), path)


def folder(path, n, first, side):
    """Painted landscapes as PNG files; of those with other seeds the light differs."""
    from PIL import Image

    path.mkdir()
    rng = np.random.default_rng(first)
    few = [paint.landscape(*rng.uniform(2, 8, 2), first + i, side) for i in range(min(n, 50))]
    for i in range(n):
        # Shifted and shaded copies: painting takes longer than what is to be measured.
        image = np.roll(few[i % len(few)], i, axis=1) * rng.uniform(0.7, 1)
        Image.fromarray(image.astype(np.uint8)).save(path / f"{i:05}.png")
    return path


def ours(fake, real):
    """Print our distance of two folders; runs in a fresh process."""
    sets = []
    for where in (fake, real):
        paths = sorted(Path(where).glob("*.png"))
        side = pictures.read(paths[0], 128).width
        sets.append(np.stack([np.asarray(pictures.read(p, side)) for p in paths]))
    metrics.OFFICIAL = ""  # random weights serve, too
    print(
        "FID: ", metrics.frechet(metrics.inception(sets[0]), metrics.inception(sets[1], keep=True))
    )


def timed(command, env):
    """Value, wall and CPU seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(command, env=env, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(re.search(r"FID: +(\S+)", ran.stdout)[1]), wall, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=500, help="images a side (500)")
    parser.add_argument("--weights", type=Path, help="Inception weights (random ones)")
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        ours(*options.ours)
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        fake, real = (folder(scratch / w, options.n, s, 128) for w, s in (("f", 0), ("r", 1000)))
        weights = options.weights or scratch / "random.pth"
        if not options.weights:
            some = sorted(fake.glob("*.png"))[:16]
            random_weights([np.asarray(pictures.read(p, 128)) for p in some], weights)
        cached = scratch / "torch/hub/checkpoints/pt_inception-2015-12-05-6726825d.pth"
        cached.parent.mkdir(parents=True)
        cached.symlink_to(weights.resolve())
        env = os.environ | {"TORCH_HOME": str(scratch / "torch"), "M2L_CACHE": str(scratch / "m2l")}
        plain = [sys.executable, "-m", "pytorch_fid", str(fake), str(real), "--device", "cpu"]
        own = [sys.executable, __file__, "--ours", str(fake), str(real)]
        print(f"{options.n} images of 128×128 a side")
        print(f"{'':32}{'s':>8}{'ratio':>7}{'CPU s':>8}{'ratio':>7}{'value':>14}")
        found = []
        for label, command in (
            ("pytorch-fid", plain),
            ("ours, the first time", own),
            ("ours, photos in the cache", own),
        ):
            value, wall, cpu = timed(command, env)
            found.append((value, wall, cpu))
            print(
                f"{label:32}{wall:8.1f}{found[0][1] / wall:7.2f}{cpu:8.1f}"
                f"{found[0][2] / cpu:7.2f}{value:14.6g}",
                flush=True,
            )
    difference = abs(found[2][0] - found[0][0]) / max(abs(found[0][0]), 1e-12)
    print(f"relative difference: {difference:.1e}")
    sys.exit(int(difference > 1e-3 or found[0][2] / found[2][2] < TARGET))


if __name__ == "__main__":
    main()
