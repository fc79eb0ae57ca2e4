"""Paint a small landscape from a valence and an arousal.

The sample corpus needs pictures whose emotion is known by construction. `landscape` builds a scene
(mountains, lake, sea, forest or hills, by seed) from the sky down to the foreground and gives it
the palette, light, relief and weather of the emotion: bright, warm and clear for high valence, dim,
cold and overcast for low; contrast, jagged relief, waves and storms for high arousal, smooth
shapes and mist for low.

Conventions
-----------
Valence and arousal are on the 1–9 scale (Russell 1980). Pictures are uint8 RGB, (size, size, 3),
rows downwards. Inside, colours are floats in [0, 1], positions are shares of the picture's side,
and everything is painted at twice the size and averaged down. All random choices come from the
seed alone, so one seed shows one place whatever its mood and size.
The canvas is (3, rows, columns), since colours (3, 1, 1) then mix with shades (rows, columns)
without reshaping, and fast.

References
----------
Russell 1980, "A circumplex model of affect", J. Personality and Social Psychology 39(6).
Valdez & Mehrabian 1994, "Effects of color on emotions", J. Experimental Psychology: General 123(4).
Palmer, Schloss, Xu & Prado-León 2013, "Music–color associations are mediated by emotion", PNAS
110(22).
Kaplan & Kaplan 1989, The Experience of Nature, Cambridge University Press.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from m2l.errors import InputError

SCENES = ("mountains", "lake", "sea", "forest", "hills")

# Each palette: sky at the zenith, half-way and at the horizon; the sun or moon; lit and shaded
# cloud; the farthest ridge; rock; trees; grass; water.
_PARTS = ("zenith", "sky", "horizon", "sun", "cloud", "shade", "far", "rock", "tree", "grass",
          "water")  # fmt: skip
_PALETTES = {
    (1, 1): (  # vivid sunset, summer noon, golden autumn
        "5070b8 ef9a78 ffc45c fff2c4 ffdf9e c76a78 b97a8c 8a5648 4f5a2c b8943c e99a5e",
        "4a97dc 98cef0 fff0cc fffbe2 ffffff bccade 98b2c6 a08c72 4f8a44 a8c458 58aec0",
        "569cd4 b8dae6 ffe4a8 fff6d4 fff8e6 dcc0a4 b99a90 a07a5a bc6c2c dcb04c 68a8b2",
    ),
    (1, -1): (  # peach dawn, soft spring, honey evening
        "a4bce4 f4d0c8 ffe8c6 fff6de fff2e8 e4c2c8 cfb8d0 a896a0 86a08c bccc94 ecd4cc",
        "92c8ea d6ecf0 fef4da fffcea ffffff d2dee2 b6d0d0 a2a89a 74aa74 bede8a b4dce0",
        "bcc6d8 f6dcb4 ffecb6 fffae0 fff0d2 dcb692 d0b09c a88c74 86894c ccba66 ecd4a6",
    ),
    (-1, -1): (  # grey mist, blue dusk, winter grey
        "5c6872 78838c 929a9e b4babc 8d969c 5f6a73 747f87 4d565c 323c3e 4a564e 69757d",
        "182440 32466a 61758e d4dfec 4c5f7c 263450 40526e 2c3a50 121c2a 1e2c3a 2c4060",
        "68747f 848e99 9aa1a8 bcc2c8 949da6 68737f 7b8791 525d68 35424a 78848c 64727e",
    ),
    (-1, 1): (  # thunderstorm, steel gale, violet storm
        "161b27 343f4c 7d8b88 b8c4be 65727c 12161f 323e4a 20272d 0d1412 222c20 25353c",
        "232e3a 4a5964 94a29e c4cecb 7a8891 29343e 45535e 2b343a 151d1c 343d2c 34474f",
        "18162a 38324e 80708a c4b4c8 675f7c 15132a 39354e 25222f 100f18 262a28 2c2c46",
    ),
    (0, 0): (  # mild days
        "6c9fcc b4cfdc ecdfc4 fff4dc eceef0 a4b2c0 93aabb 7f7a74 4c6a4e 8aa25c 6d9ab2",
        "7d97bc c2c8d2 f0d8bc fff0d8 f0e6e0 a9aab8 9ea6b6 847870 5a6b48 9c9c5a 7f9aae",
    ),
}


def landscape(valence, arousal, seed=0, size=128):
    """Paint a landscape that expresses an emotion.

    Brightness and saturation follow Valdez & Mehrabian (1994), warm light for happy and dark,
    cold light for sad follow the colours that listeners match to music (Palmer et al. 2013);
    scenes mix open ground, water and depth, which people like in nature (Kaplan & Kaplan 1989).

    Parameters
    ----------
    valence, arousal : float, 1–9.
    seed : int, not negative; chooses the scene, its shapes and one of several palettes.
    size : int, 16–1024, side of the picture in pixels.

    Returns
    -------
    ndarray (size, size, 3), uint8, RGB.

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    for name, value in (("valence", valence), ("arousal", arousal)):
        if not 1 <= value <= 9:
            raise InputError(f"{name} {value}: not on the 1–9 scale; give a number from 1 to 9")
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give a whole number from 0")
    if not 16 <= size <= 1024:
        raise InputError(f"size {size}: a picture is 16 to 1,024 pixels wide; choose such a size")
    place = _Place((valence - 5) / 4, (arousal - 5) / 4, seed, 2 * size)
    canvas = _sky(place)
    _PAINTERS[place.scene](place, canvas)
    _weather(place, canvas)
    picture = _grade(place, canvas).reshape(3, size, 2, size, 2).mean((2, 4))
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8).transpose(1, 2, 0)


def scene(seed):
    """Name the scene of a seed, one of `SCENES`, which take turns."""
    return SCENES[seed % len(SCENES)]


class _Place:
    """A scene's mood, colours, grid and random choices."""

    def __init__(self, v, a, seed, n):
        self.v, self.a, self.seed, self.n = v, a, seed, n
        self.scene = scene(seed)
        rng = self.rng(9)
        self.colours = _palette(v, a, rng)
        self.x = (np.arange(n, dtype=np.float32) + 0.5) / n
        self.y = self.x[:, None]
        side = 1 if rng.random() < 0.5 else -1
        self.light = side  # the sun stands to the right (1) or to the left (-1)
        self.sun = (0.5 + side * rng.uniform(0.12, 0.34), rng.uniform(0.16, 0.34))
        self.horizon = rng.uniform(0.50, 0.60)
        self.cloudiness = rng.uniform(-0.35, 0.35)
        self.snows = rng.random() < 0.5 and a < 0.2  # what falls when something falls
        if self.snows:
            snow = 0.9 * _mix(self.colours["cloud"], self.colours["horizon"], 0.5)
            lying = 0.8 * _step(-v, 0.15, 0.7)
            self.colours["grass"] = _mix(self.colours["grass"], snow, lying)
        self.flashes = rng.random() < 0.5 and v < 0 < a
        self.wind = rng.uniform(0.15, 0.45) * side

    def rng(self, layer):
        """Random numbers of one layer, the same whatever was painted before."""
        return np.random.default_rng([self.seed, layer])

    def noise(self, layer, rows, columns, octaves, gain=0.5, ridged=False, y=None):
        """Smooth noise over the picture, about 0 with standard deviation near 1.

        Each octave is a small random grid, interpolated in both directions by matrix products;
        `y` (m,) takes other rows, for instance in perspective. Ridged noise has sharp crests.
        """
        rng = self.rng(layer)
        out = np.zeros((self.n if y is None else len(y), self.n), np.float32)
        for k in range(octaves):
            r, c = (max(2, round(m * 2**k)) for m in (rows, columns))
            grid = rng.standard_normal((r + 3, c + 3), dtype=np.float32)
            if max(r, c) > self.n / 2:  # finer than the pixels: left out
                break
            down = _even_spline(self.n, r) if y is None else _spline(y, r)
            part = 1.5 * down @ grid @ _even_spline(self.n, c).T
            if ridged:
                part = 1.6 - 2 * np.abs(part)
            out += gain**k * part
        return out / np.float32(np.sqrt(sum(gain ** (2 * k) for k in range(octaves))))

    def profile(self, layer, waves, octaves, gain=0.5, ridged=False):
        """Noise along x: the line of a ridge, (n,)."""
        return self.noise(layer, 2, waves, octaves, gain, ridged, y=np.full(1, 0.5))[0]

    def from_row(self, share):
        """The rows from a height downwards, as a slice and as positions."""
        rows = slice(int(np.clip(share, 0, 0.98) * self.n), None)
        return rows, self.x[rows]


@lru_cache(maxsize=256)
def _even_spline(n, cells):
    return _spline((np.arange(n) + 0.5) / n, cells)


def _spline(at, cells):
    """Weights (len(at), cells + 3) of a uniform cubic B-spline at positions in [0, 1]."""
    position = np.clip(at, 0, 1) * (cells - 1e-3)
    left = position.astype(int)
    t = (position - left).astype(np.float32)
    bumps = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    weights = np.zeros((len(t), cells + 3), np.float32)
    for k, bump in enumerate(bumps):
        weights[np.arange(len(t)), left + k] = bump / 6
    return weights


def _palette(v, a, rng):
    """Blend the palettes of the corners and the middle by their nearness to the emotion."""
    chosen, weights = [], []
    for (pv, pa), variants in _PALETTES.items():
        code = variants[rng.integers(len(variants))]
        chosen.append([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in code.split()])
        weights.append(np.exp(-((v - pv) ** 2 + (a - pa) ** 2) / (2 * 0.5**2)))
    mixed = np.tensordot(np.array(weights) / sum(weights), np.array(chosen), 1)
    return dict(zip(_PARTS, mixed.astype(np.float32)[..., None, None], strict=True))


def _step(x, low, high):
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _mix(one, other, share):
    """Part of the way from one colour to another."""
    return one + np.float32(share) * (other - one)


def _over(canvas, colour, alpha):
    """Lay a colour over the canvas with an opacity (rows, n) from 0 to 1."""
    canvas += alpha * (colour - canvas)


# --- sky ----------------------------------------------------------------------------------------


def _sky(place):
    """Gradient, glow, sun or moon, and clouds in perspective."""
    c, n, v, a = place.colours, place.n, place.v, place.a
    y = place.y / np.float32(place.horizon)
    column = _mix(c["zenith"], c["sky"], _step(y, 0.0, 0.65))
    canvas = np.repeat(_mix(column, c["horizon"], _step(y, 0.35, 1.05) ** 1.3), n, axis=2)
    far = np.sqrt((place.x - place.sun[0]) ** 2 + (place.y - place.sun[1]) ** 2)
    shine = np.clip(0.55 + 0.45 * v - 0.15 * a, 0.05, 1)
    disc = _step(-far, -0.046, -0.038)
    glow = shine * (0.50 * np.exp(-far / 0.10) + 0.28 * np.exp(-far / 0.35))
    _over(canvas, c["sun"], np.maximum(glow, shine**0.7 * disc))

    # Cover grows as valence falls; arousal piles the clouds up, calm draws them out.
    rows = slice(0, int((place.horizon + 0.02) * n))
    y = y[rows, 0]
    depth = 0.3 * y / (1.3 - y)  # clouds shrink towards the horizon
    puff = place.noise(1, 8, 3.2, 5, 0.55, y=depth)
    streak = place.noise(2, 16, 1.3, 5, 0.5, y=depth)
    heap = np.float32(np.clip(0.55 + 0.55 * a, 0, 1))
    field = (heap * puff + (1 - heap) * streak) / np.sqrt(heap**2 + (1 - heap) ** 2)
    bare = 0.7 + 1.0 * v - 0.25 * a + place.cloudiness
    alpha = _step(field, bare - 0.9, bare + 0.6 + 0.4 * (1 - heap))
    shift = max(1, n // 40)
    ahead = np.pad(field, shift, "edge")[2 * shift :]
    lit = field - (ahead[:, : -2 * shift] if place.light > 0 else ahead[:, 2 * shift :])
    lit = _step(lit, -0.9, 0.9) - 0.30 * _step(field, bare, bare + 1.8)
    colour = _mix(c["shade"], c["cloud"], np.clip(lit, 0, 1))
    _over(canvas[:, rows], colour, 0.92 * alpha * _step(-y, -1.1, -0.75)[:, None])
    return canvas


# --- land ---------------------------------------------------------------------------------------


def _peaks(place, canvas, layer, base, height, near):
    """A range of peaks with lit and shaded faces, snow and haze.

    `base` and `height` are shares of the picture; `near` runs from 0, at the horizon, to 1.
    """
    c, n, a = place.colours, place.n, place.a
    rng = place.rng(layer)
    at = (np.arange(5) + rng.uniform(-0.3, 0.3, 5)) / 4
    tall = rng.permuted(np.array([1.0, 0.85, 0.6, 0.5, 0.4])) * rng.uniform(0.85, 1.0, 5)
    wide = rng.uniform(0.30, 0.5, 5)
    cones = tall[:, None] * np.clip(1 - np.abs(place.x - at[:, None]) / wide[:, None], 0, 1) ** 1.25
    jag = np.clip(0.5 + 0.5 * a, 0, 1)
    power = 4 + 14 * jag  # calm melts the peaks together
    soft = (cones**power).sum(0) ** (1 / power)
    crags = place.profile(layer + 100, 7, 5, 0.55, ridged=True)
    line = base - height * (soft + (0.03 + 0.09 * jag) * crags * (0.4 + soft))
    rows, y = place.from_row(line.min() - 0.01)
    depth = y[:, None] - line.astype(np.float32)

    # A face is lit by the slope of the ridge above it; the border wavers down the flank.
    wander = place.noise(layer + 200, 6, 7, 5, 0.62, y=y)
    width = max(3, n // 14)
    kernel = np.hanning(width + 2)
    padded = np.pad(line, width, "edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), "same")
    slope = np.gradient(smooth, 1 / n)[width:-width].astype(np.float32) * place.light
    index = np.arange(n) + n * (0.16 * wander + 0.30 * place.light) * np.clip(depth, 0, 0.2)
    lit = 0.5 - 0.5 * np.tanh((1.6 + 0.5 * a) * slope[np.clip(index, 0, n - 1).astype(int)])
    lit = np.clip(lit + (0.10 + 0.05 * a) * wander, 0, 1)
    colour = c["rock"] * (1 + (0.36 + 0.16 * a) * (2 * lit - 1))
    colour = _mix(colour, c["sun"], 0.16 * lit)
    top = np.float32(base - 0.52 * height)  # snow lies above a wavering line
    white = _step(top - y[:, None] + 0.028 * wander + 0.05 * (lit - 0.5), 0.0, 0.016)
    snow = _mix(0.62 * _mix(c["cloud"], c["far"], 0.4), _mix(c["cloud"], c["sun"], 0.5), lit)
    colour = _mix(colour, snow, 0.92 * white)
    _over(canvas[:, rows], _haze(place, colour, depth, near, height), _edge(place, depth))


def _rise(place, canvas, layer, base, height, near, waves=2.0):
    """A smooth green rise or a distant shore; returns its line, (n,)."""
    c, a = place.colours, place.a
    line = base - height * (0.5 + (0.30 + 0.10 * a) * place.profile(layer, waves, 4, 0.35))
    rows, y = place.from_row(line.min() - 0.01)
    depth = y[:, None] - line.astype(np.float32)
    texture = place.noise(layer + 100, 22, 9, 3, 0.6, y=y)
    slope = np.gradient(line, place.x).astype(np.float32) * place.light
    lit = 0.55 - 0.45 * np.tanh(1.8 * slope) + (0.10 + 0.04 * a) * texture - 1.2 * depth
    green = _mix(c["tree"], c["grass"], 0.25 + 0.65 * near)
    colour = green * (1 + (0.30 + 0.10 * a) * (2 * np.clip(lit, 0, 1) - 1))
    colour = _mix(colour, c["sun"], 0.22 * _step(-depth, -0.035, 0.0))
    _over(canvas[:, rows], _haze(place, colour, depth, near, height), _edge(place, depth))
    return line


def _haze(place, colour, depth, near, height):
    """Fade a colour with its distance, and into the mist at its foot."""
    c, a = place.colours, place.a
    colour = _mix(colour, c["far"], (1 - near) * np.clip(0.70 - 0.15 * a, 0, 1))
    mist = np.clip(0.34 - 0.26 * a, 0, 1) * (1 - 0.7 * near) * _step(depth, 0.02, height + 0.08)
    return _mix(colour, _mix(c["horizon"], c["far"], 0.4), mist)


def _edge(place, depth):
    return _step(depth, -0.6 / place.n, 0.6 / place.n)


def _meadow(place, canvas, layer, base, height):
    """Grass to the picture's lower edge, with blades and, when the mood is good, flowers."""
    c = place.colours
    line = base - height * (0.5 + 0.35 * place.profile(layer, 1.5, 3, 0.4))
    rows, y = place.from_row(line.min() - 0.01)
    depth = y[:, None] - line.astype(np.float32)
    blades = place.noise(layer + 100, 14, 60, 2, 0.7, y=y)
    broad = place.noise(layer + 200, 6, 2, 3, 0.5, y=y)
    tone = 1 + (0.09 + 0.05 * place.a) * (0.7 * blades + broad) - 0.9 * np.clip(depth, 0, 0.25)
    colour = _mix(c["grass"] * tone, c["sun"], 0.16 * _step(-depth, -0.05, 0))
    _over(canvas[:, rows], colour, _edge(place, depth))
    if place.v > 0:
        rng, mask = place.rng(layer + 300), _mask(place)
        for x, deep, r in rng.uniform(0, 1, (130, 3)):
            top = float(np.interp(x, place.x, line)) + 0.02
            _disc(mask, x, top + deep * (1 - top), (0.002 + 0.0045 * deep) * (0.6 + 0.6 * r))
        pink = np.float32([0.95, 0.42, 0.45])[:, None, None]
        petal = _mix(c["sun"], pink, 0.6 * rng.integers(2))
        _lay(canvas, petal, mask, 0.9 * _step(place.v, 0.0, 0.7))
    return line


def _firs(place, canvas, layer, base, size, count, near, span=(-0.03, 1.03)):
    """Firs standing on a line: stepped triangles, lit on the sun's side."""
    rng, n = place.rng(layer), place.n
    dark, bright = _mask(place), _mask(place)
    level = np.linspace(1 / 7, 1, 7)
    for at in (np.arange(count) + rng.uniform(-0.2, 1.2, count)) / count:
        x = span[0] + at * (span[1] - span[0])
        h = size * rng.uniform(0.55, 1.15)
        w = h * rng.uniform(0.16, 0.22)
        foot = float(np.interp(x, place.x, base)) + 0.008
        wide = w * np.stack([level**0.9, 0.62 * level**0.9], 1).ravel()
        deep = foot - h + h * np.stack([level, level - 0.015], 1).ravel()
        right, left = np.stack([x + wide, deep], 1), np.stack([x - wide, deep], 1)
        tip = [(x, foot - h)]
        ImageDraw.Draw(dark).polygon(_pixels(n, [*tip, *right, *left[::-1]]), fill=255)
        side = right if place.light > 0 else left
        inner = [(x + 0.12 * w * place.light, foot)]
        ImageDraw.Draw(bright).polygon(_pixels(n, [*tip, *side, *inner]), fill=255)
    _plants(place, canvas, near, ((dark, 0.80, 0.0, 1.0), (bright, 1.15, 0.18, 0.6)))


def _round_trees(place, canvas, layer, base, size, count, near):
    """Round trees standing on a line: clusters of discs in three tones."""
    rng, n = place.rng(layer), place.n
    dark, middle, bright = (_mask(place) for _ in range(3))
    for x in rng.uniform(0.02, 0.98, count):
        h = size * rng.uniform(0.6, 1.2)
        foot = float(np.interp(x, place.x, base)) + 0.01
        trunk = _pixels(n, [(x, foot), (x, foot - 0.5 * h)])
        ImageDraw.Draw(dark).line(trunk, 255, max(1, round(0.07 * h * n)))
        for angle, r, ball in rng.uniform(0, 1, (14, 3)):
            r, ball = 0.30 * h * np.sqrt(r), h * (0.11 + 0.09 * ball)
            cx = x + 1.15 * r * np.cos(2 * np.pi * angle)
            cy = foot - 0.62 * h + r * np.sin(2 * np.pi * angle)
            _disc(dark, cx, cy, ball)
            _disc(middle, cx + 0.15 * ball * place.light, cy - 0.22 * ball, 0.80 * ball)
            _disc(bright, cx + 0.35 * ball * place.light, cy - 0.45 * ball, 0.42 * ball)
    tones = ((dark, 0.90, 0.10, 1.0), (middle, 1.05, 0.30, 0.7), (bright, 1.15, 0.50, 0.4))
    _plants(place, canvas, near, tones)


def _plants(place, canvas, near, layers):
    """Lay masks of leaves, each as (mask, tone, share of grass colour, opacity)."""
    c = place.colours
    for mask, tone, fresh, opacity in layers:
        leaf = _mix(c["tree"], c["grass"], fresh) * np.float32(tone)
        leaf = _mix(leaf, _mix(c["far"], c["horizon"], 0.4), (1 - near) * (0.62 - 0.15 * place.a))
        _lay(canvas, leaf, mask, opacity)


def _mask(place):
    return Image.new("L", (place.n, place.n))


def _pixels(n, points):
    return [(float(x) * n, float(y) * n) for x, y in points]


def _disc(mask, x, y, radius):
    n = mask.width
    box = [(x - radius) * n, (y - radius) * n, (x + radius) * n, (y + radius) * n]
    ImageDraw.Draw(mask).ellipse(box, fill=255)


def _lay(canvas, colour, mask, opacity):
    """Lay a colour through a mask, on the rows that the mask reaches."""
    box = mask.getbbox()
    if box:
        rows = slice(box[1], box[3])
        alpha = np.asarray(mask, np.float32)[rows] * np.float32(opacity / 255)
        _over(canvas[:, rows], colour, alpha)


# --- water --------------------------------------------------------------------------------------


def _water(place, canvas, top):
    """Mirror what is above `top` (share of the height), broken by ripples or waves."""
    c, n, a = place.colours, place.n, place.a
    first = int(top * n)
    rows = np.arange(first, n)
    depth = ((rows - first + 0.5) / (n - first)).astype(np.float32)
    bend = 0.28 / (depth + 0.22)  # ripples shrink towards the horizon
    bend = bend / bend.max()
    depth = depth[:, None]
    rough = np.float32(np.clip(0.35 + 0.5 * a, 0.04, 1))
    ripple = place.noise(30, 34, 5, 4, 0.6, y=bend)
    lift = rough * (0.010 + 0.05 * depth) * ripple
    source = first - 1 - (rows - first)[:, None] * 0.85 + n * lift
    sideways = np.arange(n) + n * 0.25 * lift
    at = [np.clip(s, 0, m).astype(int) for s, m in ((source, first - 1), (sideways, n - 1))]
    mirror = canvas[:, at[0], at[1]]
    water = _mix(mirror, c["water"] * (1.08 - 0.38 * depth), 0.30 + 0.35 * depth + 0.15 * rough)
    water *= 1 + 0.10 * rough * (0.4 + depth) * ripple
    path = np.exp(-(((place.x - place.sun[0]) / (0.05 + 0.10 * depth)) ** 2))
    glitter = path * _step(ripple, 0.1, 1.2) * np.clip(0.35 + 0.5 * place.v, 0.05, 1)
    _over(water, c["sun"], np.float32(0.85) * glitter.astype(np.float32))
    if a > 0:
        crest = place.noise(31, 22, 4.5, 5, 0.62, ridged=True, y=bend)
        foam = _step(crest, 1.05, 1.75) * _step(ripple, -0.6, 0.8) * (0.3 + 0.7 * depth)
        _over(water, _mix(c["cloud"], c["sun"], 0.4), np.float32(0.8 * a) * foam)
    canvas[:, first:] = water


def _beach(place, canvas):
    """Sand in the foreground, wet and foaming along the water."""
    c = place.colours
    x = place.x if place.light > 0 else 1 - place.x
    line = 0.97 - 0.15 * (1 - _step(x, 0.0, 0.75)) + 0.012 * place.profile(24, 5, 3)
    rows, y = place.from_row(line.min() - 0.03)
    depth = y[:, None] - line.astype(np.float32)
    sand = _mix(_mix(c["rock"], c["horizon"], 0.55), c["sun"], 0.12)
    grain = place.noise(25, 30, 30, 2, 0.7, y=y)
    colour = sand * (1 + 0.04 * grain - 0.30 * (1 - _step(depth, 0.005, 0.04)))
    _over(canvas[:, rows], colour, _edge(place, depth))
    lace = depth + 0.008 * place.noise(26, 14, 9, 3, 0.6, y=y)
    foam = _step(lace, -0.022, -0.006) * _step(-lace, -0.006, 0.0)
    _over(canvas[:, rows], _mix(c["cloud"], c["sun"], 0.5), 0.8 * foam)


# --- scenes -------------------------------------------------------------------------------------


def _mountains(place, canvas):
    h = place.horizon
    _peaks(place, canvas, 10, h + 0.06, 0.28, 0.10)
    _peaks(place, canvas, 11, h + 0.14, 0.34, 0.50)
    line = _rise(place, canvas, 12, h + 0.17, 0.08, 0.72)
    _firs(place, canvas, 13, line, 0.075, 46, 0.75)
    line = _meadow(place, canvas, 14, 0.86, 0.08)
    _firs(place, canvas, 15, line + 0.03, 0.20, 6, 1.0, _side(place))


def _lake(place, canvas):
    h = place.horizon + 0.06
    _peaks(place, canvas, 10, h + 0.01, 0.26, 0.10)
    _peaks(place, canvas, 11, h + 0.04, 0.30, 0.45)
    line = _rise(place, canvas, 12, h + 0.02, 0.05, 0.70, 3.0)
    _firs(place, canvas, 13, line, 0.06, 56, 0.7)
    _water(place, canvas, h)
    line = _meadow(place, canvas, 14, 0.97, 0.06)
    _firs(place, canvas, 15, line + 0.03, 0.30, 5, 1.0, _side(place))


def _sea(place, canvas):
    h = place.horizon
    _rise(place, canvas, 10, h + 0.02, 0.08, 0.15)
    _head(place, canvas, 20, h + 0.03, 0.13, 0.42, 0.45)
    _water(place, canvas, h)
    _head(place, canvas, 22, h + 0.11, 0.26, 0.30, 0.8)
    _beach(place, canvas)


def _head(place, canvas, layer, base, height, reach, near):
    """A headland: cliffs under turf, falling to the sea away from the sun."""
    c = place.colours
    x = place.x if place.light > 0 else 1 - place.x
    height, reach = (height, reach) * place.rng(layer).uniform(0.7, 1.4, 2)
    rough = place.profile(layer, 5, 6, 0.5)
    shape = np.clip(1 - x / reach + 0.06 * rough, 0, 1)
    line = base + 0.02 - (height + 0.02) * shape**0.55 * (0.85 + 0.10 * rough)
    rows, y = place.from_row(line.min() - 0.01)
    depth = y[:, None] - line.astype(np.float32)
    crag = place.noise(layer + 100, 4, 14, 5, 0.6, ridged=True, y=y)
    colour = c["rock"] * (0.86 + (0.14 + 0.06 * place.a) * crag)
    turf = _step(height * (0.16 + 0.05 * place.noise(layer + 200, 8, 9, 3, y=y)) - depth, 0, 0.012)
    colour = _mix(colour, _mix(c["grass"], c["tree"], 0.3) * (0.95 + 0.06 * crag), turf)
    shore = base + 0.006 * place.profile(layer + 300, 9, 3)
    ground = _edge(place, depth) * _edge(place, shore.astype(np.float32) - y[:, None])
    _over(canvas[:, rows], _haze(place, colour, depth, near, height), ground)


def _forest(place, canvas):
    h = place.horizon
    _peaks(place, canvas, 10, h + 0.05, 0.24, 0.12)
    rows = ((11, 0.06, 0.10, 0.30, 44), (13, 0.15, 0.16, 0.60, 28), (15, 0.25, 0.24, 0.85, 12))
    for layer, drop, size, near, count in rows:
        line = _rise(place, canvas, layer, h + drop, 0.05, near)
        _firs(place, canvas, layer + 1, line, size, count, near)
    line = _meadow(place, canvas, 17, 0.94, 0.06)
    _firs(place, canvas, 18, line + 0.04, 0.36, 3, 1.0, _side(place))


def _hills(place, canvas):
    h = place.horizon
    _peaks(place, canvas, 10, h + 0.03, 0.16, 0.10)
    for k, (drop, near) in enumerate(((0.05, 0.35), (0.13, 0.62), (0.24, 0.88))):
        line = _rise(place, canvas, 11 + k, h + drop, 0.12, near, 1.5)
        _round_trees(place, canvas, 21 + k, line, 0.035 + 0.045 * k, 16 - 5 * k, near)
    _meadow(place, canvas, 14, 0.93, 0.06)


def _side(place):
    """Where near trees frame the view: across from the sun."""
    return (-0.02, 0.30) if place.light > 0 else (0.70, 1.02)


_PAINTERS = dict(zip(SCENES, (_mountains, _lake, _sea, _forest, _hills), strict=True))


# --- weather and grading ------------------------------------------------------------------------


def _weather(place, canvas):
    """Mist when calm, rain or snow when sad, lightning when the storm is full."""
    c, v, a, n = place.colours, place.v, place.a, place.n
    bank = place.noise(40, 9, 1.6, 3, 0.5)
    band = np.exp(-(((place.y - np.float32(place.horizon) - 0.06) / 0.14) ** 2))
    fog = np.float32(np.clip(-0.25 * a - 0.10 * v, 0, 0.6)) * band * (0.75 + 0.35 * bank)
    _over(canvas, _mix(c["horizon"], c["far"], 0.35), np.clip(fog, 0, 1))
    if place.flashes:
        _lightning(place, canvas, _step(-v, 0.25, 0.6) * _step(a, 0.25, 0.6))
    falling = _step(-v, 0.15, 0.7)
    mask = _mask(place)
    draw = ImageDraw.Draw(mask)
    for x, y, r in place.rng(41).uniform(0, 1, (240, 3)) * (falling > 0):
        if place.snows:
            _disc(mask, x, y, 0.0018 + 0.0042 * r**2)
        else:
            long = (0.02 + 0.04 * r) * (1 + 0.5 * a)
            ends = _pixels(n, [(x, y), (x - place.wind * long, y + long)])
            draw.line(ends, 150, max(1, n // 220))
    _lay(canvas, _mix(c["sun"], c["horizon"], 0.5), mask, falling * (0.75 if place.snows else 0.45))


def _lightning(place, canvas, strength):
    """A forked flash from the clouds to the horizon, with its glow."""
    rng, n, mask = place.rng(42), place.n, _mask(place)
    draw = ImageDraw.Draw(mask)
    x0 = 0.5 - place.light * rng.uniform(0.1, 0.3)
    paths = [(x0, 0.08, place.horizon, 1.0)]
    while paths:
        x, y, end, width = paths.pop()
        while y < end:
            nx, ny = x + rng.normal(0, 0.016), y + rng.uniform(0.015, 0.04)
            thick = max(1, round(width * n * (1.3 - y / end) / 128))
            draw.line(_pixels(n, [(x, y), (nx, ny)]), round(255 * width), thick)
            x, y = nx, ny
            if width == 1 and rng.random() < 0.22:
                paths.append((x, y, min(end, y + rng.uniform(0.06, 0.14)), 0.6))
    far = np.sqrt((place.x - x0) ** 2 + ((place.y - np.float32(0.3)) * 0.6) ** 2)
    flash = np.float32([0.92, 0.93, 1.0])[:, None, None]
    glow = strength * 0.35 * np.exp(-far / 0.16) * _step(-place.y, -place.horizon - 0.05, -0.4)
    _over(canvas, flash, glow.astype(np.float32))
    _lay(canvas, flash, mask, 0.9 * strength)


def _grade(place, canvas):
    """Contrast and saturation with arousal, a warm or cold cast with valence, a soft vignette."""
    v, a = place.v, place.a
    grey = canvas.mean(0)
    canvas = grey + np.float32(1 + 0.12 * a + 0.06 * v) * (canvas - grey)
    canvas = 0.5 + np.float32(1 + 0.14 * a) * (canvas - 0.5)
    canvas += np.float32([0.034, 0.018, -0.010])[:, None, None] * np.float32(v)
    return canvas * (1.02 - 0.25 * ((place.x - 0.5) ** 2 + (place.y - 0.5) ** 2))
