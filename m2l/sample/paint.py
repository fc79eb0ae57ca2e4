"""Paint a small landscape from a valence and an arousal.

The sample corpus needs pictures whose emotion is known by construction. `landscape` builds a scene
(mountains, lake, sea, forest or hills, by seed) from the sky down to the foreground in the light of
the emotion: bright, warm and clear for high valence, dim, cold and overcast for low; contrast,
jagged relief, waves and storms for high arousal, smooth shapes and mist for low. Brightness and
saturation follow Valdez & Mehrabian (1994), warm and cold light the colours that listeners match
to music (Palmer et al. 2013).

Conventions
-----------
Inside, v and a are on [-1, 1], colours floats (3, 1, 1) in [0, 1], the canvas (3, rows, columns),
positions shares of the picture's side, `near` runs from 0 at the horizon to 1. All is painted at
twice the size and averaged down. All random choices come from the seed, each layer's by itself, so
one seed shows one place whatever its mood and size.

References
----------
Valdez & Mehrabian 1994, "Effects of color on emotions", J. Experimental Psychology: General 123(4).
Palmer, Schloss, Xu & Prado-León 2013, "Music–color associations are mediated by emotion", PNAS
110(22).
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from m2l import va
from m2l.errors import InputError

# What each scene is made of, from the back to the front, with the arguments of `_Painting`'s
# methods: where it stands below the horizon, how high it is, how near or how many.
_SCENES = {
    "mountains": (("peaks", 0.06, 0.28, 0.10), ("peaks", 0.14, 0.34, 0.50),
                  ("ground", 0.17, 0.08, 0.72), ("firs", 0.075, 46), ("front", 0.86, 0.20, 6)),
    "lake": (("peaks", 0.07, 0.26, 0.10), ("peaks", 0.10, 0.30, 0.45),
             ("ground", 0.08, 0.05, 0.70, 3.0), ("firs", 0.06, 56), ("water", 0.06),
             ("front", 0.97, 0.30, 5)),
    "sea": (("peaks", 0.03, 0.12, 0.15), ("water", 0.0), ("front", 0.95, 0.0, 0, 0.9)),
    "forest": (("peaks", 0.05, 0.24, 0.12), ("ground", 0.06, 0.05, 0.30), ("firs", 0.10, 44),
               ("ground", 0.15, 0.05, 0.60), ("firs", 0.16, 28), ("ground", 0.25, 0.05, 0.85),
               ("firs", 0.24, 12), ("front", 0.94, 0.36, 3)),
    "hills": (("peaks", 0.03, 0.16, 0.10), ("ground", 0.04, 0.16, 0.3, 1.5), ("firs", 0.04, 9),
              ("ground", 0.11, 0.16, 0.5, 1.5), ("firs", 0.06, 6),
              ("ground", 0.19, 0.16, 0.7, 1.5), ("firs", 0.09, 3), ("front", 0.93, 0.24, 1)),
}  # fmt: skip
SCENES = tuple(_SCENES)

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

    Parameters
    ----------
    valence, arousal : float, 1–9.
    seed : int, not negative; chooses the scene, its shapes and one of several palettes.
    size : int, 16–1024, side of the picture in pixels.

    Returns
    -------
    ndarray (size, size, 3), uint8, RGB.
    """
    v, a = map(float, (va.check(valence, arousal) - 5) / 4)
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give a whole number from 0")
    if not 16 <= size <= 1024:
        raise InputError(f"size {size}: a picture is 16 to 1,024 pixels wide; choose such a size")
    painting = _Painting(v, a, seed, 2 * size)
    painting.sky()
    for painting.layer, (what, *how) in enumerate(_SCENES[scene(seed)], 10):
        getattr(painting, what)(*how)
    painting.weather()
    picture = painting.graded().reshape(3, size, 2, size, 2).mean((2, 4))
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8).transpose(1, 2, 0)


def scene(seed):
    """Name the scene of a seed, one of `SCENES`, which take turns."""
    return SCENES[seed % len(SCENES)]


def _spline(at, cells):
    """Weights (len(at), cells + 3) of a uniform cubic B-spline at positions in [0, 1]."""
    at, knots = np.clip(np.asarray(at, float), 0, 1 - 1e-6), np.arange(-3, cells + 4) / cells
    return BSpline.design_matrix(at, knots, 3).toarray().astype(np.float32)


def _step(x, low, high):
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _mix(one, other, share):
    """Part of the way from one colour to another."""
    return one + np.float32(share) * (other - one)


class _Painting:
    """A scene's mood, colours and random choices, and its canvas."""

    def __init__(self, v, a, seed, n):
        self.v, self.a, self.seed, self.n = v, a, seed, n
        self.x = (np.arange(n, dtype=np.float32) + 0.5) / n
        self.y = self.x[:, None]
        self.canvas = np.zeros((3, n, n), np.float32)
        rng = self.rng(9)
        # The palettes of the corners and the middle count by their nearness to the emotion.
        chosen = [variants[rng.integers(len(variants))] for variants in _PALETTES.values()]
        chosen = [[[*bytes.fromhex(c)] for c in code.split()] for code in chosen]
        far = [(v - pv) ** 2 + (a - pa) ** 2 for pv, pa in _PALETTES]
        weights = np.exp(-np.array(far) / (2 * 0.5**2))
        mixed = np.tensordot(weights / weights.sum(), np.array(chosen) / 255, 1)
        self.colours = dict(zip(_PARTS, mixed.astype(np.float32)[..., None, None], strict=True))
        self.light = 1 if rng.random() < 0.5 else -1  # the sun stands to the right or to the left
        self.sun = 0.5 + self.light * rng.uniform(0.12, 0.34)
        self.sun_height, self.horizon = rng.uniform(0.16, 0.34), rng.uniform(0.50, 0.60)
        self.cloudiness, self.frosty = rng.uniform(-0.35, 0.35), rng.random() < 0.5

    def rng(self, layer):
        return np.random.default_rng([self.seed, layer])

    def noise(self, layer, rows, columns, octaves, gain=0.5, ridged=False, y=None):
        """Smooth noise (n, n), about 0 with deviation near 1; ridged noise has sharp crests.

        `y` (m,) takes other rows, for instance in perspective.
        """
        rng, y = self.rng(layer), self.x if y is None else y
        out = np.zeros((len(y), self.n), np.float32)
        for k in range(octaves):
            r, c = (max(2, round(m * 2**k)) for m in (rows, columns))
            grid = rng.standard_normal((r + 3, c + 3), dtype=np.float32)
            if max(r, c) <= self.n / 2:  # finer ones are left out
                part = 1.5 * _spline(y, r) @ grid @ _spline(self.x, c).T
                out += gain**k * (1.6 - 2 * np.abs(part) if ridged else part)
        return out / sum(gain ** (2 * k) for k in range(octaves)) ** 0.5

    def profile(self, layer, waves, octaves, gain=0.5, ridged=False):
        """Noise along x: the line of a ridge, (n,)."""
        return self.noise(layer, 2, waves, octaves, gain, ridged, y=np.full(1, 0.5))[0]

    def specks(self, layer, count, width, length):
        """Soft dots or upright strokes in random places."""
        dots = np.zeros((self.n, self.n), np.float32)
        at = self.rng(layer).integers(0, 2**20, (2, count)) * self.n >> 20
        dots[tuple(at)] = 1
        wide, long = (max(0.5, s * self.n / 2) for s in (width, length))
        return np.clip(15 * wide * long * gaussian_filter(dots, (long, wide)), 0, 1)

    def over(self, colour, alpha, rows=slice(None)):
        """Lay a colour over the canvas with an opacity (rows, n) from 0 to 1."""
        self.canvas[:, rows] += np.float32(alpha) * (colour - self.canvas[:, rows])

    def land(self, line, colour, near, height):
        """Lay ground below a line (n,), faded with its distance and into the mist at its foot."""
        c, depth = self.colours, self.y - line
        mist = np.clip(0.34 - 0.26 * self.a, 0, 1) * (1 - 0.7 * near) * (near < 1)
        mist = _mix(c["horizon"], c["far"], 0.4), mist * _step(depth, 0.02, height + 0.08)
        colour = _mix(_mix(colour, c["far"], (1 - near) * (0.70 - 0.15 * self.a)), *mist)
        self.over(colour, _step(depth * self.n, -0.6, 0.6))
        self.line, self.near = line, near

    def sky(self):
        """Gradient, glow, sun or moon, and clouds in perspective."""
        c, n, v, a = self.colours, self.n, self.v, self.a
        y = self.y / self.horizon
        column = _mix(c["zenith"], c["sky"], _step(y, 0.0, 0.65))
        self.canvas += _mix(column, c["horizon"], _step(y, 0.35, 1.05) ** 1.3)
        far = np.hypot(self.x - self.sun, self.y - self.sun_height)
        shine = min(1, max(0.05, 0.55 + 0.45 * v - 0.15 * a))
        glow = shine * (0.50 * np.exp(-far / 0.10) + 0.28 * np.exp(-far / 0.35))
        self.over(c["sun"], np.maximum(glow, shine**0.7 * _step(-far, -0.046, -0.038)))
        # Cover grows as valence falls; arousal piles the clouds up, calm draws them out.
        depth = np.minimum(0.3 * y / np.maximum(1.3 - y, 0.28), 1)[:, 0]  # smaller at the horizon
        heap = min(1, max(0, 0.55 + 0.55 * a))
        puff, streak = (self.noise(k, 8 * k, 3.2 / k, 5, 0.55, y=depth) for k in (1, 2))
        field = (heap * puff + (1 - heap) * streak) / np.hypot(heap, 1 - heap).astype(np.float32)
        bare = 0.7 + 1.0 * v - 0.25 * a + self.cloudiness
        alpha = _step(field, bare - 0.9, bare + 1 - 0.4 * heap) * _step(-y, -1.1, -0.75)
        rows, columns = (np.clip(np.arange(n) + s * (n // 40), 0, n - 1) for s in (1, self.light))
        lit = _step(field - field[rows][:, columns], -0.9, 0.9)
        lit = np.clip(lit - 0.30 * _step(field, bare, bare + 1.8), 0, 1)
        self.over(_mix(c["shade"], c["cloud"], lit), 0.92 * alpha)

    def peaks(self, drop, height, near):
        """A range of peaks with lit and shaded faces, and snow above a wavering line."""
        c, n, a, base = self.colours, self.n, self.a, self.horizon + drop
        rng = self.rng(self.layer)
        at = (np.arange(5) + rng.uniform(-0.3, 0.3, 5))[:, None] / 4
        tall = rng.permuted(np.array([1.0, 0.85, 0.6, 0.5, 0.4])) * rng.uniform(0.85, 1.0, 5)
        wide = rng.uniform(0.30, 0.5, 5)[:, None]
        cones = tall[:, None] * np.clip(1 - np.abs(self.x - at) / wide, 0, 1) ** 1.25
        soft = (cones ** (11 + 7 * a)).sum(0) ** (1 / (11 + 7 * a))  # calm melts them together
        crags = self.profile(self.layer + 100, 7, 5, 0.55, ridged=True)
        line = base - height * (soft + (0.075 + 0.045 * a) * crags * (0.4 + soft))
        line = line.astype(np.float32)
        # A face is lit by the slope of the ridge above it; the border wavers down the flank.
        wander = self.noise(self.layer + 200, 6, 7, 5, 0.62)
        slope = gaussian_filter1d(np.gradient(line, 1 / n), n / 40) * self.light
        index = (0.16 * wander + 0.30 * self.light) * np.clip(self.y - line, 0, 0.2)
        slope = slope[np.clip(n * (self.x + index), 0, n - 1).astype(int)]
        lit = 0.5 - 0.5 * np.tanh((1.6 + 0.5 * a) * slope) + (0.10 + 0.05 * a) * wander
        lit = np.clip(lit, 0, 1)
        colour = _mix(c["rock"] * (1 + (0.36 + 0.16 * a) * (2 * lit - 1)), c["sun"], 0.16 * lit)
        above = base - 0.52 * height - self.y + 0.028 * wander + 0.05 * (lit - 0.5)
        snow = _mix(0.62 * _mix(c["cloud"], c["far"], 0.4), _mix(c["cloud"], c["sun"], 0.5), lit)
        self.land(line, _mix(colour, snow, 0.92 * _step(above, 0.0, 0.016)), near, height)

    def ground(self, drop, height, near, waves=2.0, bare=0.0):
        """A smooth rise, green or partly bare."""
        c, a = self.colours, self.a
        shape = 0.5 + (0.30 + 0.10 * a) * self.profile(self.layer, waves, 4, 0.35)
        line = self.horizon + drop - height * shape
        texture = self.noise(self.layer + 100, 22, 50 if near == 1 else 9, 3, 0.6)
        lit = 0.55 - 0.45 * np.tanh(1.8 * np.gradient(line, self.x) * self.light)
        lit = np.clip(lit + (0.10 + 0.04 * a) * texture - 1.2 * (self.y - line), 0, 1)
        sand = _mix(c["rock"], c["horizon"], 0.6)
        colour = _mix(_mix(c["tree"], c["grass"], 0.25 + 0.65 * near), sand, bare)
        colour = colour * (1 + (0.30 + 0.10 * a) * (1 - 0.6 * bare) * (2 * lit - 1))
        edge = 0.22 * _step(line - self.y, -0.035, 0.0)
        self.land(line, _mix(colour, c["sun"], edge), near, height)

    def front(self, base, size, count, bare=0.0):
        """The foreground: flowers when the mood is good, and firs across from the sun."""
        self.ground(base - self.horizon, 0.08, 1.0, 1.5, bare)
        if not bare:
            pink = np.float32([0.95, 0.42, 0.45])[:, None, None]
            petal = _mix(self.colours["sun"], pink, 0.6 * self.frosty)
            below = _step(self.y - self.line, 0.01, 0.04) * _step(self.v, 0.0, 0.7)
            self.over(petal, below * self.specks(43, 900, 0.006, 0.006))
        self.layer, self.line = 30, self.line + 0.03
        self.firs(size, count, (-0.02, 0.30) if self.light > 0 else (0.70, 1.02))

    def firs(self, size, count, span=(-0.03, 1.03)):
        """Firs on the ground painted last: stepped triangles, lit on the sun's side."""
        rng, c, n = self.rng(self.layer), self.colours, self.n
        dark, bright = (Image.new("L", (n, n)) for _ in range(2))
        level = np.linspace(1 / 7, 1, 7)
        hazy = (1 - self.near) * (0.62 - 0.15 * self.a)
        for at in (np.arange(count) + rng.uniform(-0.2, 1.2, count)) / max(count, 1):
            x, h = span[0] + at * (span[1] - span[0]), size * rng.uniform(0.55, 1.15)
            wide = h * rng.uniform(0.16, 0.22) * np.outer(level**0.9, [1, 0.62]).ravel()
            foot = np.interp(x, self.x, self.line) + 0.008
            deep = foot - h + h * (level[:, None] - [0, 0.015]).ravel()
            right, left = (np.stack([x + s * wide, deep], 1) * n for s in (1, -1))
            top, stem = (x * n, (foot - h) * n), ((x + 0.02 * h * self.light) * n, foot * n)
            ends = [top, *right, *left[::-1]], [top, *(right if self.light > 0 else left), stem]
            for mask, points in zip((dark, bright), ends, strict=True):
                ImageDraw.Draw(mask).polygon([tuple(p) for p in points], fill=255)
        for mask, tone, fresh, opacity in ((dark, 0.80, 0.0, 1.0), (bright, 1.15, 0.18, 0.6)):
            leaf = _mix(c["tree"], c["grass"], fresh) * np.float32(tone)
            leaf = _mix(leaf, _mix(c["far"], c["horizon"], 0.4), hazy)
            self.over(leaf, np.asarray(mask) * np.float32(opacity / 255))

    def water(self, drop):
        """Mirror what is above, broken by ripples or waves."""
        c, n, a, first = self.colours, self.n, self.a, int((self.horizon + drop) * self.n)
        rows = np.arange(n - first, dtype=np.float32)[:, None]
        depth = (rows + 0.5) / len(rows)
        bend = (0.22 + depth[0]) / (0.22 + depth[:, 0])  # ripples shrink towards the horizon
        rough = max(0.04, 0.35 + 0.5 * a)
        ripple = self.noise(30, 34, 5, 4, 0.6, y=bend)
        lift = rough * (0.010 + 0.05 * depth) * ripple
        above = np.clip(first - 1 - 0.85 * rows + n * lift, 0, first - 1).astype(int)
        aside = np.clip(np.arange(n) + 0.25 * n * lift, 0, n - 1).astype(int)
        deep = c["water"] * (1.08 - 0.38 * depth)
        mirror = _mix(self.canvas[:, above, aside], deep, 0.30 + 0.35 * depth + 0.15 * rough)
        self.canvas[:, first:] = mirror * (1 + 0.10 * rough * (0.4 + depth) * ripple)
        path = np.exp(-(((self.x - self.sun) / (0.05 + 0.10 * depth)) ** 2))
        shine = 0.85 * max(0.05, 0.35 + 0.5 * self.v) * path * _step(ripple, 0.1, 1.2)
        self.over(c["sun"], shine, slice(first, n))
        crest = _step(self.noise(31, 22, 4.5, 5, 0.62, ridged=True, y=bend), 1.05, 1.75)
        foam = max(0, 0.8 * a) * crest * _step(ripple, -0.6, 0.8) * (0.3 + 0.7 * depth)
        self.over(_mix(c["cloud"], c["sun"], 0.4), foam, slice(first, n))

    def weather(self):
        """Mist when calm, rain or snow when sad, lightning when the storm is full."""
        c, v, a = self.colours, self.v, self.a
        band = np.exp(-(((self.y - self.horizon - 0.06) / 0.14) ** 2))
        fog = min(0.6, max(0, -0.25 * a - 0.10 * v)) * (0.75 + 0.35 * self.noise(40, 9, 1.6, 3))
        self.over(_mix(c["horizon"], c["far"], 0.35), np.clip(fog * band, 0, 1))
        way = 0.5 - 0.25 * self.light + 0.06 * self.noise(42, 3, 2, 5, 0.7)[:, :1]
        flash = _step(-np.abs(self.x - way), -0.007, 0) * _step(self.y, 0.05, 0.12)
        storm = _step(-v, 0.25, 0.6) * _step(a, 0.25, 0.6) * (not self.frosty)
        self.over(c["sun"], storm * flash * (self.y < self.horizon))
        snow = self.frosty and a < 0.2
        fall = self.specks(41, *((500, 0.007, 0.007) if snow else (300, 0.002, 0.02)))
        self.over(_mix(c["sun"], c["horizon"], 0.5), _step(-v, 0.15, 0.7) * 0.6 * fall)

    def graded(self):
        """Contrast and saturation with arousal, a warm or cold cast with valence, a vignette."""
        grey = self.canvas.mean(0)
        out = grey + (1 + 0.12 * self.a + 0.06 * self.v) * (self.canvas - grey)
        out = 0.5 + (1 + 0.14 * self.a) * (out - 0.5)
        out += np.float32([0.034, 0.018, -0.010])[:, None, None] * self.v
        return out * (1.02 - 0.25 * ((self.x - 0.5) ** 2 + (self.y - 0.5) ** 2))
