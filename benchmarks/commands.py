"""How long the commands take that people wait for, start-up included.

Each is a process of its own, started several times; the first, which may find cold disks, is not
counted. On a busy machine the CPU seconds, of all cores together, are the fairer figure.

    python benchmarks/commands.py                # a piece of 30 s, composed and kept as ogg
    python benchmarks/commands.py song.mp3
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMITS = {"--help": 0.5, "imports": float("inf"), "emotion": 2.0}
"""Seconds that a command may take. Where the imports alone take that, there is nothing to win."""

IMPORTS = "import pandas, sklearn.ensemble; import librosa; librosa.feature.mfcc, librosa.stft"


def composed(folder):
    import soundfile

    from m2l.sample import compose as synth

    path = Path(folder) / "piece.ogg"
    soundfile.write(path, synth.compose(6, 6, seconds=30), synth.SR)
    return path


def measure(words, times):
    """Median seconds and CPU seconds of Python with these words."""
    seconds, cpu = [], []
    for _ in range(times + 1):
        start, used = time.perf_counter(), os.times()
        subprocess.run(
            [sys.executable, *map(str, words)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = os.times()
        seconds.append(time.perf_counter() - start)
        cpu.append(
            after.children_user - used.children_user + after.children_system - used.children_system
        )
    return statistics.median(seconds[1:]), statistics.median(cpu[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("song", nargs="?", type=Path, help="30 s of music (composed)")
    parser.add_argument("--times", type=int, default=5, help="starts of each command (5)")
    options = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        song = options.song or composed(folder)
        print(f"{'':12}{'s':>6}{'CPU s':>8}{'limit':>8}")
        for name, words in (
            ("--help", ["-m", "m2l.cli", "--help"]),
            ("imports", ["-c", IMPORTS]),
            ("emotion", ["-m", "m2l.cli", "emotion", song]),
        ):
            seconds, cpu = measure(words, options.times)
            print(f"{name:12}{seconds:6.2f}{cpu:8.2f}{LIMITS[name]:8.1f}", flush=True)
            slow |= min(seconds, cpu) > LIMITS[name]
    sys.exit(int(slow))


if __name__ == "__main__":
    main()
