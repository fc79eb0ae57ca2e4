"""One reader for songs: whatever a decoder opens is a song, whatever its name.

Conventions
-----------
The signal that is analysed is mono float32 at 22,050 Hz, full scale ±1: channels are averaged,
then resampled by soxr. All checks are made on it. Songs are read in blocks to their last frame,
so that an hour of sound fits into memory; the lengths that some files only estimate are no limit.
libsndfile reads wav, flac, ogg, opus, aiff and the like, PyAV the mp3, m4a, aac, webm and the
sound of videos. Names of files are the system's bytes, never text that has to be decodable.
"""

from __future__ import annotations

import contextlib
import math
import mimetypes
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from m2l.errors import InputError

SR = 22050
MIN_SECONDS = 3.0
SILENCE_PEAK = 1e-4  # -80 dBFS
SLOWEST = 1000  # Hz; below, a wrong header makes days of a minute
LOUDEST = 8.0  # +18 dBFS: mastered songs overshoot ±1 a little, integers taken for floats a lot

WHOLE = 0.95  # share of the length it tells that a whole file has at least

_BLOCK = 10  # s
_EDGE = 512  # samples at both ends, where resampling a constant rings
_NO_END = "lacks an end-of-stream bit"  # libsndfile's note of an ogg that is cut
# Those that tell their length:
_PROMISE = ("mov", "matroska", "flac", "wav", "wv", "ogg", "asf", "avi", "aiff", "caf")


def read(path):
    """Read a song as mono at 22,050 Hz.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray (n,), float32; mostly within [-1, 1], which a loud master may leave by a little.

    Raises
    ------
    InputError
        There is no such file, it holds no sound, it is truncated or damaged, or what is heard is
        shorter than 3 seconds, silent (a constant, or a peak below −80 dBFS), not finite, or far
        out of range.
    """
    sound = bytearray()  # grows in place: an hour is 318 MB
    for block in blocks(path):
        sound += block.data
    return np.frombuffer(sound, np.float32)


def blocks(path):
    """The signal of `read` in blocks of 10 seconds, for songs that need not be held whole.

    The last checks, on length and silence, are made when all has been read.
    """
    import soxr

    stream, rate, given, made = None, SR, 0, 0
    low, high = np.inf, -np.inf
    for rate, raw in _channels(path):
        if rate < SLOWEST:
            raise InputError(f"{path}: {rate} samples a second, too few; export the file again")
        given += len(raw)
        if not np.isfinite(raw).all():
            raise InputError(f"{path}: has samples that are not finite; export the file again")
        block = raw[:, 0] if raw.shape[1] == 1 else raw.mean(axis=1)
        least, most = block.min(), block.max()
        if max(-least, most) > LOUDEST:
            raise InputError(
                f"{path}: samples from {least:.3g} to {most:.3g}, not within -1 to 1; "
                "export the file again"
            )
        if rate != SR:
            stream = stream or soxr.ResampleStream(rate, SR, 1, dtype="float32", quality="HQ")
            block = stream.resample_chunk(block)
        # At its start, and in what the resampler keeps to its end, a constant rings.
        inner = block[max(0, _EDGE - made) :]
        if len(inner):
            low, high = min(low, inner.min()), max(high, inner.max())
        made += len(block)
        if len(block):
            yield block
    if given < MIN_SECONDS * rate:
        raise InputError(f"{path}: shorter than {MIN_SECONDS:.0f} seconds; give a longer excerpt")
    if high - low < 2 * SILENCE_PEAK:
        raise InputError(
            f"{path}: silent, as mono its peak is below -80 dBFS; give a file with sound"
        )
    if stream:
        rest = stream.resample_chunk(np.empty(0, np.float32), last=True)
        length = math.ceil(given * SR / rate) - made  # as librosa.resample has it
        yield np.pad(rest, (0, max(0, length - len(rest))))[:length]


def excerpt(path, seconds):
    """The middle of a song as it is: all channels, its own rate.

    Returns
    -------
    sound : ndarray (n, channels) float32, or None where the song is shorter.
    rate : int, Hz
    """
    rates, blocks = zip(*_channels(path), strict=True)
    sound, rate = np.concatenate(blocks), rates[-1]
    length = round(seconds * rate)
    start = (len(sound) - length) // 2
    return (sound[start : start + length] if start >= 0 else None), rate


def seconds(path):
    """How long a song lasts to its last frame."""
    return sum(len(block) / rate for rate, block in _channels(path))


def find(*paths):
    """List the songs among files and under folders.

    A file that is named is taken for a song, for the reader to judge. Under a folder, at any depth,
    a song is what a decoder opens; a file that is named like one and does not open is listed too,
    so that the reader says what is wrong with it. Hidden files are left out.

    Returns
    -------
    songs : list of Path, those of a folder sorted
    passed : Counter of what else there was: "picture", "text", "other"

    Raises
    ------
    InputError
        There is no such file or folder, or no song in a folder.
    """
    songs, passed = [], Counter()
    for path in map(Path, paths):
        if os.path.isfile(path):  # without a fault where that cannot be known
            songs.append(path)
            continue
        if not os.path.isdir(path):
            raise InputError(f"{path}: no such file or folder; check the path")
        there, others = [], Counter()
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if hidden or not file.is_file():
                continue
            if (kind := _kind(file)) == "song":
                there.append(file)
            else:
                others[kind] += 1
        if not there:
            raise InputError(f"{path}: no songs in this folder ({told(0, others)}); name another")
        songs, passed = songs + there, passed + others
    return songs, passed


def told(songs, passed):
    """What a folder held, such as "12 songs, 3 files passed over (2 pictures, 1 text)"."""
    found = f"{songs} song{'s' * (songs != 1)}"
    if not passed:
        return found
    kinds = ", ".join(f"{n} {k}{'s' * (n != 1 and k != 'other')}" for k, n in passed.most_common())
    total = passed.total()
    return f"{found}, {total} file{'s' * (total != 1)} passed over ({kinds})"


def _kind(path):
    from m2l.doors import pictures

    try:
        with _decoder(path):
            return "song"
    except InputError:
        pass
    if pictures.is_one(path):
        return "picture"
    named = mimetypes.guess_type(path.name)[0] or ""
    if named.startswith("audio/") and "url" not in named:
        return "song"
    return "text" if os.access(path, os.R_OK) and _is_text(path) else "other"


def _is_text(path):
    with open(path, "rb") as file:
        head = file.read(1024)
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else the last letter is cut
            return False
    return b"\0" not in head


def _channels(path):
    """Yield (rate, float32 block (n, channels)) to the last frame."""
    with _decoder(path) as decoded:
        yield from decoded


@contextlib.contextmanager
def _decoder(path):
    """Open a song with the decoder that can."""
    path = Path(path)
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file; check the path")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: may not be read; change its rights")
    with open(path, "rb") as file:
        if sound := _libsndfile(file):
            with sound:
                yield _by_libsndfile(path, sound)
            return
    with open(path, "rb") as file, _pyav(path, file) as (container, stream):
        yield _by_pyav(path, file, container, stream)


def _libsndfile(file):
    """A file opened by libsndfile; None if that takes an estimate, nothing or a part for it all."""
    import soundfile

    try:
        with _quiet():
            # By its number: in a name, soundfile looks for the format, and for UTF-8.
            sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError:
        return None
    # An ogg that goes on behind its end, as recordings of radio do.
    chained = "Junk after the last page" in sound.extra_info and _NO_END not in sound.extra_info
    if sound.format != "MP3" and 0 < sound.frames < 2**62 and not chained:
        return sound
    sound.close()
    return None


def _by_libsndfile(path, sound):
    import soundfile

    read = 0
    while True:
        try:
            block = sound.read(_BLOCK * sound.samplerate, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            raise _damaged(path) from None
        if not len(block):
            break
        read += len(block)
        yield sound.samplerate, block
    if _ends_early(sound, read):
        raise _damaged(path)


def _ends_early(sound, read):
    """Whether an open SoundFile, of which `read` frames could be read, is only part of a file."""
    if read < WHOLE * sound.frames:
        return True
    # libsndfile shortens wav, aiff and the like to what is there and says so in its log only.
    # Streams that do not know their length write the largest sizes.
    sizes = re.findall(r": (\d+) \(should be (\d+)\)", sound.extra_info)
    if any(int(there) < WHOLE * int(told) < 0x7FFFF000 * WHOLE for told, there in sizes):
        return True
    return _NO_END in sound.extra_info


@contextlib.contextmanager
def _pyav(path, file):
    """A file opened by PyAV, and its first stream of sound."""
    import av

    fault = InputError(f"{path}: not audio that can be read; give a song, as mp3, ogg, wav or m4a")
    # Playlists and subtitles are text, which FFmpeg would follow to other files.
    if _is_text(path):
        raise fault
    try:
        container = av.open(file, metadata_errors="replace")
    except (av.FFmpegError, ValueError):
        raise fault from None
    with container:
        stream = next(iter(container.streams.audio), None)
        # A stream without a rate is a guess at bytes that are no sound.
        if stream is None or not stream.rate:
            raise fault
        yield container, stream


def _by_pyav(path, file, container, stream):
    import av

    good, bad, inside, samples, rate = 0, 0, 0, 0, stream.rate
    held, waiting, kind, first = [], 0, None, None
    packets = container.demux(stream)
    while bad <= 100 + good:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except av.FFmpegError:  # damage, or a tag behind the last frame
            bad += 1
            continue
        good, inside = good + 1, bad  # what is bad behind the last good one is no part of the song
        for frame in frames:
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            first = first or now
            if now != kind:  # joined files may change channels and rate, and go on as the first
                kind, resampler = now, av.AudioResampler("fltp", *first[1:])
            for part in resampler.resample(frame):
                rate, samples = part.sample_rate, samples + part.samples
                held.append(part.to_ndarray().T)
                waiting += part.samples
        if waiting >= _BLOCK * rate:
            yield rate, np.ascontiguousarray(np.concatenate(held))
            held, waiting = [], 0
    if held:
        yield rate, np.ascontiguousarray(np.concatenate(held))
    promised = _promised(file, container, stream)
    short = samples < WHOLE * promised * rate if promised else inside > (1 - WHOLE) * good
    if short or not samples:
        raise _damaged(path)


def _promised(file, container, stream):
    """Seconds that a file says it lasts; 0 where it does not say, or only bytes are counted."""
    names = container.format.name.split(",")
    if "mp3" in names:
        return _counted(file) * (1152 if stream.rate >= 32000 else 576) / stream.rate
    if set(names) & set(_PROMISE):
        if stream.duration:
            return float(stream.duration * stream.time_base)
        if container.duration and len(container.streams) == 1:  # a picture may outlast the sound
            return container.duration / 1e6
    return 0


def _counted(file):
    """How many frames an mp3 tells in a Xing, Info or VBRI header; 0 without."""
    file.seek(0)
    head = file.read(10)
    size = 0
    if head[:3] == b"ID3":
        a, b, c, d = head[6:10]
        size = 10 + (a << 21 | b << 14 | c << 7 | d)
    file.seek(size)
    told = re.search(
        rb"(?:Xing|Info)\0\0\0[\1\3\5\7\x09\x0b\x0d\x0f](.{4})|VBRI.{10}(.{4})",
        file.read(4096),
        re.DOTALL,
    )
    return int.from_bytes(told[1] or told[2]) if told else 0


def _damaged(path):
    return InputError(f"{path}: truncated or damaged; get the whole file again")


@contextlib.contextmanager
def _quiet():
    """Keep the notes that the mp3 decoder writes past Python, straight to the terminal."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
