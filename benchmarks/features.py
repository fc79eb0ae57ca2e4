"""How fast a song's features are extracted, beside the plain way.

The plain way is what a typical script does: `librosa.load` at the native rate, then each of
librosa's 14 descriptors from the signal, each with its own transform. Ours has the same
descriptors and four more from shared transforms. Both start from the file, run on one thread
and are timed in processes of their own after a song to warm up. On a busy machine the CPU
seconds, those of one core, are the fairer comparison; memory is the peak of one process.

    python benchmarks/features.py                # ten DEAM songs under $M2L_DATA, else synthetic
    python benchmarks/features.py --songs 4 a.mp3 b.mp3 c.mp3 d.mp3
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from m2l.doors import songs
from m2l.music import features


def librosa_curves(y, sr, tuning=None):
    """librosa's descriptors, each by one call on the signal; name → (rows, frames)."""
    import librosa

    feature = librosa.feature
    bins = None if tuning is None else 3 * tuning  # the constant-Q has 36 bins an octave
    values = {
        "mfcc": feature.mfcc(y=y, sr=sr, n_mfcc=13),
        "chroma_stft": feature.chroma_stft(y=y, sr=sr, tuning=tuning),
        "chroma_cqt": feature.chroma_cqt(y=y, sr=sr, tuning=bins),
        "chroma_cens": feature.chroma_cens(y=y, sr=sr, tuning=bins),
        "spectral_contrast": feature.spectral_contrast(y=y, sr=sr),
        "tonnetz": feature.tonnetz(y=y, sr=sr, tuning=bins),
        "zero_crossing_rate": feature.zero_crossing_rate(y),
        "rms": feature.rms(y=y),
        "spectral_centroid": feature.spectral_centroid(y=y, sr=sr),
        "spectral_bandwidth": feature.spectral_bandwidth(y=y, sr=sr),
        "spectral_rolloff": feature.spectral_rolloff(y=y, sr=sr),
        "tempo": feature.tempo(y=y, sr=sr, aggregate=None),
        "spectral_flatness": feature.spectral_flatness(y=y),
        "onset_strength": librosa.onset.onset_strength(y=y, sr=sr),
    }
    return {name: np.atleast_2d(value) for name, value in values.items()}


def plain(path):
    import librosa

    for curve in librosa_curves(*librosa.load(path, sr=None)).values():
        np.concatenate([curve.mean(axis=1), curve.std(axis=1)])


def measure(way, paths):
    """Seconds and CPU seconds a song, peak memory in MB; runs in a fresh process."""
    way(paths[0])
    start, start_cpu = time.perf_counter(), time.process_time()
    with threadpool_limits(1):
        for path in paths:
            way(path)
    seconds = (time.perf_counter() - start) / len(paths)
    cpu = (time.process_time() - start_cpu) / len(paths)
    return seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_all(way, paths, processes=1):
    """`measure` in each of several processes at once, all of them on all the paths."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        found = [pool.submit(measure, way, paths) for _ in range(processes)]
        seconds, cpu, megabytes = zip(*(one.result() for one in found), strict=True)
    return max(seconds) / processes, np.mean(cpu), max(megabytes)


def disagreement(path):
    """Largest relative difference from librosa at the same settings, and its feature."""
    import librosa

    y = songs.read(path)
    ours = dict(zip(features.NAMES, features.from_signal(y, features.NAMES), strict=True))
    tuning = features.tuning(np.abs(librosa.stft(y)))
    worst = (0.0, "")
    for name, curve in librosa_curves(y, features.SR, tuning).items():
        for row, values in enumerate(curve.astype(np.float64)):
            key = name if len(curve) == 1 else f"{name}_{row}"
            for statistic, expected in (("mean", values.mean()), ("std", values.std())):
                feature = f"{key}_{statistic}"
                difference = abs(ours[feature] - expected) / max(abs(expected), 1e-12)
                worst = max(worst, (difference, feature))
    return worst


def synthetic(folder, count, seconds=45, rate=44100):
    """Write songs of chords, beats and noise, for a machine without the corpora."""
    import soundfile

    t = np.arange(seconds * rate) / rate
    for seed in range(count):
        rng = np.random.default_rng(seed)
        y = 0.02 * rng.normal(size=len(t)) * (1 + 5 * (t * rng.uniform(1, 3) % 1 < 0.05))
        for pitch in rng.choice(np.arange(40, 80), 12, replace=False):
            wave = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t)
            y += 0.05 * wave * (t * 0.5 % 4 < rng.uniform(1, 4))
        soundfile.write(folder / f"{seed}.wav", y, rate)
    return sorted(folder.glob("*.wav"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="songs (DEAM's under $M2L_DATA)")
    parser.add_argument("--songs", type=int, default=10, help="at most so many (10)")
    options = parser.parse_args()
    deam = Path(os.environ.get("M2L_DATA", ".")) / "music" / "DEAM" / "MEMD_audio"
    paths = options.paths or sorted(deam.glob("*.mp3"))
    with tempfile.TemporaryDirectory() as folder:
        paths = paths[: options.songs] or synthetic(Path(folder), options.songs)
        print(f"{len(paths)} songs, {paths[0].suffix[1:]}")
        print(f"{'':20}{'s a song':>10}{'ratio':>7}{'CPU s a song':>14}{'ratio':>7}{'MB':>6}")
        base = None
        for label, way, processes in (
            ("plain, 1 process", plain, 1),
            ("ours, 1 process", features.extract, 1),
            ("plain, 2 processes", plain, 2),
            ("ours, 2 processes", features.extract, 2),
        ):
            seconds, cpu, megabytes = measure_all(way, paths, processes)
            base = base or (seconds, cpu)
            print(
                f"{label:20}{seconds:10.3f}{base[0] / seconds:7.1f}"
                f"{cpu:14.3f}{base[1] / cpu:7.1f}{megabytes:6.0f}",
                flush=True,
            )
        difference, feature = max(disagreement(path) for path in paths)
    print(f"largest relative difference at the same settings: {difference:.1e} ({feature})")
    sys.exit(int(difference > 1e-4))


if __name__ == "__main__":
    main()
