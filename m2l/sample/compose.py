"""Compose a short piece of music from a valence and an arousal.

The sample corpus needs songs whose emotion is known by construction. Each musical cue that the
literature ties to emotion is a continuous function of valence and arousal (`cues`); `compose`
writes a small score from the cues (progression, melody, bass, pad, figuration, percussion) and
plays it with additive and FM tones, a synthetic reverb and a soft limiter.

Conventions
-----------
Valence and arousal are on the 1–9 scale (Russell 1980). Time is in seconds or in beats, pitch in
MIDI numbers (69 is A4, 440 Hz), sound is mono float32 in [-1, 1] at `SR` = 22,050 Hz. The same
arguments give the same samples; another seed gives another key, motif, progression and timbre.

References
----------
Russell 1980, "A circumplex model of affect", J. Personality and Social Psychology 39(6).
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

# Chord roots as scale degrees (0 is the tonic). Each loop opens on the tonic, so that the key is
# plain at once; `_CADENCE` is the chord before the last tonic.
_LOOPS = {
    "phrygian": ((0, 1, 0, 6), (0, 5, 1, 0), (0, 3, 1, 0)),
    "aeolian": ((0, 3, 0, 4), (0, 3, 5, 4), (0, 5, 3, 0), (0, 5, 0, 3), (0, 6, 5, 4)),
    "dorian": ((0, 3, 0, 6), (0, 6, 3, 0), (0, 2, 3, 6)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 4, 3, 6)),
    "ionian": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 1, 4), (0, 2, 3, 4), (0, 3, 0, 4)),
}
_CADENCE = {"phrygian": 1, "aeolian": 4, "dorian": 6, "mixolydian": 6, "ionian": 4}


@dataclass(frozen=True)
class Cues:
    """The musical cues of one emotion; `cues` gives the map.

    Attributes
    ----------
    tempo_bpm : float, beats a minute, 55–153.
    mode : str, a key of `MODES`.
    register : float, MIDI pitch about which the melody moves, 64–78.
    level_db : float, RMS level in dB of full scale, -23 to -13.
    articulation : float, share of a note's time that it sounds; above 1 notes overlap.
    brightness_hz : float, frequency above which partials fade quickly.
    attack_s : float, onset time of sustained tones, s.
    density : float, melody notes a beat, 0.69–2.1.
    percussion : float, level of the percussion, 0 (none) to 1.
    dissonance : float, share of chords coloured with a seventh or a second, 0–0.75.
    unevenness_s : float, standard deviation of the onset times about the beat, s.
    reverb : float, share of reverberated sound, 0–1.
    """

    tempo_bpm: float
    mode: str
    register: float
    level_db: float
    articulation: float
    brightness_hz: float
    attack_s: float
    density: float
    percussion: float
    dissonance: float
    unevenness_s: float
    reverb: float


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

    Raises
    ------
    InputError
        If valence or arousal is not a number from 1 to 9.
    """
    v, a = (_centred(name, x) for name, x in (("valence", valence), ("arousal", arousal)))
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

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    cue = cues(valence, arousal)
    if not 2 <= seconds <= 600:
        raise InputError(f"seconds {seconds}: a piece lasts from 2 to 600 s; choose such a length")
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give a whole number from 0")
    rng = np.random.default_rng(seed)
    score = _Score(cue, rng, seconds)
    mix = np.zeros(round(SR * seconds) + SR)
    for play in (_pad, _bass, _figuration, _melody, _percussion):
        play(mix, score)
    return _master(mix, cue, rng, round(SR * seconds))


def _centred(name, value):
    if not 1 <= value <= 9:
        raise InputError(f"{name} {value}: not on the 1–9 scale; give a number from 1 to 9")
    return (float(value) - 5) / 4


# --- the score ----------------------------------------------------------------------------------


class _Score:
    """What all the players share: key, beat, chords and their voicing, and the random choices."""

    def __init__(self, cue, rng, seconds):
        self.cue, self.rng = cue, rng
        self.beat = 60 / (cue.tempo_bpm * rng.uniform(0.96, 1.04))
        self.tonic = int(rng.integers(12))
        self.scale = MODES[cue.mode]
        self.register = cue.register + rng.integers(-2, 3)
        # A chord lasts about two seconds whatever the tempo; the last one rings for the rest.
        self.unit = 2 if self.beat > 0.68 else 4
        count = max(1, int((seconds - 1.5) / (self.unit * self.beat)))
        loop = _LOOPS[cue.mode][rng.integers(len(_LOOPS[cue.mode]))]
        self.degrees = [loop[i % 4] for i in range(count)]
        if count > 1:
            self.degrees[-1] = _CADENCE[cue.mode]
        self.degrees.append(0)
        self.chords = [self._chord(d) for d in self.degrees]
        self.voicings = _lead_voices(self.chords)
        self.end = count * self.unit  # beats before the last chord

    def pitch(self, step):
        """MIDI pitch of a scale step; step 0 is the tonic in the octave of middle C."""
        octave, degree = divmod(int(step), 7)
        return 60 + self.tonic + 12 * octave + self.scale[degree]

    def _chord(self, degree):
        """Pitch classes of a triad, root first, sometimes coloured with a seventh or a ninth."""
        steps = [degree, degree + 2, degree + 4]
        if self.rng.random() < self.cue.dissonance:
            steps.append(degree + (6 if self.rng.random() < 0.6 else 8))
        chord = [self.pitch(s) % 12 for s in steps]
        if self.cue.mode == "aeolian" and degree == 4:
            chord[1] = (chord[1] + 1) % 12  # the leading note of harmonic minor
        return chord

    def time(self, beat):
        """Seconds of a beat, with the small unevenness of a player."""
        late = self.rng.normal(0, self.cue.unevenness_s)
        return max(0.0, 0.05 + beat * self.beat + np.clip(late, -0.03, 0.03))

    def spans(self):
        """First beat and length in beats of each chord but the last."""
        return [(i * self.unit, self.unit) for i in range(len(self.chords) - 1)]


def _lead_voices(chords):
    """Voice the chords about middle C so that the voices move as little as they can."""
    voicings = []
    centre = np.full(3, 60.0)
    for chord in chords:
        options = []
        for turn in range(len(chord)):
            turned = chord[turn:] + chord[:turn]
            for low in (48, 60):
                notes = [low + turned[0]]
                for pc in turned[1:]:
                    notes.append(notes[-1] + (pc - notes[-1]) % 12)
                options.append(np.array(notes, float))
        # Comparing quantiles lets chords of three and of four notes follow one another.
        last = np.quantile(voicings[-1], (0, 0.5, 1)) if voicings else centre
        cost = [
            np.abs(np.quantile(o, (0, 0.5, 1)) - last).sum() + 0.5 * abs(o.mean() - 60)
            for o in options
        ]
        voicings.append(options[int(np.argmin(cost))])
    return voicings


def _rhythm(score, notes_a_beat):
    """Onsets in beats within one chord; even playing keeps to metrically strong slots."""
    per_beat = 2 if notes_a_beat <= 1.6 else 4
    slots = np.arange(score.unit * per_beat) / per_beat
    strength = np.select([slots % 2 == 0, slots % 1 == 0, slots % 0.5 == 0], [3.0, 2.0, 1.0], 0.0)
    noise = 0.5 + 60 * score.cue.unevenness_s
    order = np.argsort(-(strength + score.rng.gumbel(0, noise, len(slots))))
    count = int(np.clip(round(notes_a_beat * score.unit), 1, len(slots)))
    return np.sort(np.append(slots[order[order > 0][: count - 1]], 0.0))


# --- the players --------------------------------------------------------------------------------


def _pad(mix, score):
    """Sustained chords: slightly detuned, slowly swelling, the whole piece's ground."""
    cue = score.cue
    attack = 0.10 + 6 * cue.attack_s
    spans = [*score.spans(), (score.end, 4 / score.beat)]
    for (beat, length), voicing in zip(spans, score.voicings, strict=True):
        for pitch in voicing:
            seconds = length * score.beat + 0.35
            note = _detuned(pitch, seconds, 0.55 * cue.brightness_hz)
            _add(mix, note * _envelope(len(note), attack, 0.5), 0.05 + beat * score.beat, 0.10)


def _bass(mix, score):
    """Roots, held when calm, in a moving pattern of roots and fifths when excited."""
    cue = score.cue
    moving = np.clip(round(cue.density), 1, 2)
    for (beat, length), chord in zip(score.spans(), score.chords, strict=False):
        root = 36 + (chord[0] + 3) % 12 - 3
        onsets = np.arange(0, length, 2 / moving) if cue.density > 0.75 else np.zeros(1)
        step = length / len(onsets)
        for k, at in enumerate(onsets):
            pitch = root + (7 if k % 4 == 2 else 0)
            seconds = step * score.beat * min(1.0, cue.articulation + 0.15)
            note = _string(pitch, seconds + 0.12, 0.45 * cue.brightness_hz, 0.7)
            _add(mix, note * _envelope(len(note), 0.012, 0.10), score.time(beat + at), 0.20)
    root = 36 + (score.tonic + 3) % 12 - 3
    note = _string(root, 4.0, 0.45 * cue.brightness_hz, 0.4)
    _add(mix, note * _envelope(len(note), 0.012, 0.5), score.time(score.end), 0.20)


def _figuration(mix, score):
    """Broken chords on a plucked string: a slow harp when calm, a running figure when excited."""
    cue, rng = score.cue, score.rng
    step = 0.5 if cue.density > 0.85 else 1.0
    shape = (
        rng.permuted(np.array([0, 1, 2, 1, 3, 1, 2, 1]))
        if rng.random() < 0.5
        else (np.array([0, 1, 2, 3, 2, 1, 2, 1]))
    )
    for (beat, length), voicing in zip(score.spans(), score.voicings, strict=False):
        ladder = np.concatenate([voicing[:3], voicing[:1] + 12])
        for k, at in enumerate(np.arange(0, length, step)):
            pitch = ladder[shape[k % 8]] + 12 * (score.register > 70)
            note = _string(pitch, 0.25 + 1.1 * cue.articulation, cue.brightness_hz, 3.0)
            accent = 1.0 if at % 2 == 0 else 0.72
            gain = 0.24 * accent * rng.uniform(0.85, 1.1)
            _add(mix, note * _envelope(len(note), 0.004, 0.10), score.time(beat + at), gain)
    for k, pitch in enumerate(score.voicings[-1]):  # the last chord is spread like a harp's
        note = _string(pitch + 12, 3.0, cue.brightness_hz, 1.2)
        start = score.time(score.end + 0.12 * k / score.beat)
        _add(mix, note * _envelope(len(note), 0.004, 0.4), start, 0.24)


def _melody(mix, score):
    """A motif, its repeat on the next chord, a contrast, and a close on the tonic chord.

    Steps are of the scale; on strong beats they are drawn to the nearest note of the chord.
    """
    cue, rng = score.cue, score.rng
    voice = (_flute, _bell, _keys)[rng.integers(3)]
    motifs = []
    for _ in range(2):
        onsets = _rhythm(score, cue.density)
        moves = rng.choice([-2, -1, -1, 0, 1, 1, 2, 3], size=len(onsets))
        moves[0] = 0
        motifs.append((onsets, np.clip(np.cumsum(moves), -4, 5)))
    home = int(np.argmin([abs(score.pitch(s) - score.register) for s in range(-7, 21)])) - 7
    anchor = home
    for i, ((beat, length), chord) in enumerate(zip(score.spans(), score.chords, strict=False)):
        onsets, steps = motifs[1 if i % 4 == 2 else 0]
        ends = np.append(onsets[1:], length)
        anchor = _nearest_step(score, chord, round(0.5 * (anchor + home)))
        for at, until, step in zip(onsets, ends, anchor + steps, strict=True):
            strong = at % 1 == 0
            step = _nearest_step(score, chord, step) if strong else step
            seconds = np.clip((until - at) * score.beat * cue.articulation, 0.09, 2.5)
            gain = (0.36 if strong else 0.29) * rng.uniform(0.9, 1.1)
            note = voice(score.pitch(step), seconds, cue)
            _add(mix, note, score.time(beat + at), gain)
        anchor = step
    close = _nearest_step(score, score.chords[-1][:1], anchor)
    _add(mix, voice(score.pitch(close), 2.2, cue), score.time(score.end), 0.34)


def _nearest_step(score, chord, step):
    """The scale step nearest to `step` whose pitch is in the chord."""
    near = (step + d for d in (0, -1, 1, -2, 2, -3, 3, -4, 4))
    return next((s for s in near if score.pitch(s) % 12 in chord), step)


def _percussion(mix, score):
    """Shaker, then a soft drum and a brush, as arousal rises; the beat is felt, not struck."""
    level, rng = score.cue.percussion, score.rng
    if level == 0:
        return
    t = np.arange(round(0.30 * SR)) / SR
    drum = np.sin(2 * np.pi * (52 * t + 3.2 * (1 - np.exp(-t / 0.035)))) * np.exp(-t / 0.09)
    hiss = rng.standard_normal(len(t))
    brush = signal.sosfilt(_BRUSH, hiss) * np.exp(-t / 0.06)
    shake = signal.sosfilt(_SHAKER, hiss) * np.exp(-t / 0.022)
    drum, brush, shake = (
        x * _envelope(len(t), s, 0.05) for x, s in ((drum, 0.003), (brush, 0.004), (shake, 0.012))
    )
    heavy = np.clip(2 * level - 0.6, 0, 1)
    for half in range(2 * score.end):
        beat = half / 2
        accent = (0.6, 1.0)[half % 2] * rng.uniform(0.85, 1.1)
        _add(mix, shake, score.time(beat), 0.30 * level * accent)
        if (heavy and half % 4 == 0) or (heavy > 0.6 and half % 8 == 7):
            _add(mix, drum, score.time(beat), 0.5 * heavy)
        if heavy and half % 4 == 2:
            _add(mix, brush, score.time(beat), 0.42 * heavy)
    _add(mix, drum, score.time(score.end), 0.5 * heavy)


# --- tones --------------------------------------------------------------------------------------

_BRUSH = signal.butter(2, (700, 4200), "bandpass", fs=SR, output="sos")
_SHAKER = signal.butter(2, (3800, 7500), "bandpass", fs=SR, output="sos")
_RUMBLE = signal.butter(2, 32, "highpass", fs=SR, output="sos")


def _hertz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


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


def _harmonics(hertz, brightness_hz, slope):
    """Numbers and gains of the partials below 9 kHz: k^-slope, faded above the brightness."""
    k = np.arange(1, max(2, min(24, int(9000 / hertz) + 1)))
    return k, k**-slope * np.exp(-(k - 1) * hertz / brightness_hz)


def _string(pitch, seconds, brightness_hz, damping):
    """A plucked string: high partials die first, as in the averaging loop of Karplus & Strong.

    References
    ----------
    Karplus & Strong 1983, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2).
    """
    f = _hertz(pitch)
    k, gains = _harmonics(f, brightness_hz, 1.0)
    decays = damping * (1 + 0.4 * (k - 1)) * (f / 220) ** 0.4
    return _partials(k * f * np.sqrt(1 + 1e-4 * k**2), gains, decays, seconds)


def _detuned(pitch, seconds, brightness_hz):
    """A pad: each partial twice, some cents apart, so that the sound slowly beats."""
    f = _hertz(pitch)
    k, gains = _harmonics(f, brightness_hz, 1.2)
    pairs = np.concatenate([k * f * 0.9985, k * f * 1.0015])
    return _partials(pairs, np.tile(0.5 * gains, 2), 0, seconds)


def _keys(pitch, seconds, cue):
    """Soft keys: a slowly decaying string."""
    note = _string(pitch, seconds + 0.25, cue.brightness_hz, 1.6)
    return 1.4 * note * _envelope(len(note), 0.006, 0.25)


def _bell(pitch, seconds, cue):
    """A mellow bell by frequency modulation (Chowning 1973), its index falling with the sound."""
    t = np.arange(round((seconds + 0.5) * SR)) / SR
    phase = 2 * np.pi * _hertz(pitch) * t
    index = min(1.6, cue.brightness_hz / 1800) * np.exp(-t / 0.18)
    note = np.sin(phase + index * np.sin(2 * phase)) * np.exp(-t / 0.55)
    return note * _envelope(len(note), 0.004, 0.3)


def _flute(pitch, seconds, cue):
    """A flute-like voice with a late, narrow vibrato."""
    t = np.arange(round((seconds + 0.12) * SR)) / SR
    vibrato = 2e-4 * np.sin(2 * np.pi * 5.2 * t) * np.clip((t - 0.25) / 0.4, 0, 1)
    phase = 2 * np.pi * _hertz(pitch) * (t + vibrato)
    k, gains = _harmonics(_hertz(pitch), cue.brightness_hz, 1.3)
    note = sum(g * np.sin(i * phase) for i, g in zip(k[:5], gains[:5], strict=True))
    return note * _envelope(len(note), 0.02 + cue.attack_s, 0.12) * 0.55


def _envelope(n, attack, release):
    """Rise and fall as half cosines, so that neither end of a note clicks."""
    out = np.ones(n)
    rise, fall = (min(n // 2, round(x * SR)) for x in (attack, release))
    out[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    out[n - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return out


def _add(mix, note, start, gain):
    """Mix a note in at a time in seconds; what lies beyond the end is left out."""
    i = round(start * SR)
    part = mix[i : i + len(note)]
    part += gain * note[: len(part)]


# --- the master ---------------------------------------------------------------------------------


def _master(mix, cue, rng, n):
    """Reverberate, set the level, limit softly and fade both ends."""
    t = np.arange(round(1.8 * SR)) / SR
    tail = rng.standard_normal(len(t)) * np.exp(-t / 0.32)
    tail = signal.lfilter([0.25], [1, -0.75], tail)  # rooms swallow treble
    tail[: round(0.018 * SR)] = 0  # the time to the nearest wall
    tail /= np.sqrt((tail**2).sum())
    wet = signal.oaconvolve(mix, tail)[: len(mix)]
    out = signal.sosfilt(_RUMBLE, (1 - cue.reverb) * mix + cue.reverb * wet)[:n]
    out *= 10 ** (cue.level_db / 20) / np.sqrt((out**2).mean())
    out = 0.95 * np.tanh(out / 0.95)
    return (out * _envelope(n, 0.02, 1.2)).astype(np.float32)
