"""What listening costs: a further song of 30 s on one core, and the memory for an hour of sound.

    python benchmarks/ear.py

A song's seconds are those of CPU of a process that has heard one before. The hour is a composed
piece over and over, as ogg, read by the command in a process of its own.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from m2l.music import ear, features
from m2l.sample import compose

LIMITS = {"s a song": 0.6, "MB": 700}
SONGS = 10

# The command, and then its own peak (VmHWM, kB): what a parent is told includes the parent's.
TOLD = """
import re, sys
from m2l.cli import main
main(standalone_mode=False)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        piece = compose.compose(6, 6, seconds=30)
        song, hour = Path(folder) / "song.ogg", Path(folder) / "hour.ogg"
        soundfile.write(song, piece, compose.SR)
        with soundfile.SoundFile(hour, "w", compose.SR, 1) as file:
            for _ in range(120):
                file.write(piece)
        print(f"{'':8}{'s a song':>10}{'MB, hour':>10}{'s, hour':>9}")
        for name in ear.MODELS:
            model = ear.load(name)
            features.extract(song, model.names)
            start = time.process_time()
            for _ in range(SONGS):
                ear.describe(features.extract(song, model.names).to_frame().T, model)
            seconds = (time.process_time() - start) / SONGS
            start = time.perf_counter()
            words = [sys.executable, "-c", TOLD, "emotion", "--model", name, str(hour)]
            told = subprocess.run(words, check=True, capture_output=True, text=True).stderr
            megabytes, taken = int(told) / 1024, time.perf_counter() - start
            print(f"{name:8}{seconds:10.2f}{megabytes:10.0f}{taken:9.0f}", flush=True)
            failed |= seconds > LIMITS["s a song"] or megabytes > LIMITS["MB"]
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
