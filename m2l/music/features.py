"""Describe a song by 222 numbers: 74 descriptors of its sound, each by mean, deviation and change.

Emotion in music follows from timbre, harmony, loudness and rhythm; every descriptor here
speaks of one of the four (`FAMILIES`) and has a meaning that can be read off a chart.

Conventions
-----------
* The signal is mono float32 at 22,050 Hz, full scale ±1; frames hold 2,048 samples (Hann) and
  are 512 samples (23 ms) apart, centred, padded with zeros.
* A descriptor is a curve over the frames. Its features are `<descriptor>_mean` and
  `<descriptor>_std`, the latter the population standard deviation over time. Descriptors of
  several rows carry the row: `mfcc_0_mean`, `chroma_cqt_11_std`. The extended set's third is
  `<descriptor>_change`, the mean absolute difference of neighbouring frames.
* All spectral descriptors share one short-time Fourier transform, one mel spectrogram (128
  bands) and one constant-Q transform (7 octaves from C1, 36 bins each).
* One tuning estimate serves both chromas (`tuning`). What librosa defines equals librosa's
  function on the signal with its defaults and this tuning for the chromas and the tonnetz
  (`tuning=` counts in bins, so three times the semitones in `librosa.feature.chroma_cqt`,
  `chroma_cens` and `tonnetz`).
* Loudness is the A-weighted mean square of the frame in dB relative to 1, so that a full-scale
  sine at 1 kHz has −3 dB and silence −100 dB.

Reading files is strict: what cannot be a song raises `InputError`; a batch logs it and goes on.
"""

import logging
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from m2l.doors import cache as door
from m2l.doors import songs
from m2l.doors.songs import SR
from m2l.errors import InputError
from m2l.music import tagging

N_FFT = 2048
HOP = 512

VERSION = "4"  # part of the cache key: raise it with every change that moves a number

DESCRIPTORS = {
    "mfcc": 13,
    "chroma_stft": 12,
    "chroma_cqt": 12,
    "chroma_cens": 12,
    "spectral_contrast": 7,
    "tonnetz": 6,
    "zero_crossing_rate": 1,
    "rms": 1,
    "spectral_centroid": 1,
    "spectral_bandwidth": 1,
    "spectral_rolloff": 1,
    "tempo": 1,
    "spectral_flatness": 1,
    "onset_strength": 1,
    "loudness": 1,
    "mode": 1,
    "key_clarity": 1,
    "pulse_clarity": 1,
}
"""Descriptor → number of rows; 74 rows in all."""

FAMILIES = {
    "timbre": (
        "mfcc",
        "spectral_contrast",
        "spectral_centroid",
        "spectral_bandwidth",
        "spectral_rolloff",
        "spectral_flatness",
        "zero_crossing_rate",
    ),
    "harmony": ("chroma_stft", "chroma_cqt", "chroma_cens", "tonnetz", "mode", "key_clarity"),
    "loudness": ("rms", "loudness"),
    "rhythm": ("tempo", "onset_strength", "pulse_clarity"),
}
"""Family → its descriptors; each descriptor is in exactly one."""

ROWS = tuple(
    name if n == 1 else f"{name}_{row}" for name, n in DESCRIPTORS.items() for row in range(n)
)
"""The 74 rows that `curves` returns, in order."""

NAMES = tuple(f"{row}_{statistic}" for row in ROWS for statistic in ("mean", "std"))
"""The 148 features without the changes, in order."""

EXTENDED = NAMES + tuple(f"{row}_change" for row in ROWS)
"""The 222 features, in order."""

# Krumhansl & Kessler 1982, probe-tone ratings from the tonic upwards.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
KEY_SECONDS = 3.0

TEMPO_SECONDS = 8.0
PULSE_BPM = (40, 240)

PART = 60 * SR // HOP * HOP  # samples, a minute

log = logging.getLogger(__name__)


def tuning(magnitude):
    """Deviation from 440 Hz that both chromas are corrected for.

    The value of `librosa.estimate_tuning` on every fourth frame: a song has one tuning, and a
    quarter of the frames finds it in a quarter of the time. Written out because librosa's own is
    compiled on first use.

    Parameters
    ----------
    magnitude : ndarray (1025, frames), of the short-time Fourier transform.

    Returns
    -------
    float, in fractions of a semitone, in [-0.5, 0.5); 0 for a signal without partials between
    150 Hz and 4 kHz.
    """
    s = magnitude[:, ::4]
    low, high = (int(np.ceil(hz * N_FFT / SR)) for hz in (150, 4000))
    before, peak, after = s[low - 1 : high - 1], s[low:high], s[low + 1 : high + 1]
    loud = 0.1 * s.max(axis=0)
    bins, frames = np.nonzero(
        (peak > loud) & (peak > np.where(before > loud, before, 0)) & (peak >= after)
    )
    # A parabola through a peak and its neighbours puts it between the bins.
    left, middle, right = (x[bins, frames] for x in (before, peak, after))
    slope, curvature = (right - left) / 2, left + right - 2 * middle
    steep = np.abs(slope) >= np.abs(curvature)
    shift = np.where(steep, 0, -slope / np.where(steep, 1, curvature))
    if not len(shift):
        return 0.0
    height = middle + slope * shift / 2
    frequency = ((bins + low + shift) * SR / N_FFT)[height >= np.median(height)]
    deviation = (12 * np.log2(frequency / 440) + 0.5) % 1 - 0.5
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


def curves(y):
    """Follow the 74 descriptors over time.

    Parameters
    ----------
    y : ndarray (n,), float32
        Mono signal at 22,050 Hz, at least 3 seconds; or an iterable of such pieces of one signal.

    Returns
    -------
    DataFrame, one row a frame (1 + n // 512) and the 74 columns `ROWS`
        Hz for centroid, bandwidth and rolloff; beats a minute for tempo; dB for loudness,
        contrast and onset strength (mean rise over mel bands); the rest has no unit. Songs of
        three minutes and more are followed in parts of one, as an hour does not fit the memory.
    """
    import pandas as pd

    parts = [_curves(part) for part in _parts([y] if isinstance(y, np.ndarray) else y)]
    # At a seam both parts have the frame, of which the later's lacks what came before.
    rows = [part[:, :-1] for part in parts[:-1]] + parts[-1:]
    return pd.DataFrame(np.hstack(rows).T, columns=list(ROWS))


def _parts(pieces):
    """Pieces of a signal of any length as parts of `PART` and a last of up to three times that."""
    held = np.empty(0, np.float32)
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= 3 * PART:
            yield held[:PART]
            held = held[PART:]
    yield held


def _curves(y):
    """`curves` of a part, (74, frames)."""
    from m2l.music._librosa import librosa

    feature = librosa.feature
    magnitude = np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP))
    power = magnitude**2
    mel_db = librosa.power_to_db(feature.melspectrogram(S=power, sr=SR))
    tuned = tuning(magnitude)
    cqt = _cqt(y, tuned)
    chroma = feature.chroma_cqt(C=cqt)
    centroid, bandwidth = _spread(magnitude)
    onsets = librosa.onset.onset_strength(S=mel_db, sr=SR)
    lags = int(TEMPO_SECONDS * SR / HOP)
    tempogram = feature.tempogram(onset_envelope=onsets, sr=SR, win_length=lags)
    mode, key_clarity = _key(chroma)
    values = {
        "mfcc": feature.mfcc(S=mel_db, n_mfcc=13),
        "chroma_stft": feature.chroma_stft(S=power, sr=SR, tuning=tuned),
        "chroma_cqt": chroma,
        "chroma_cens": feature.chroma_cens(C=cqt),
        "spectral_contrast": feature.spectral_contrast(S=magnitude, sr=SR),
        "tonnetz": feature.tonnetz(chroma=chroma),
        "zero_crossing_rate": _zero_crossing_rate(y),
        "rms": feature.rms(y=y),
        "spectral_centroid": centroid,
        "spectral_bandwidth": bandwidth,
        "spectral_rolloff": _rolloff(magnitude),
        "tempo": feature.tempo(tg=tempogram, sr=SR, aggregate=None),
        "spectral_flatness": feature.spectral_flatness(S=power, power=1.0),
        "onset_strength": onsets,
        "loudness": _loudness(power),
        "mode": mode,
        "key_clarity": key_clarity,
        "pulse_clarity": _pulse_clarity(tempogram),
    }
    return np.vstack([values[name] for name in DESCRIPTORS]).astype(np.float32)


def from_signal(y, names=EXTENDED):
    """Compute the features of a signal.

    Parameters
    ----------
    y : as of `curves`
    names : which of `EXTENDED`, all by default.

    Returns
    -------
    ndarray (len(names),), float32, in the order of `names`
    """
    import pandas as pd

    table = curves(y)
    both = np.stack([table.mean(), table.std(ddof=0)], axis=1)  # (74, 2), as NAMES alternates
    values = np.concatenate([both.ravel(), table.diff().abs().mean()])
    return pd.Series(values.astype(np.float32), list(EXTENDED))[list(names)].to_numpy()


def extract(path, names=EXTENDED, cache=None):
    """Compute the features of a file.

    Parameters
    ----------
    path : str or Path
    names : which of `EXTENDED`, all by default, and of `m2l.music.tagging.NAMES`.
    cache : folder that keeps the features by the file's content, or None.

    Returns
    -------
    Series of float32, indexed by `names`

    Raises
    ------
    InputError
        As `m2l.doors.songs.read`.
    """
    import pandas as pd
    from threadpoolctl import threadpool_limits

    parts = []
    # One thread: two processes then do not fight for cores, and sums keep their order.
    with threadpool_limits(1):
        for own, version, compute in _KINDS:
            if not set(own) & set(names):
                continue
            if cache is None or not os.path.isfile(path):
                values = compute(path)
            else:
                kept = Path(cache) / f"{door.key(Path(path), version)}.npz"
                found = door.arrays(kept, lambda compute=compute: {"features": compute(path)})
                values = found["features"]
            parts.append(pd.Series(values, list(own)))
    return pd.concat(parts)[list(names)].rename(str(path))


# The two sets of features: names, the key of what is kept, and how they come from a file.
_KINDS = (
    (EXTENDED, VERSION, lambda path: from_signal(songs.blocks(path))),
    (
        tagging.NAMES,
        f"heard {tagging.VERSION}",
        lambda path: tagging.embed(songs.blocks(path), SR).mean(0),
    ),
)


def extract_many(paths, jobs=1, progress=None, cache=None, names=EXTENDED):
    """Compute the features of many files; a bad one is logged and left out.

    Parameters
    ----------
    paths : iterable of str or Path
    jobs : number of processes. The numbers do not depend on it.
    progress : whether to show a bar; by default only on a terminal.
    cache, names : as of `extract`; with a cache, an interrupted run goes on where it stopped.

    Returns
    -------
    table : DataFrame of float32, one row a good file in the order given, a column a name,
        indexed by path
    skipped : list of (path, reason)

    Raises
    ------
    InputError
        `jobs` is less than 1.
    """
    import pandas as pd
    from tqdm.auto import tqdm

    if jobs < 1:
        raise InputError(f"jobs={jobs}: the number of processes is at least 1; give 1 or more")
    paths = [str(path) for path in paths]
    tasks = [(path, cache, tuple(names)) for path in paths]
    results = _in_processes(tasks, jobs) if jobs > 1 else enumerate(map(_attempt, tasks))
    hidden = None if progress is None else not progress
    done = dict(tqdm(results, total=len(paths), unit="song", disable=hidden))
    skipped = [(paths[i], done[i]) for i in sorted(done) if isinstance(done[i], str)]
    for _, reason in skipped:
        log.warning("skipped: %s", reason)
    good = [i for i in sorted(done) if not isinstance(done[i], str)]
    table = pd.DataFrame(
        np.array([done[i] for i in good], np.float32).reshape(-1, len(names)),
        index=pd.Index([paths[i] for i in good], name="path", dtype=object),
        columns=list(names),
    )
    return table, skipped


def _cqt(y, tuned):
    """Magnitude of `librosa.cqt` over 7 octaves from C1, 36 bins each; (252, frames).

    The octaves' filters are the same after halving the sampling rate, so one set is built, and
    it is applied as one matrix product on the framed signal in place of a Fourier transform
    and a sparse product an octave: a third of the time, equal within 1e-6 of the maximum.
    """
    from m2l.music._librosa import librosa

    bins, octaves = 36, 7
    freqs = librosa.note_to_hz("C7") * 2 ** (tuned / 12 + np.arange(bins) / bins)
    filters, lengths = librosa.filters.wavelet(freqs=freqs, sr=SR)
    size = filters.shape[1]
    spectra = np.fft.fft(filters * lengths[:, None] / size)[:, : size // 2 + 1]
    # librosa drops the smallest 1 % of each spectrum.
    spectra = librosa.util.sparsify_rows(spectra, quantile=0.01).toarray()
    kernels = np.fft.fft(spectra / np.sqrt(lengths)[:, None], n=size)  # (bins, size)
    kernels = np.concatenate([kernels.real, kernels.imag]).T.astype(np.float32)
    responses, hop = [], HOP
    for octave in range(octaves):
        if octave:
            y = librosa.resample(y, orig_sr=2, target_sr=1, res_type="soxr_hq", scale=True)
            hop //= 2
        frames = librosa.util.frame(np.pad(y, size // 2), frame_length=size, hop_length=hop)
        real, imaginary = np.split(np.ascontiguousarray(frames.T) @ kernels, 2, axis=1)
        responses.append(np.hypot(real, imaginary).T)
    shortest = min(response.shape[1] for response in responses)
    return np.vstack([response[:, :shortest] for response in reversed(responses)])


def _spread(magnitude):
    """Centroid and bandwidth as `librosa.feature` has them, from three moments; (frames,) each."""
    freqs = np.arange(len(magnitude)) * SR / N_FFT
    # In float64: the variance is a difference of large numbers.
    total, first, second = np.stack([freqs**0, freqs, freqs**2]) @ magnitude.astype(np.float64)
    total[total < np.finfo(np.float32).tiny] = 1
    centroid = first / total
    return centroid, np.sqrt(np.maximum(second / total - centroid**2, 0))


def _rolloff(magnitude):
    """`librosa.feature.spectral_rolloff` at 85 %; (frames,)."""
    below = np.cumsum(magnitude, axis=0)
    return np.sum(below < 0.85 * below[-1], axis=0) * (SR / N_FFT)


def _zero_crossing_rate(y):
    """`librosa.feature.zero_crossing_rate`, each sample looked at once; (frames,)."""
    y = np.pad(y, N_FFT // 2, mode="edge")
    negative = y < -1e-10
    crossings = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    starts = np.arange(0, len(y) - N_FFT + 1, HOP)
    return (crossings[starts + N_FFT - 1] - crossings[starts]) / N_FFT


def _loudness(power):
    """A-weighted mean square in dB relative to 1, the Hann window's own power taken out."""
    from m2l.music._librosa import librosa

    audible = librosa.fft_frequencies(sr=SR, n_fft=N_FFT)[1:]  # the weight of 0 Hz is -inf dB
    weights = 10 ** (librosa.A_weighting(audible, min_db=None) / 10)
    mean_square = 2 * (weights.astype(np.float32) @ power[1:]) / (N_FFT * 0.375 * N_FFT)
    return 10 * np.log10(np.maximum(mean_square, 1e-10))


def _key(chroma):
    """Mode and key clarity of the chroma around each frame.

    The chroma is averaged over 3 seconds and correlated with the profiles of the 24 keys
    (Krumhansl & Kessler 1982). Mode is the best major less the best minor correlation, > 0
    for major; clarity is the best of all, 1 for a profile itself.

    Parameters
    ----------
    chroma : ndarray (12, frames), C first

    Returns
    -------
    mode, clarity : ndarray (frames,), in [-2, 2] and [-1, 1]
    """
    from scipy.ndimage import uniform_filter1d

    local = uniform_filter1d(chroma, int(KEY_SECONDS * SR / HOP), axis=1, mode="nearest")
    profiles = np.array([np.roll(p, tonic) for p in (MAJOR, MINOR) for tonic in range(12)])
    strength = _standard(profiles.T).T @ _standard(local) / 12  # (24, frames)
    major, minor = strength[:12].max(axis=0), strength[12:].max(axis=0)
    return major - minor, np.maximum(major, minor)


def _standard(columns):
    """Bring each column to mean 0 and deviation 1; a constant one to 0."""
    centred = columns - columns.mean(axis=0)
    return centred / np.maximum(centred.std(axis=0), 1e-9)


def _pulse_clarity(tempogram):
    """How much a beat stands out of the onsets around each frame.

    After the autocorrelation measures of Lartillot, Eerola, Toiviainen & Fornari 2008,
    "Multi-feature modeling of pulse clarity": the highest less the lowest autocorrelation at
    the lags of 40 to 240 beats a minute, freed of the window's own decay. 0 for onsets that
    are the same at every lag, 1 for a beat with nothing between.

    Parameters
    ----------
    tempogram : ndarray (lags, frames), normalised to 1 at lag 0

    Returns
    -------
    ndarray (frames,), 0 or more
    """
    from scipy.signal import get_window

    window = get_window("hann", len(tempogram))
    decay = np.correlate(window, window, "full")[len(window) - 1 :]
    first, last = (round(60 * SR / HOP / bpm) for bpm in reversed(PULSE_BPM))
    lags = slice(first, last + 1)
    return np.ptp(tempogram[lags] / (decay[lags, None] / decay[0]), axis=0)


def _attempt(task):
    """Features of one file, or the reason why there are none; runs in a worker."""
    path, folder, names = task
    try:
        return extract(path, names, folder).to_numpy()
    except InputError as error:
        return str(error)
    except Exception as error:  # whatever one file does, the others are worth having
        return f"{path}: {type(error).__name__}: {error}"


def _in_processes(tasks, jobs):
    """Yield (position, result of `_attempt`) as they come.

    When a file takes its process down, the rest is done by one process, where the oldest
    task is known to be the guilty one.
    """
    todo = dict(enumerate(tasks))
    while todo:
        pool = ProcessPoolExecutor(
            min(jobs, len(todo)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),  # an interrupt is the parent's to handle
        )
        try:
            futures = {pool.submit(_attempt, task): i for i, task in todo.items()}
            for future in as_completed(futures):
                i = futures[future]
                result = future.result()
                del todo[i]
                yield i, result
        except BrokenProcessPool:
            if jobs == 1:
                i = next(iter(todo))
                yield i, f"{todo.pop(i)[0]}: the process that read it died; leave this file out"
            jobs = 1
        finally:
            pool.shutdown(cancel_futures=True)
