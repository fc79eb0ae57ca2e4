"""Compose a short piece of music from a valence and an arousal.

The sample corpus needs songs whose emotion is known by construction. Each musical cue that the
literature ties to emotion is a continuous function of valence and arousal (`cues`); `compose`
writes a small score from the cues (chords, bass, figuration, melody, percussion) and plays it with
additive tones, a synthetic reverb and a soft limiter.

Conventions
-----------
Time is in seconds or in beats, pitch in MIDI numbers (69 is A4, 440 Hz), sound is mono float32 in
[-1, 1] at `SR` = 22,050 Hz. The same arguments give the same samples; another seed gives another
key, motif, progression and timbre.

References
----------
Juslin & Laukka 2003, "Communication of emotions in vocal expression and music performance:
different channels, same code?", Psychological Bulletin 129(5).
Juslin & Laukka 2004, "Expression, perception, and induction of musical emotions", J. New Music
Research 33(3).
Gabrielsson & Lindström 2010, "The role of structure in the musical expression of emotions", in
Juslin & Sloboda (eds), Handbook of Music and Emotion, Oxford University Press.
Eerola, Friberg & Bresin 2013, "Emotional expression in music: contribution, linearity, and
additivity of primary musical cues", Frontiers in Psychology 4:487, doi:10.3389/fpsyg.2013.00487.
Temperley & Tan 2013, "Emotional connotations of diatonic modes", Music Perception 30(3).
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from scipy import signal

from m2l import va
from m2l.errors import InputError

SR = 22050

# Semitones of each mode above its tonic, from the least to the most happy (Temperley & Tan 2013).
MODES = {
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
}
_MODE_EDGES = (2.0, 3.8, 5.0, 6.2)  # valence where the next happier mode begins

# Chord roots as scale degrees (0 is the tonic): loops that open on the tonic, so that the key is
# plain at once, and the chord before the last tonic.
_LOOPS = {
    "phrygian": (((0, 1, 0, 6), (0, 5, 1, 0)), 1),
    "aeolian": (((0, 3, 0, 4), (0, 5, 3, 0), (0, 6, 5, 4)), 4),
    "dorian": (((0, 3, 0, 6), (0, 6, 3, 0)), 6),
    "mixolydian": (((0, 6, 3, 0), (0, 4, 3, 6)), 6),
    "ionian": (((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4)), 4),
}


@dataclass(frozen=True)
class Cues:
    """The musical cues of one emotion; `cues` gives the map."""

    tempo_bpm: float  # beats a minute, 55–153
    mode: str  # a key of `MODES`
    register: float  # MIDI pitch about which the melody moves, 64–78
    level_db: float  # RMS level in dB of full scale, -23 to -13
    articulation: float  # share of a note's time that it sounds; above 1 notes overlap
    brightness_hz: float  # frequency above which partials fade quickly
    attack_s: float  # onset time of sustained tones, s
    density: float  # melody notes a beat, 0.69–2.1
    percussion: float  # level of the percussion, 0 (none) to 1
    dissonance: float  # share of chords coloured with a seventh or a second, 0–0.75
    unevenness_s: float  # standard deviation of the onset times about the beat, s
    reverb: float  # share of reverberated sound, 0–1


def cues(valence, arousal):
    """Map an emotion to musical cues.

    With v and a the emotion on [-1, 1], every cue but the mode is linear in v and a, or their
    exponential where perception is of ratios: Eerola et al. (2013) found the cues' contributions
    to be mostly linear and additive. Signs follow the reviews of Juslin & Laukka (2003, 2004) and
    Gabrielsson & Lindström (2010): arousal brings fast tempo, high level, staccato, bright timbre,
    fast attacks and dense rhythm; valence brings happier modes, high register, consonance, even
    timing and some speed. The sizes are ours.

    Parameters
    ----------
    valence, arousal : float, 1–9.

    Returns
    -------
    Cues
    """
    v, a = map(float, (va.check(valence, arousal) - 5) / 4)
    return Cues(
        tempo_bpm=92 * exp(0.45 * a + 0.06 * v),
        mode=list(MODES)[int(np.searchsorted(_MODE_EDGES, valence, side="right"))],
        register=71 + 4 * v + 3 * a,
        level_db=-18 + 5 * a,
        articulation=0.85 - 0.3 * a - 0.08 * v,
        brightness_hz=2800 * exp(0.75 * a + 0.12 * v),
        attack_s=0.035 * exp(-1.1 * a),
        density=1.2 * 1.75**a,
        percussion=float(np.clip((a + 0.1) / 1.1, 0, 1)),
        dissonance=float(np.clip(0.35 - 0.3 * v + 0.1 * a, 0, 1)),
        unevenness_s=0.010 - 0.006 * v,
        reverb=0.30 - 0.12 * a,
    )


def compose(valence, arousal, seed=0, seconds=12.0):
    """Compose and play a piece that expresses an emotion.

    Parameters
    ----------
    valence, arousal : float, 1–9.
    seed : int, not negative; chooses key, progression, motif, rhythm and timbres, and moves the
        tempo by up to 4 % and the register by up to two semitones.
    seconds : float, 2–600; the length of the piece, its fading last chord included.

    Returns
    -------
    ndarray (round(22050 * seconds),), float32, mono at 22,050 Hz, peak at most 0.95.
    """
    cue = cues(valence, arousal)
    if not 2 <= seconds <= 600:
        raise InputError(f"seconds {seconds}: a piece lasts from 2 to 600 s; choose such a length")
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give a whole number from 0")
    piece = _Piece(cue, np.random.default_rng(seed), seconds)
    for play in (piece.chords, piece.figuration, piece.melody, piece.percussion):
        play()
    return piece.mastered()


class _Piece:
    """A score and its sound: key, beat, harmonies and the random choices that all parts share."""

    def __init__(self, cue, rng, seconds):
        self.cue, self.rng, self.length = cue, rng, round(SR * seconds)
        self.mix = np.zeros(self.length + SR)
        self.beat = 60 / (cue.tempo_bpm * rng.uniform(0.96, 1.04))
        self.tonic, self.register = int(rng.integers(12)), cue.register + rng.integers(-2, 3)
        # A chord lasts about two seconds whatever the tempo; the last one rings for the rest.
        self.unit = 2 if self.beat > 0.68 else 4
        count = max(1, int((seconds - 1.5) / (self.unit * self.beat)))
        loops, cadence = _LOOPS[cue.mode]
        loop = loops[rng.integers(len(loops))]
        degrees = [loop[i % 4] for i in range(count)]
        degrees[1:] = [*degrees[1:-1], cadence][: count - 1]
        self.harmonies = [self.harmony(d) for d in (*degrees, 0)]
        self.end = count * self.unit  # beats before the last chord
        self.decay = rng.uniform(0.6, 2.2)  # of the melody's instrument

    def pitch(self, step):
        """MIDI pitch of a scale step; step 0 is the tonic in the octave of middle C."""
        octave, degree = divmod(int(step), 7)
        return 60 + self.tonic + 12 * octave + MODES[self.cue.mode][degree]

    def harmony(self, degree):
        """Pitch classes of a triad, root first, sometimes coloured with a seventh or a ninth."""
        steps = [degree, degree + 2, degree + 4]
        if self.rng.random() < self.cue.dissonance:
            steps.append(degree + (6 if self.rng.random() < 0.6 else 8))
        chord = [self.pitch(s) % 12 for s in steps]
        if self.cue.mode == "aeolian" and degree == 4:
            chord[1] = (chord[1] + 1) % 12  # the leading note of harmonic minor
        return chord

    def bars(self):
        """First beat, length in beats and harmony of each chord, the last one's length for all."""
        for i, harmony in enumerate(self.harmonies[:-1]):
            yield i * self.unit, self.unit, harmony

    def add(self, sound, beat, gain):
        """Mix a sound in at a beat, with the small unevenness of a player."""
        late = np.clip(self.rng.normal(0, self.cue.unevenness_s), -0.03, 0.03)
        i = round(max(0, 0.05 + beat * self.beat + late) * SR)
        part = self.mix[i : i + len(sound)]
        part += gain * sound[: len(part)]

    def play(self, pitch, seconds, beat, gain, bright, decay, attack=0.004, release=0.1):
        """Play a note; `bright` is a share of the cue's brightness."""
        sound = _tone(pitch, seconds + release, bright * self.cue.brightness_hz, decay)
        self.add(sound * _envelope(len(sound), attack, release), beat, gain)

    def chords(self):
        """Sustained chords, slowly swelling and beating, over their roots: the ground of all."""
        cue, swell = self.cue, 0.10 + 6 * self.cue.attack_s
        strokes = 1 + (cue.density > 0.75) + (cue.density > 1.5)
        last = (self.end, 4 / self.beat, self.harmonies[-1])
        for beat, length, chord in (*self.bars(), last):
            for pc in chord:
                pitch = 55 + (pc - 55) % 12  # close about middle C, so that voices move little
                for cents in (-2.6, 2.6):
                    at = pitch + cents / 100, length * self.beat, beat
                    self.play(*at, 0.05, 0.55, 0, swell, 0.4)
            for k in range(strokes):
                pitch = 33 + (chord[0] - 33) % 12 + 7 * (k == 2)
                seconds = length / strokes * self.beat * min(1, cue.articulation + 0.15)
                self.play(pitch, seconds, beat + k * length / strokes, 0.2, 0.45, 0.7, 0.012)

    def figuration(self):
        """Broken chords on a plucked string: a slow harp when calm, a running figure when not."""
        step = 0.5 if self.cue.density > 0.85 else 1.0
        shape = self.rng.permuted([0, 1, 2, 1, 3, 1, 2, 1])
        for beat, length, chord in self.bars():
            notes = sorted(60 + pc + 12 * (self.register > 70) for pc in chord[:3])
            for k, at in enumerate(np.arange(0, length, step)):
                pitch = (*notes, notes[0] + 12)[shape[k % 8]]
                gain = (0.24 if at % 2 == 0 else 0.17) * self.rng.uniform(0.85, 1.1)
                self.play(pitch, 0.15 + 1.1 * self.cue.articulation, beat + at, gain, 1, 3.0)

    def melody(self):
        """A motif that follows the chords, every third bar a contrast, and a close on the tonic.

        Steps are of the scale; on strong beats they are drawn to the nearest note of the chord.
        """
        cue, rng = self.cue, self.rng
        attack, motifs = 0.006 + 0.5 * cue.attack_s, []
        for _ in range(2):
            onsets = self.rhythm()
            moves = rng.choice([-2, -1, -1, 0, 1, 1, 2, 3], size=len(onsets))
            motifs.append((onsets, np.clip(np.cumsum(moves) - moves[0], -4, 5)))
        home = min(range(-7, 21), key=lambda s: abs(self.pitch(s) - self.register))
        for i, (beat, length, chord) in enumerate(self.bars()):
            onsets, steps = motifs[int(i % 4 == 2)]
            for at, until, step in zip(onsets, (*onsets[1:], length), home + steps, strict=True):
                gain = (0.45 if at % 1 == 0 else 0.36) * rng.uniform(0.9, 1.1)
                pitch = self.nearest(chord, step) if at % 1 == 0 else self.pitch(step)
                seconds = np.clip((until - at) * self.beat * cue.articulation, 0.09, 2.5)
                self.play(pitch, seconds, beat + at, gain, 1, self.decay, attack, 0.2)
        pitch = self.nearest(self.harmonies[-1][:1], home)
        self.play(pitch, 2.2, self.end, 0.42, 1, self.decay, attack, 0.2)

    def rhythm(self):
        """Onsets in beats within a bar; even playing keeps to metrically strong places."""
        cue = self.cue
        each = 2 if cue.density <= 1.6 else 4
        at = np.arange(self.unit * each) / each
        strength = 1.0 * (at % 0.5 == 0) + (at % 1 == 0) + (at % 2 == 0)
        strength += self.rng.gumbel(0, 0.5 + 60 * cue.unevenness_s, len(at))
        strength[0] = np.inf
        count = int(np.clip(round(cue.density * self.unit), 1, len(at)))
        return np.sort(at[np.argsort(-strength)[:count]])

    def nearest(self, chord, step):
        """Pitch of the scale step nearest to `step` that is in the chord, or the step's own."""
        near = [self.pitch(step + d) for d in (0, -1, 1, -2, 2, -3, 3, -4, 4)]
        return next((pitch for pitch in near if pitch % 12 in chord), near[0])

    def percussion(self):
        """Shaker, then a soft drum and a brush, as arousal rises; the beat is felt, not struck."""
        level, rng, t = self.cue.percussion, self.rng, np.arange(round(0.30 * SR)) / SR
        drum = np.sin(2 * np.pi * (52 * t + 3.2 * (1 - np.exp(-t / 0.035)))) * np.exp(-t / 0.09)
        hiss = rng.standard_normal(len(t))
        brush, shake = (
            signal.sosfilt(signal.butter(2, band, "bandpass", fs=SR, output="sos"), hiss)
            * np.exp(-t / fall)
            for band, fall in (((700, 4200), 0.06), ((3800, 7500), 0.022))
        )
        drum, brush, shake = (x * _envelope(len(t), 0.006, 0.05) for x in (drum, brush, shake))
        heavy = np.clip(2 * level - 0.6, 0, 1)
        for half in range(2 * self.end * (level > 0)):
            accent = (0.6, 1.0)[half % 2] * rng.uniform(0.85, 1.1)
            self.add(shake, half / 2, 0.30 * level * accent)
            if half % 4 == 0:
                self.add(drum, half / 2, 0.5 * heavy)
            elif half % 4 == 2:
                self.add(brush, half / 2, 0.42 * heavy)

    def mastered(self):
        """The mix reverberated, at its level, limited softly, with both ends faded."""
        cue, t = self.cue, np.arange(round(1.8 * SR)) / SR
        tail = self.rng.standard_normal(len(t)) * np.exp(-t / 0.32) * (t > 0.018)
        tail = signal.lfilter([0.25], [1, -0.75], tail)  # rooms swallow treble
        wet = signal.oaconvolve(self.mix, tail / np.sqrt((tail**2).sum()))[: self.length]
        out = (1 - cue.reverb) * self.mix[: self.length] + cue.reverb * wet
        out = signal.sosfilt(signal.butter(2, 32, "highpass", fs=SR, output="sos"), out)
        out *= 10 ** (cue.level_db / 20) / np.sqrt((out**2).mean())
        out = 0.95 * np.tanh(out / 0.95)
        return (out * _envelope(self.length, 0.02, 1.2)).astype(np.float32)


def _tone(pitch, seconds, brightness_hz, decay):
    """A string: partials below 9 kHz, faded above the brightness; high ones die first.

    References
    ----------
    Karplus & Strong 1983, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2).
    """
    f = 440 * 2 ** ((pitch - 69) / 12)
    k = np.arange(1, max(2, min(24, int(9000 / f) + 1)))
    gains = np.exp(-(k - 1) * f / brightness_hz) / k
    return _partials(k * f, gains, decay * (1 + 0.4 * (k - 1)) * (f / 220) ** 0.4, seconds)


def _partials(hertz, gains, decays, seconds):
    """Sum of decaying sine waves, sum_k g_k exp(-d_k t) sin(2 pi f_k t), as one matrix product.

    With t = (block i + j) / SR each partial is a power z^(i block) z^j, so that the sum over
    partials of all samples is a product of two small matrices.
    """
    n = round(seconds * SR)
    block = int(np.sqrt(n)) + 1
    rate = (-np.asarray(decays) + 2j * np.pi * np.asarray(hertz)) / SR
    coarse = np.exp(np.arange(0, n, block)[:, None] * rate) * gains
    return (coarse @ np.exp(rate[:, None] * np.arange(block))).imag.ravel()[:n]


def _envelope(n, attack, release):
    """Rise and fall as half cosines, so that neither end of a note clicks."""
    out = np.ones(n)
    rise, fall = (min(n // 2, round(x * SR)) for x in (attack, release))
    out[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    out[n - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return out
