"""Songs: whatever decodes, to the last frame, checked as the mono sound that is analysed."""

import os
import tracemalloc

import av
import numpy as np
import pytest
import soundfile

from m2l.doors import songs
from m2l.doors.songs import SR
from m2l.errors import InputError
from m2l.music._librosa import librosa


def noise(seconds, seed=0, rate=SR):
    return 0.1 * np.random.default_rng(seed).normal(size=int(seconds * rate)).astype(np.float32)


def write(path, y, rate=SR, **options):
    with open(path, "wb") as file:
        form = options.pop("format", path.suffix[1:].upper())
        soundfile.write(file, y, rate, format=form, **options)
    return path


def encode(path, y, codec, rate=44100, options=None, video=False):
    """Write sound by FFmpeg, with a picture beside it if wanted."""
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        if video:
            film = out.add_stream("mpeg4", rate=5)
            film.width = film.height = 16
            film.pix_fmt = "yuv420p"
            for _ in range(5):
                still = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
                out.mux(film.encode(still))
            out.mux(film.encode(None))
        frame = av.AudioFrame.from_ndarray(y[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        fifo.write(frame)
        while part := fifo.read(stream.frame_size or 1024, partial=True):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def refused(path, reason):
    with pytest.raises(InputError) as error:
        songs.read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and reason in message and "\n" not in message


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_equals_librosa_on_the_mean_of_the_channels(tmp_path, rate):
    y = np.stack([noise(25, 1, rate), noise(25, 2, rate)], axis=1)
    path = write(tmp_path / "stereo.wav", y, rate, subtype="FLOAT")
    expected = librosa.resample(y.mean(axis=1), orig_sr=rate, target_sr=SR, res_type="soxr_hq")
    np.testing.assert_allclose(songs.read(path), expected, atol=1e-6)
    assert songs.read(path).dtype == np.float32


@pytest.mark.parametrize("suffix, codec", [("m4a", "aac"), ("aac", "aac"), ("webm", "libopus")])
def test_what_libsndfile_cannot_read_ffmpeg_does(tmp_path, suffix, codec):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * 48000) / 48000)
    path = encode(tmp_path / f"song.{suffix}", tone, codec, rate=48000)
    y = songs.read(path)
    assert len(y) == pytest.approx(5 * SR, rel=0.02)
    assert y[SR:-SR].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.03)


def test_the_sound_of_a_video_is_a_song_and_a_silent_film_none(tmp_path):
    film = encode(tmp_path / "film.mp4", noise(4, rate=44100), "aac", video=True)
    assert len(songs.read(film)) == pytest.approx(4 * SR, rel=0.03)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus", "wav", "flac", "aiff"])
def test_names_say_nothing(tmp_path, suffix):
    form, subtype = {"opus": ("OGG", "OPUS")}.get(suffix, (suffix.upper(), None))
    y, rate = noise(4, rate=48000), 48000
    named = write(tmp_path / f"song.{suffix}", y, rate, format=form, subtype=subtype)
    whole = songs.read(named)
    for other in (b"song.txt", b"song", b"song.raw", b"Caf\xe9.mp3", "Пісня.x".encode()):
        moved = os.path.join(os.fsencode(tmp_path), other)
        os.rename(named, moved)
        named = os.fsdecode(moved)
        np.testing.assert_array_equal(songs.read(named), whole)


@pytest.mark.parametrize(
    "suffix", ["mp3", "ogg", "wav", "flac", "aiff", "au", "w64", "m4a", "mka", "wv"]
)
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    if suffix in ("m4a", "mka", "wv"):
        codec = {"m4a": "aac", "mka": "libmp3lame", "wv": "wavpack"}[suffix]
        options = {"movflags": "faststart"} if suffix == "m4a" else None
        encode(path, noise(8, rate=44100), codec, options=options)
    else:
        write(path, noise(8))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.6 * len(whole))])
    refused(path, "truncated or damaged; get the whole file again")


def headerless(path):
    """Take an mp3's first frame, which holds its length, away."""
    whole = path.read_bytes()
    start = whole.index(b"Xing" if b"Xing" in whole[:4096] else b"Info") + 8
    second = whole.index(whole[:2], start)
    path.write_bytes(whole[second:])
    return path


@pytest.mark.parametrize("first, then", [(0.3, 0.01), (0.01, 0.3)])
def test_an_mp3_without_a_length_is_read_to_its_end(tmp_path, first, then):
    # A variable rate: the first frame's says nothing about the others'.
    y = np.concatenate([first * noise(5, 1) / 0.1, np.zeros(5 * SR), then * noise(10, 2) / 0.1])
    path = tmp_path / "song.mp3"
    write(path, y, bitrate_mode="VARIABLE", compression_level=0.5)
    whole = songs.read(path)
    assert len(whole) == pytest.approx(20 * SR, rel=0.001)
    assert len(songs.read(headerless(path))) == pytest.approx(20 * SR, rel=0.01)


@pytest.mark.parametrize("rate, channels", [(SR, 1), (44100, 2)])
def test_joined_mp3s_are_read_to_the_last_and_go_on_as_the_first(tmp_path, rate, channels):
    one = write(tmp_path / "1.mp3", noise(4, 1)).read_bytes()
    other = np.stack([noise(4, i, rate) for i in range(channels)], axis=1)
    (tmp_path / "both.mp3").write_bytes(one + write(tmp_path / "2.mp3", other, rate).read_bytes())
    assert len(songs.read(tmp_path / "both.mp3")) == pytest.approx(8 * SR, rel=0.02)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_begins_anew_is_read_to_its_last_end(tmp_path, subtype):
    parts = [
        write(tmp_path / f"{i}.ogg", noise(4, i, 48000), 48000, subtype=subtype) for i in (1, 2)
    ]
    (tmp_path / "radio.ogg").write_bytes(b"".join(p.read_bytes() for p in parts))
    assert len(songs.read(tmp_path / "radio.ogg")) == pytest.approx(8 * SR, rel=0.01)


def test_a_little_damage_costs_no_song(tmp_path):
    path = write(tmp_path / "song.mp3", noise(8))
    whole, junk = path.read_bytes(), np.random.default_rng(0).bytes(3000)
    half = len(whole) // 2
    for damaged in (whole + junk, whole[:half] + junk[:400] + whole[half + 400 :]):
        path.write_bytes(damaged)
        assert len(songs.read(path)) == pytest.approx(8 * SR, rel=0.05)


def test_an_mp3_with_tags_at_both_ends(tmp_path):
    path = write(tmp_path / "song.mp3", noise(4))
    plain = songs.read(path)
    cover = b"\xff\xfb\x90Xing" * 2000
    size = len(cover)
    tag = b"ID3\x03\0\0" + bytes(size >> s & 127 for s in (21, 14, 7, 0)) + cover
    path.write_bytes(tag + path.read_bytes() + b"TAG" + b"x" * 125)
    np.testing.assert_allclose(songs.read(path), plain, atol=1e-6)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_of_a_recorder_that_did_not_know_its_length(tmp_path, size):
    path = write(tmp_path / "song.wav", noise(4))
    whole = bytearray(path.read_bytes())
    at = whole.index(b"data") + 4
    whole[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(whole)
    assert len(songs.read(path)) == pytest.approx(4 * SR, abs=10)


def test_a_flac_of_a_stream_that_did_not_know_its_length(tmp_path):
    path = write(tmp_path / "song.flac", noise(4))
    whole = bytearray(path.read_bytes())
    whole[21] &= 0xF0  # the last 36 bits of STREAMINFO's first 18 bytes count the samples
    whole[22:26] = bytes(4)
    path.write_bytes(whole)
    assert len(songs.read(path)) == 4 * SR


def test_bad_files_are_refused_in_one_line(tmp_path):
    contents = {
        "text.mp3": b"These are words, not music.\n" * 100,
        "page.mp3": b"#EXTM3U\n/etc/passwd\n",
        "empty.ogg": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "not audio that can be read")
    (tmp_path / "bytes.mp3").write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(InputError):
        songs.read(tmp_path / "bytes.mp3")
    holes, endless, spike = noise(4), noise(4), noise(4)
    holes[1000], endless[-1000], spike[-100] = np.nan, np.inf, 1e30
    edges = [noise(4), noise(4), noise(4, rate=44100)]
    edges[0][0], edges[1][100], edges[2][-1] = np.nan, 1e30, np.inf
    opposite = np.stack([noise(4), -noise(4)], axis=1)
    t = np.arange(4 * 96000) / 96000
    for path, reason in {
        tmp_path / "none.mp3": "no such file",
        tmp_path: "no such file",
        write(tmp_path / "short.wav", noise(2.9)): "shorter than 3 seconds",
        write(tmp_path / "slow.wav", noise(4), 100): "100 samples a second",
        write(tmp_path / "silent.wav", np.zeros(4 * SR)): "silent",
        write(tmp_path / "opposite.wav", opposite): "silent",
        write(tmp_path / "constant.wav", np.full(4 * 6000, 0.5), 6000): "silent",
        write(tmp_path / "beyond hearing.wav", np.sin(2 * np.pi * 30e3 * t), 96000): "silent",
        write(tmp_path / "nan.wav", holes, subtype="FLOAT"): "not finite",
        write(tmp_path / "inf.wav", endless, subtype="FLOAT"): "not finite",
        write(tmp_path / "first.wav", edges[0], subtype="FLOAT"): "not finite",
        write(tmp_path / "last.wav", edges[2], 44100, subtype="FLOAT"): "not finite",
        write(tmp_path / "click.wav", edges[1], subtype="FLOAT"): "not within -1 to 1",
        write(tmp_path / "spike.wav", spike, subtype="FLOAT"): "not within -1 to 1",
        write(tmp_path / "ints.wav", 32767 * noise(4), subtype="FLOAT"): "not within -1 to 1",
        write(tmp_path / "ints8.wav", 127 * noise(4), subtype="DOUBLE"): "not within -1 to 1",
    }.items():
        refused(path, reason)


def test_a_loud_master_is_heard_as_it_is(tmp_path):
    y = 5 * noise(4)
    assert 1 < np.abs(y).max() < 8
    loud = songs.read(write(tmp_path / "loud.wav", y, subtype="FLOAT"))
    np.testing.assert_array_equal(loud, y)


def test_an_hour_needs_little_beside_itself(tmp_path):
    with soundfile.SoundFile(tmp_path / "hour.flac", "w", 44100, 2) as file:
        part = np.stack([noise(60, 1, 44100), noise(60, 2, 44100)], axis=1)
        for _ in range(6):
            file.write(part)
    tracemalloc.start()
    y = songs.read(tmp_path / "hour.flac")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(y) == 360 * SR
    # Of ten minutes' kind, only the mono signal is held, and two blocks of 10 s in stereo.
    assert peak < 1.3 * y.nbytes + 4 * 10 * 44100 * 2 * 4


def test_the_excerpt_is_the_middle_as_it_was(tmp_path):
    y = np.stack([noise(25, 1, 8000), noise(25, 2, 8000)], axis=1)
    path = write(tmp_path / "song.wav", y, 8000, subtype="FLOAT")
    cut, rate = songs.excerpt(path, 5)
    assert rate == 8000
    np.testing.assert_array_equal(cut, y[80_000:120_000])
    assert songs.excerpt(path, 26)[0] is None
    assert songs.seconds(path) == 25


def test_a_folder_says_what_it_passed_over(tmp_path, monkeypatch):
    from PIL import Image

    (tmp_path / "deep").mkdir()
    for name in ("b.wav", "deep/a.mp3", ".hidden.wav"):
        write(tmp_path / name, noise(3.5))
    write(tmp_path / "nameless", noise(3.5), format="WAV")
    encode(tmp_path / "c.m4a", noise(4, rate=44100), "aac")
    (tmp_path / "broken.mp3").write_bytes(np.random.default_rng(0).bytes(999))
    (tmp_path / "notes.txt").write_text("Café")
    (tmp_path / "list.m3u").write_text("b.wav")
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 9)
    Image.new("RGB", (9, 9)).save(tmp_path / "cover.jpg")
    found, passed = songs.find(tmp_path)
    names = [p.relative_to(tmp_path).as_posix() for p in found]
    assert names == ["b.wav", "broken.mp3", "c.m4a", "deep/a.mp3", "nameless"]
    assert passed == {"picture": 1, "text": 2, "other": 1}
    told = songs.told(len(found), passed)
    assert told == "5 songs, 4 files passed over (2 texts, 1 picture, 1 other)"
    assert songs.told(1, passed.__class__()) == "1 song"
    monkeypatch.setattr(
        os, "access", lambda path, _: path.name not in ("deep", "a.mp3", "notes.txt")
    )
    assert songs.find(tmp_path) == (found, {"picture": 1, "text": 1, "other": 2})
    refused(tmp_path / "deep/a.mp3", "may not be read")
    assert songs.find(tmp_path / "notes.txt")[0] == [tmp_path / "notes.txt"]
    with pytest.raises(InputError, match="no such file or folder"):
        songs.find(tmp_path / "none")
    with pytest.raises(InputError, match="no such file or folder"):
        songs.find(tmp_path / ("a" * 300))
