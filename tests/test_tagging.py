"""The tagging networks answer as the package they come from, in pieces as in one."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from m2l.errors import InputError
from m2l.music import tagging
from m2l.music._librosa import librosa

RATE = 22050
WINDOW = tagging.FRAMES * tagging.HOP / tagging.SR  # the package's windows follow each other


def script(name):
    return runpy.run_path(str(Path(__file__).parents[1] / f"benchmarks/{name}.py"))


@pytest.fixture(scope="module")
def clips():
    clip = script("tagging_truth")["clip"]
    return [clip(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def truth():
    """What the package musicnn 0.1.0 says of the clips by TensorFlow 2.21."""
    with np.load(Path(__file__).with_name("musicnn.npz")) as kept:
        return dict(kept)


def test_it_answers_as_the_package(clips, truth):
    for i, clip in enumerate(clips):
        each = np.split(tagging.embed(clip, RATE, WINDOW), 2, axis=1)
        for name, embedding in zip(tagging.NETWORKS, each, strict=True):
            np.testing.assert_allclose(embedding, truth[f"{name} {i} embedding"], atol=1e-3)
            with torch.inference_mode():
                tags, _ = tagging.load(name)(mels(clip))
            np.testing.assert_allclose(tags, truth[f"{name} {i} tags"], atol=1e-3)


def mels(clip):
    y = librosa.resample(clip, orig_sr=RATE, target_sr=tagging.SR, res_type="soxr_hq")
    starts = 0, tagging.FRAMES * tagging.HOP
    y = np.pad(y, tagging.HOP)
    return tagging.log_mel(
        torch.from_numpy(np.stack([y[s : s + tagging.HOP * (tagging.FRAMES + 1)] for s in starts]))
    )


def test_the_front_end_is_librosas(clips):
    y = clips[0][: 3 * tagging.SR]
    want = librosa.feature.melspectrogram(y=y, sr=tagging.SR, n_fft=512, hop_length=256, n_mels=96)
    # Whole hops, so that both see the same frames.
    found = tagging.log_mel(torch.from_numpy(np.pad(y, tagging.HOP)))
    want = np.log10(1 + 10000 * want.T)
    np.testing.assert_allclose(found, want[: len(found)], atol=1e-4)


def test_pieces_of_a_sound_say_what_the_whole_says(clips):
    whole = tagging.embed(clips[0], RATE, 1)
    assert whole.shape == (5, 400)  # windows of 3 s start at 0 to 4 s
    cuts = [10, 10, 5000, 100000]
    pieces = tagging.embed(np.split(clips[0], cuts), RATE, 1)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    np.testing.assert_allclose(tagging.embed(clips[0], RATE, 2), whole[::2], atol=1e-5)


def test_a_window_is_three_seconds():
    sound = np.random.default_rng(0).normal(0, 0.1, 3 * tagging.SR).astype(np.float32)
    assert len(tagging.embed(sound)) == 1
    with pytest.raises(InputError, match="shorter than 3 seconds"):
        tagging.embed(sound[: -tagging.SR // 10])


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    (tmp_path / "tagging.safetensors").write_bytes(b"no weights")
    monkeypatch.setattr(tagging, "WEIGHTS", tmp_path / "tagging.safetensors")
    with pytest.raises(InputError, match="missing or damaged"):
        tagging.load.__wrapped__("mtt")
