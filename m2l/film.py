"""A song's film: one landscape that changes its mood as the music does.

Valence and arousal over time steer the generator's labels. Its noise vector, the scene, drifts
slowly, and turns to another where the music itself does. Loudness moves the light and the
nearness a little. Pictures are painted a few times a second and blended in between.

Conventions
-----------
Time is in seconds from the song's start. Emotions are quantiles u = (valence, arousal) among songs,
in [-1, 1], which are taken as the same quantiles among landscapes. Loudness is in [0, 1] within
the song. Frames are (size, size, 3) uint8.

References
----------
Foote 2000, "Automatic audio segmentation using a measure of audio novelty", ICME.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from m2l import Callable, generate
from m2l.doors import outputs
from m2l.errors import InputError

CODECS = {".mp4": ("libx264", "aac"), ".webm": ("libvpx-vp9", "libopus"), ".gif": ("gif", None)}
OPTIONS = {
    "libx264": {"preset": "veryfast", "rc-lookahead": "10"},
    "libvpx-vp9": {"b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"},
}
MUXING = {".mp4": {"movflags": "faststart"}}
SIZE, FPS = 512, 24
RATE = 48000  # of the sound, Hz
STEP = 0.5  # at which a song is described, s
PAINTED = 4  # pictures painted a second
DRIFT = 1 / 45  # scenes a second, at middling loudness
TURN = 5.0  # that a turn to the next scene takes, s
PART = 10.0  # the least between two turns, s
LIGHT, NEAR = 0.08, 0.05  # how much loudness changes the light, and the nearness
BATCH = 2


@dataclass
class Storyboard:
    """What a film shows, for each painted picture.

    Attributes
    ----------
    seconds : length of the song.
    time : ndarray (N,), s, `PAINTED` a second, from 0 to the song's end.
    u : ndarray (N, 2), the emotion.
    scene : ndarray (N,), place on the way through the scenes; whole numbers are seeds.
    loudness : ndarray (N,)
    turns : ndarray (K,), s, the music's boundaries.
    """

    seconds: float
    time: np.ndarray
    u: np.ndarray
    scene: np.ndarray
    loudness: np.ndarray
    turns: np.ndarray

    def count(self, fps=FPS):
        """Number of frames: the song's length to within half a frame."""
        return max(1, round(self.seconds * fps))

    def frames(self, size=SIZE, fps=FPS, weights=generate.WEIGHTS):
        """Yield the frames, each (size, size, 3) uint8."""
        from PIL import Image

        pairs = pairwise(self._pictures(size, generate.load(weights)))
        place, (before, after) = 0, next(pairs)
        for i in range(self.count(fps)):
            at = min(i * PAINTED / fps, len(self.time) - 1)
            while place + 1 < at:
                place, (before, after) = place + 1, next(pairs)
            yield np.asarray(Image.blend(before, after, at - place))

    def _pictures(self, size, released):
        """Yield the painted pictures, enlarged, with their light and nearness."""
        from PIL import Image

        lit = 1 + LIGHT * (2 * self.loudness - 1)
        side = size / (1 + NEAR * self.loudness)  # of the part that is shown
        place = evenly(self.scene, np.median(self.u, axis=0), released)
        for start in range(0, len(self.time), BATCH):
            rows = slice(start, start + BATCH)
            z = scenes(place[rows], released.z)
            images = generate.sized(z, self.u[rows], released, size, BATCH)
            for image, light, part in zip(images, lit[rows], side[rows], strict=True):
                image = Image.fromarray(image).point(
                    np.clip(np.arange(256) * light, 0, 255).tolist() * 3
                )
                near = (size - part) / 2
                box = (near, near, near + part, near + part)
                yield image.resize((size, size), Image.Resampling.BICUBIC, box)


def scenes(place, z):
    """Noise (N, z) of places (N,) on a smooth way through the scenes of the seeds around them.

    Neighbouring seeds' noise is mixed by Gaussian weights whose squares sum to one: what comes out
    is as long as what the generator was trained with.
    """
    place = np.asarray(place, float)
    seeds = np.arange(np.floor(place.min()) - 2, np.ceil(place.max()) + 3)
    weights = np.exp(-2 * (place[:, None] - seeds) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    # Seeds may not be negative; those before the first one are of the other end.
    known = generate.noise(seeds.astype(int) % 2**24, z).numpy()
    return (weights @ known).astype(np.float32)


def evenly(scene, u, released, steps=16):
    """Places (N,) at which the picture changes as evenly as `scene` does.

    Between two scenes a generator may change little for long and then much at once. Places are
    moved within each scene's span so that equal steps are equally far apart in the picture.

    Parameters
    ----------
    scene : ndarray (N,), non-decreasing.
    u : ndarray (2,), the emotion for which pictures are compared.
    steps : pictures compared for each scene.
    """
    first, last = int(np.floor(scene.min())), int(np.floor(scene.max())) + 1
    grid = np.linspace(first, last, (last - first) * steps + 1)
    z = scenes(grid, released.z)
    side = min(released.resolution, 32)
    coarse = generate.render(z, np.tile(u, (len(z), 1)), released, BATCH, side).astype(np.int16)
    apart = np.array([np.abs(a - b).mean() for a, b in pairwise(coarse)]).reshape(-1, steps)
    apart += apart.mean() / 4 + 1e-9  # where nothing changes, no step is endless
    apart /= apart.sum(1, keepdims=True)
    return np.interp(scene, first + np.concatenate([[0], apart.cumsum()]), grid)


def storyboard(song, seed=0, felt=None):
    """Plan a song's film.

    Parameters
    ----------
    song : its file.
    seed : the scene that it begins with.
    felt : pair of time (N,) and u (N, 2), the emotion over time; by default what is heard, `path`.

    Raises
    ------
    InputError
        If the song cannot be read.
    """
    from scipy.ndimage import gaussian_filter1d

    seconds, level, rows = describe(song)
    moments, felt = felt or path(song)
    time = np.arange(np.ceil(seconds * PAINTED) + 1) / PAINTED
    u = np.stack([np.interp(time, moments, column) for column in np.transpose(felt)], axis=1)
    u = gaussian_filter1d(u, PAINTED, axis=0, mode="nearest")
    loudness, turns = _loudness(level, time), boundaries(rows)
    near = np.clip((time[:, None] - turns) / TURN, -0.5, 0.5)
    speed = DRIFT * (0.5 + loudness) + ((1 + np.cos(2 * np.pi * near)) / TURN).sum(1)
    scene = seed + np.concatenate([[0], np.cumsum(speed[:-1])]) / PAINTED
    return Storyboard(seconds, time, u, scene, loudness, turns)


def describe(song):
    """A song in steps of half a second (`STEP`), read in blocks.

    Returns
    -------
    seconds : length of the song.
    level : ndarray (N,), dB of the mean square.
    rows : ndarray (N, 36), the spectrum in 24 bands from 60 Hz to 10 kHz, in dB, and in the twelve
        pitch classes, as shares of their sum.
    """
    from m2l.doors import songs

    size, frame = round(STEP * songs.SR), 2048
    hertz = np.fft.rfftfreq(frame, 1 / songs.SR)[1:]
    band = np.floor(24 * np.log(hertz / 60) / np.log(10000 / 60))
    pitch = np.where((hertz > 100) & (hertz < 2000), np.round(12 * np.log2(hertz / 440)) % 12, -1)
    sums = np.hstack([band[:, None] == np.arange(24), pitch[:, None] == np.arange(12)])
    window, held, total, level, rows = np.hanning(frame), np.zeros(0, np.float32), 0, [], []
    for block in songs.blocks(song):
        total += len(block)
        held = np.concatenate([held, block])
        steps = held[: len(held) // size * size].reshape(-1, size)
        held = held[steps.size :]
        level += (10 * np.log10((steps**2).mean(1) + 1e-10)).tolist()
        frames = steps[:, : size // frame * frame].reshape(len(steps), size // frame, frame)
        power = np.square(np.abs(np.fft.rfft(frames * window))).mean(1)[:, 1:] @ sums
        pitches = power[:, 24:] / (power[:, 24:].sum(1, keepdims=True) + 1e-10)
        rows.append(np.hstack([10 * np.log10(power[:, :24] + 1e-4), pitches]))
    return total / songs.SR, np.array(level), np.concatenate(rows)


def path(song, model="ear"):
    """The way of a song through the plane.

    Returns
    -------
    time : ndarray (N,), s, one a second.
    u : ndarray (N, 2), quantiles of valence and arousal among songs, in [-1, 1].
    """
    from m2l.music import ear

    heard = ear.over_time(song, model)
    return heard["time"].to_numpy(), ear.load(model).va_map(
        heard[["valence", "arousal"]].to_numpy()
    )


def _loudness(level, time):
    """Loudness in [0, 1] at some times, from decibels each half second, without its beats.

    From the song's quiet parts to its loud ones, which are taken to be 12 dB apart at least: in
    music that keeps its level, nothing moves.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(np.maximum(level, -70), 1 / STEP, mode="nearest")
    low, high = np.percentile(smooth, [5, 95])
    spare = max(0, 12 - (high - low)) / 2
    smooth = np.interp(time, (np.arange(len(smooth)) + 0.5) * STEP, smooth)
    return np.clip((smooth - low + spare) / (high - low + 2 * spare), 0, 1)


def boundaries(rows, reach=8.0, least=0.12):
    """Where the music turns: peaks of Foote's novelty, which compares what was with what comes.

    Parameters
    ----------
    rows : ndarray (N, F), descriptors of the sound each half second, see `describe`.
    reach : how far before and after a moment the sound is compared, s.
    least : height of a peak; novelty is in [-1, 1].

    Returns
    -------
    ndarray (K,), s, at least `PART` apart and from both ends.
    """
    from scipy.ndimage import maximum_filter1d

    spread = rows.std(0)
    rows = (rows - rows.mean(0))[:, spread > 1e-9] / spread[spread > 1e-9]
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    half = round(reach / STEP)
    at = np.arange(-half, half) + 0.5
    taper = np.exp(-2 * (at / half) ** 2) * np.sign(at)
    kernel = np.outer(taper, taper) / np.abs(taper).sum() ** 2
    rows = np.pad(rows, ((half, half), (0, 0)), mode="edge")
    windows = (rows[i : i + 2 * half] for i in range(len(rows) - 2 * half))
    novelty = np.array([(kernel * (near @ near.T)).sum() for near in windows])
    seconds = np.arange(len(novelty)) * STEP
    peak = (novelty == maximum_filter1d(novelty, 2 * round(PART / STEP) + 1)) & (novelty > least)
    return seconds[peak & (seconds > PART) & (seconds < seconds[-1] - PART)]


def write(song, out, size=SIZE, fps=None, seed=0, felt=None, quality=21, weights=generate.WEIGHTS):
    """Write a song's film, sound included.

    An interrupt (Ctrl-C) ends the film where it is: what is done is kept.

    Parameters
    ----------
    song : its file.
    out : .mp4 (H.264, AAC), .webm (VP9, Opus) or .gif (without sound).
    size : side in pixels, even; fps : frames a second, 24 by default, of a GIF 10.
    seed : the scene that it begins with; felt : as in `storyboard`.
    quality : of the pictures, by x264's constant rate factor: 18 is very good, 30 is small.

    Returns
    -------
    done, total : float, length of the film and of the song in seconds.

    Raises
    ------
    InputError
        If the song cannot be read, or the film cannot be written in that format or size.
    """
    import av
    from tqdm.auto import tqdm

    out = Path(out)
    suffix = out.suffix.lower()
    outputs.check(out, CODECS, [song])
    if size % 2 or size < 16:
        raise InputError(f"size {size}: not an even number from 16; try {SIZE}")
    fps, board = fps or (10 if suffix == ".gif" else FPS), storyboard(song, seed, felt)
    total, done = board.count(fps), 0
    with (
        outputs.writing(out) as part,
        av.open(str(part), "w", format=suffix[1:], options=MUXING.get(suffix, {})) as file,
    ):
        show = _Pictures(file, CODECS[suffix][0], size, fps, quality)
        play = _Sound(file, CODECS[suffix][1], song) if CODECS[suffix][1] else None
        try:
            pictures = board.frames(size, fps, weights)
            for frame in tqdm(pictures, total=total, unit="frame", disable=None):
                show(frame)
                done += 1
                if play:
                    play(done / fps)
        except KeyboardInterrupt:
            if not done:
                raise
        show.end()
        if play:
            play.end()
    return done / fps, board.seconds


class _Pictures:
    """The video of a file, frame by frame."""

    def __init__(self, file, codec, size, fps, quality):
        self.file, self.fps, self.count, self.colours = file, fps, 0, None
        # VP9 counts to 63 where x264 counts to 51.
        factor = {"crf": str(quality if codec == "libx264" else round(1.5 * quality))}
        options = OPTIONS[codec] | factor if codec in OPTIONS else {}
        self.stream = file.add_stream(codec, Fraction(fps), options=options)
        self.stream.width = self.stream.height = size
        self.stream.pix_fmt = "yuv420p"
        if codec == "gif":
            self.stream.pix_fmt, self.colours = "pal8", _palette(size, fps)

    def __call__(self, frame):
        import av

        frame = av.VideoFrame.from_ndarray(frame, "rgb24")
        frame.pts, frame.time_base = self.count, Fraction(1, self.fps)
        self.count += 1
        if self.colours:
            self.colours.vpush(frame)
            frame = self.colours.vpull()
        self.file.mux(self.stream.encode(frame))

    def end(self):
        self.file.mux(self.stream.encode(None))


def _palette(size, fps):
    """A filter that gives each frame 256 colours of its own."""
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(width=size, height=size, format="rgb24", time_base=Fraction(1, fps))
    split, sink = graph.add("split"), graph.add("buffersink")
    palette = graph.add("palettegen", "stats_mode=single")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
    for one, *link in (
        (source, split), (split, palette, 0), (split, use, 1, 0), (palette, use, 0, 1), (use, sink)
    ):  # fmt: skip
        one.link_to(*link)
    graph.configure()
    return graph


class _Sound:
    """The sound of a file, from a song's."""

    def __init__(self, file, codec, song):
        import av

        self.file, self.count = file, 0
        self.stream = file.add_stream(codec, RATE, layout="stereo")
        self.bytes = open(song, "rb")  # noqa: SIM115, closed at the end
        self.source = av.open(self.bytes, metadata_errors="replace")
        self.ready = av.AudioFifo()
        self.frames = self._frames(av.AudioResampler("fltp", "stereo", RATE))

    def _frames(self, resampler):
        """Yield the song's sound as the encoder wants it."""
        for frame in chain(self.source.decode(audio=0), [None]):
            yield from resampler.resample(frame)

    def __call__(self, seconds):
        """Write the sound up to some time."""
        wanted = round(seconds * RATE) - self.count
        while self.ready.samples < wanted and (frame := next(self.frames, None)):
            frame.pts = None
            self.ready.write(frame)
        if sound := self.ready.read(wanted, partial=True):
            sound.pts, sound.time_base = self.count, Fraction(1, RATE)
            self.count += sound.samples
            self.file.mux(self.stream.encode(sound))

    def end(self):
        self.file.mux(self.stream.encode(None))
        self.source.close()
        self.bytes.close()


run = write
Callable.make(__name__)
