"""What musicnn itself says of three synthetic clips: the truth of tests/test_tagging.py.

It needs TensorFlow, so it runs in an environment of its own, once:

    python3.11 -m venv /tmp/truth && cd /tmp && /tmp/truth/bin/pip install \
        tensorflow-cpu==2.21.0 tf_keras==2.21.0 librosa==0.11.0 && \
        /tmp/truth/bin/pip install --no-deps musicnn==0.1.0
    TF_USE_LEGACY_KERAS=1 /tmp/truth/bin/python benchmarks/tagging_truth.py

Two faults of the package are gone round. It multiplies powers by 10,000 in half precision, where
all above 6.55 become infinite; here its input is made in single precision, as for its training. And
it gives every window the first one's penultimate layer unless all are in one batch, as here.
"""

import sys
import tempfile
from pathlib import Path

import librosa
import numpy as np
import soundfile

RATE = 22050


def clip(seed, seconds=7):
    """Plucked chords and a beat: three songs that nobody's composer changes."""
    rng = np.random.default_rng(seed)
    t = np.arange(seconds * RATE) / RATE
    y = np.zeros_like(t)
    for start in np.arange(0, seconds, 60 / (70 + 30 * seed)):
        since = np.clip(t - start, 0, None)
        for pitch in rng.choice(24, 3) + 48:
            wave = sum(
                np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * since) / k
                for k in (1, 2, 3)
            )
            y += 0.1 * wave * np.exp(-3 * since)
        y += 0.1 * seed * rng.normal(size=len(t)) * np.exp(-40 * since) * (t >= start)
    return (0.5 * y / np.abs(y).max()).astype(np.float32)


def log_mel(path, frames, hop):
    y, sr = librosa.load(path, sr=16000)
    mel = librosa.feature.melspectrogram(y=y, sr=sr, hop_length=256, n_fft=512, n_mels=96).T
    whole = np.log10(10000 * mel + 1)
    starts = range(0, len(whole) - frames + 1, hop)
    return np.stack([whole[t : t + frames] for t in starts]), whole


def main(out="tests/musicnn.npz"):
    from musicnn import extractor

    extractor.batch_data = log_mel
    extractor.config.BATCH_SIZE = 64
    kept = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(3):
            path = Path(folder) / f"{seed}.wav"
            soundfile.write(path, clip(seed), RATE, subtype="FLOAT")
            for name in ("MTT", "MSD"):
                tags, _, layers = extractor.extractor(str(path), model=f"{name}_musicnn")
                kept[f"{name.lower()} {seed} tags"] = tags
                kept[f"{name.lower()} {seed} embedding"] = layers["penultimate"]
    np.savez_compressed(out, **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
