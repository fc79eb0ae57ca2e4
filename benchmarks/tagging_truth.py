"""What the package musicnn itself says of three composed clips: the truth of tests/test_tagging.py.

It needs TensorFlow, so it runs in an environment of its own, once:

    python3.11 -m venv /tmp/truth && cd /tmp && /tmp/truth/bin/pip install \
        tensorflow-cpu==2.21.0 tf_keras==2.21.0 librosa==0.11.0 && \
        /tmp/truth/bin/pip install --no-deps musicnn==0.1.0
    PYTHONPATH=. TF_USE_LEGACY_KERAS=1 /tmp/truth/bin/python benchmarks/tagging_truth.py

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

from m2l.sample import compose

CLIPS = ((8, 8, 0), (2, 3, 1), (6, 2, 2))  # valence, arousal, seed
SECONDS = 7


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
        for clip, (valence, arousal, seed) in enumerate(CLIPS):
            path = Path(folder) / f"{clip}.wav"
            sound = compose.compose(valence, arousal, seed, SECONDS)
            soundfile.write(path, sound, compose.SR, subtype="FLOAT")
            for name in ("MTT", "MSD"):
                tags, _, layers = extractor.extractor(str(path), model=f"{name}_musicnn")
                kept[f"{name.lower()} {clip} tags"] = tags
                kept[f"{name.lower()} {clip} embedding"] = layers["penultimate"]
    np.savez_compressed(out, **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
