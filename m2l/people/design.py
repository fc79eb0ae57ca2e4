"""Ask people whether the picture fits the song: the design of the study, and its preregistration.

The task. A person rates pictures, then songs, on two scales; then hears every song twice more and
picks the better fitting of two pictures. In half of these choices one picture was made for the
song (matched) and the other by the same system for another song (shuffled): chance is 1/2,
whatever the pictures look like. In the other half both were made for the song, by two systems.

Conventions
-----------
There are five systems and one picture of each for every song; a person hears one deck of the
songs. A design is a dict, the JSON that `m2l study design` writes and the participant's page
reads. `trials` flattens it to a table with one row a trial: participant (code), trial, position
(from 1), block, kind ("rate_image", "rate_song", "choose" or "check"), song, image, left, right,
contrast, what a check asks for (ask_valence, ask_arousal), the systems behind the pictures
(system, left_system, right_system), the songs that they were made for (left_song, right_song) and
the song's seconds.

Answers are a long table as the instrument stores it, with the columns `ANSWERS`: ratings 1–9,
choice "left" or "right", ms until the answer, heard in seconds; empty where a trial does not ask.
Answers that no person gave have a further column, simulated, which is True throughout; every
analysis carries it on.

References
----------
Williams 1949, "Experimental designs balanced for the estimation of residual effects of
treatments", Australian Journal of Scientific Research A 2(2), 149–168.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from m2l.doors.settings import read, setting, written
from m2l.errors import InputError
from m2l.results import PARAMS

SYSTEMS = ("full", "without AFM", "non-progressive", "unconditional", "real photo")
COMPARED = SYSTEMS[1:4]  # with the full system: what the hypotheses are about
DIMENSIONS = ("valence", "arousal")
MATCHED = "matched-shuffled"
BLOCKS = {"images": "rate_image", "songs": "rate_song", "choices": "choose"}
ANSWERS = (
    *("participant", "trial", "kind", "block", "song", "image", "left", "right"),
    *("valence", "arousal", "choice", "ms", "heard", "position", "at"),
)
SHOWN = ("song", "image", "left", "right")
NEEDS = {
    "rate_image": ("image",),
    "rate_song": ("song",),
    "choose": ("song", "left", "right"),
    "check": ("text",),
}
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"  # nothing that is misread on paper
HYPOTHESES = {
    "H1": "The full system's matched picture is chosen over its shuffled one more often than by "
    "chance.",
    **{
        f"{key}{letter}": text.format(name)
        for key, text in (
            ("H2", "Pictures of the full system are felt closer to their songs than those of the "
             "system “{}”."),
            ("H3", "The full system's picture is chosen over that of the system “{}”."),
        )
        for letter, name in zip("abc", COMPARED, strict=True)
    },
}  # fmt: skip


@dataclass(frozen=True)
class Checks:
    images: int = setting(low=0)
    songs: int = setting(low=0)
    choices: int = setting(low=0)


@dataclass(frozen=True)
class Rules:
    answered: float = setting(low=0, high=1)
    failed_checks: int = setting(low=1)
    tolerance: float = setting(low=0, high=8)
    fast_ms: dict[str, float] = setting(low=0)
    fast_share: float = setting(low=0, high=1)
    heard_s: dict[str, float] = setting(low=0)
    flat_sd: float = setting(low=0)


@dataclass(frozen=True)
class Power:
    draws: int = setting(low=1)
    participants: tuple[int, ...] = setting(low=2)
    songs: tuple[int, ...] = setting(low=1)
    factors: tuple[float, ...] = setting(low=0)
    agreement: tuple[float, ...] = setting(above=0, below=1)


@dataclass(frozen=True)
class Validation:
    studies: int = setting(low=1)
    every: int = setting(low=1)
    participants: int = setting(low=2)
    songs: int = setting(low=1)


@dataclass(frozen=True)
class Settings:
    """What `params/study.yaml` may hold; what each setting means is said there."""

    approval: str | None
    rights: str | None
    title: str
    seed: int = setting(low=0)
    participants: int = setting(low=1)
    reserve: int = setting(low=0)
    songs: int = setting(low=1)
    songs_each: int = setting(low=10)
    seconds: float = setting(above=0)
    minutes: float = setting(above=0)
    weeks: float = setting(above=0)
    checks: Checks
    alpha: float = setting(above=0, below=1)
    confirmatory: tuple[str, ...] = setting(choices=HYPOTHESES)
    rules: Rules
    instructions: dict[str, str]
    check: str
    consent: tuple[str, ...]
    debriefing: tuple[str, ...]
    assumed: dict
    power: Power
    validation: Validation


def settings(path=None, **changes):
    """Read the study's settings, `params/study.yaml` or another file like it.

    Parameters
    ----------
    path : of a YAML file; the shipped one by default.
    **changes : single settings to use instead; None leaves the file's.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If there is no such file, or a setting is missing, unknown or not what `Settings` wants.
    """
    path = path or next(p for folder in PARAMS if (p := folder / "study.yaml").is_file())
    values = written(path) | {k: v for k, v in changes.items() if v is not None}
    read(Settings, values, f"{path}: ")
    return values


def frame(config):
    """The settings without their texts: what figures computed from them depend on."""
    texts = {"title", "minutes", "weeks", "instructions", "check", "consent", "debriefing"}
    texts |= {"approval", "rights"}
    return {name: value for name, value in config.items() if name not in texts}


def assign(participants, songs, each=None, seed=0):
    """Deal pictures out to participants, so that everyone sees every picture of their songs once.

    Songs are dealt into decks, and persons take decks in turn. Within a deck, a Latin square: of
    the five pictures of a song, a person rates one, meets one as the matched and one as the
    shuffled picture of a choice, and chooses between the last two. Groups of five persons exchange
    these parts in a circle; from group to group, the song that lends the shuffled picture, the two
    systems that are compared and the sides change. Therefore, for the first persons of any number:
    every picture is rated, matched and shuffled, and every pair of systems compared for every
    song, equally often up to one; within a person, every system and both sides equally often. The
    order of the songs follows a Williams square, in which every song stands at every place and
    after every other song equally often.

    Parameters
    ----------
    participants : int, 1 or more; exact balance over systems, sides and places where the persons
        of a deck are a multiple of 20 and of `each`.
    songs : int, a multiple of `each`.
    each : int, songs for a person, all by default; a positive multiple of ten (two sides × five
        systems).
    seed : int, for the deal of the songs and the succession of shuffled pictures.

    Returns
    -------
    DataFrame, 4 × participants × each rows in order of showing: participant (from 0), block, song
    (from 0; the one that is heard or that the rated picture was made for), system, left_system,
    right_system, left_song, right_song; systems index `SYSTEMS`, -1 where there is none.

    Raises
    ------
    InputError
        If a count would leave the plan unbalanced.
    """
    n, each = len(SYSTEMS), each or songs
    if each < 2 * n or each % (2 * n):
        raise InputError(
            f"{each} songs: cannot be balanced over five systems and two sides; "
            f"choose a multiple of {2 * n}"
        )
    if songs < 1 or songs % each:
        raise InputError(f"{songs} songs: no multiple of the {each} that a person hears")
    if participants < 1:
        raise InputError(f"{participants} participants: choose 1 or more")
    rng = np.random.default_rng(seed)
    decks = rng.permutation(songs).reshape(-1, each)  # the songs at the places of each square
    shifts = rng.permutation([j for j in range(each) if j % n])
    participant, turn = (x.ravel() for x in np.mgrid[:participants, :each])
    person, deck = np.divmod(participant, len(decks))  # the person's number within the deck
    group = person // n
    shift = shifts[group % len(shifts)]
    apart = 1 + group % 2  # how far the two compared systems lie apart in the circle
    parts = {(f, a): _parts(f, a) for f in range(1, n) for a in (1, 2)}
    rated, one, other = np.array([parts[f, a] for f, a in zip(-shift % n, apart, strict=True)]).T

    def block(name, place, turn=turn, **columns):
        trial = {"participant": participant, "block": name, "song": decks[deck, place]}
        return pd.DataFrame(trial | columns | {"turn": turn})

    def pair(first, second, swap):
        """Columns of two pictures, (system, place) each, that change sides where told to."""
        sides = {"left": np.where(swap, second, first), "right": np.where(swap, first, second)}
        systems = {f"{side}_system": system for side, (system, _) in sides.items()}
        return systems | {f"{side}_song": decks[deck, at] for side, (_, at) in sides.items()}

    row = np.where(turn % 2, each - 1 - turn // 2, turn // 2)  # of a Williams square: 0, n-1, 1, …
    place = (row + person) % each
    images = block("images", place, system=(person + place + rated) % n)
    # Backwards through the square, and by an odd step, so that no one repeats an order.
    heard = block("songs", (row - person - 1) % each)
    # The two kinds of choice take turns; which comes first changes from person to person.
    own, swap = (person + place) % n, (place // n + group) % 2 == 1
    matched = pair((own, place), (own, (place + shift) % each), swap)
    matched = block("choices", place, 2 * turn + person % 2, system=own, **matched)
    place = (place + each // 2) % each
    own, swap = (person + place) % n, (place // n + group // 2) % 2 == 1
    systems = pair(((own + one) % n, place), ((own + other) % n, place), swap)
    systems = block("choices", place, 2 * turn + 1 - person % 2, **systems)
    plan = pd.concat([images, heard, matched, systems])
    order = plan["block"].map({name: i for i, name in enumerate(BLOCKS)})
    plan = plan.assign(order=order).sort_values(["participant", "order", "turn"], ignore_index=True)
    numbers = plan.columns.drop("block")
    plan[numbers] = plan[numbers].fillna(-1).astype(int)
    return plan.drop(columns=["order", "turn"])


def _parts(foil, apart):
    """Steps in the circle of systems to the rated and to the two compared, matched being 0."""
    for rated in range(1, len(SYSTEMS)):
        rest = [i for i in range(1, len(SYSTEMS)) if i not in (foil, rated)]
        if len(rest) == 2 and (rest[1] - rest[0]) % len(SYSTEMS) in (apart, len(SYSTEMS) - apart):
            return rated, *rest
    raise AssertionError("five systems always allow it")


def design(config, stimuli=None):
    """The design file: everything that the instrument and the analysis need.

    Parameters
    ----------
    config : dict, from `settings`. Participants' codes follow from its seed: of a real study
        it is kept to oneself until all answers are in.
    stimuli : dict with songs and images as in the design file, from `m2l study stimuli`; without
        it, files are named but need not exist, and the pictures' emotions are unknown.

    Returns
    -------
    dict, ready for JSON.
    """
    songs, seed = config["songs"], config["seed"]
    people = config["participants"] + config["reserve"]
    plan = assign(people, songs, config["songs_each"], seed)
    rng = np.random.default_rng([seed, 1])
    stimuli = stimuli or placeholders(songs, config["seconds"], seed)
    names = list(stimuli["songs"])
    pictures = {(i["system"], i["song"]): name for name, i in stimuli["images"].items()}
    missing = [f"{s} of {n}" for s in SYSTEMS for n in names[:songs] if (s, n) not in pictures]
    if len(names) < songs or missing:
        what = missing[0] if missing else f"song {songs} of {songs}"
        raise InputError(f"stimuli: no picture or song for {what}; run 'm2l study stimuli'")

    def picture(system, song):
        return pictures[SYSTEMS[system], names[song]]

    def trial(kind, song, system, left_system, right_system, left_song, right_song, **_):
        if kind == "rate_image":
            return {"kind": kind, "image": picture(system, song)}
        if kind == "rate_song":
            return {"kind": kind, "song": names[song]}
        two = sorted((left_system, right_system))
        return {
            "kind": kind,
            "song": names[song],
            "left": picture(left_system, left_song),
            "right": picture(right_system, right_song),
            "contrast": MATCHED if system >= 0 else " against ".join(SYSTEMS[i] for i in two),
        }

    text = {
        name: [p.format(**config | {"images": 5 * config["songs_each"]}) for p in config[name]]
        for name in ("consent", "debriefing")
    }
    participants, codes = [], {}
    while len(codes) < people:  # a dict keeps the order and drops the rare double
        codes["".join(rng.choice(list(_ALPHABET), 12))] = None
    parts = groupby(plan.to_dict("records"), itemgetter("participant", "block"))
    for code in codes:
        blocks, number = [], count(1)
        for name, kind in BLOCKS.items():
            trials = [trial(kind, **row) for row in next(parts)[1]]
            # Not among the first, where people still read everything anyway.
            spots = rng.choice(np.arange(3, len(trials)), config["checks"][name], replace=False)
            for spot in sorted(spots, reverse=True):
                trials.insert(spot, _attention(config["check"], rng))
            for shown in trials:
                shown["id"] = f"t{next(number):03d}"
            blocks.append(
                {"name": name, "instructions": config["instructions"][name], "trials": trials}
            )
        participants.append({"code": code, "blocks": blocks})
    return {
        "format": "m2l-study",
        "version": 1,
        "title": config["title"],
        "seed": seed,
        **text,
        **{k: config[k] for k in ("approval", "rights")},
        "stand_ins": stimuli.get("stand_ins", []),
        "rules": config["rules"] | {k: config[k] for k in ("alpha", "confirmatory")},
        "songs": {name: stimuli["songs"][name] for name in names[:songs]},
        "images": stimuli["images"],
        "participants": participants,
    }


def placeholders(songs, seconds, seed=0):
    """Stimuli that are named only; the numbers of pictures tell nothing about their systems."""
    names = [f"s{i + 1:02d}" for i in range(songs)]
    keys = [{"system": system, "song": song} for system in SYSTEMS for song in names]
    order = np.random.default_rng([seed, 2]).permutation(len(keys))
    images = {f"i{i + 1:03d}": keys[k] for i, k in enumerate(order)}
    unknown = {"valence": None, "arousal": None}
    return {
        "songs": {name: {"src": f"songs/{name}.ogg", "seconds": seconds} for name in names},
        "images": {n: {"src": f"images/{n}.png"} | k | unknown for n, k in images.items()},
    }


def _attention(text, rng):
    ask = {d: int(x) for d, x in zip(DIMENSIONS, rng.choice([1, 9], 2), strict=True)}
    ends = {d: "right" if x == 9 else "left" for d, x in ask.items()}
    return {"kind": "check", "text": text.format(**ends), "ask": ask}


def load(path):
    """Read a design file.

    Raises
    ------
    InputError
        If it cannot be read, is no design, or its participants cannot be served by it.
    """
    try:
        made = json.loads(Path(path).read_text(encoding="utf-8"))
        table = trials(made)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a design file; make one with 'm2l study design'") from error
    codes = pd.Series([person["code"] for person in made["participants"]])
    lacks = [
        not isinstance(trial.get(name), str)
        for trial in table.to_dict("records")
        for name in NEEDS.get(trial["kind"], ("",))
    ]
    shown = table[["image", "left", "right"]].stack()
    faults = {
        "two participants have one code": codes.str.lower().duplicated().any(),
        "a code is not of 10 to 64 letters, digits, - and _": not codes.str.fullmatch(
            r"[A-Za-z0-9_-]{10,64}"
        ).all(),
        "a participant has two trials of one id": table.duplicated(["participant", "trial"]).any(),
        "a trial is of no known kind, or lacks its song, picture or text": any(lacks),
        "a trial shows a picture that is not listed": not shown.isin(made["images"]).all(),
        "a trial plays a song that is not listed": set(table["song"].dropna()) - set(made["songs"]),
    }
    for fault, found in faults.items():
        if found:
            raise InputError(f"{path}: {fault}; make it anew with 'm2l study design'")
    return made


def trials(made):
    """Flatten a design to a table of trials; see the module's conventions."""
    if (made["format"], made["version"]) != ("m2l-study", 1):
        raise ValueError("another format")
    meta = ["code", ["blocks", "name"]]
    table = pd.json_normalize(made["participants"], ["blocks", "trials"], meta, sep="_")
    table = table.rename(columns={"code": "participant", "id": "trial", "blocks_name": "block"})
    asked = [f"ask_{d}" for d in DIMENSIONS]
    told = ["participant", "trial", "position", "block", "kind", *SHOWN, "text", "contrast", *asked]
    table = table.assign(position=table.groupby("participant").cumcount() + 1).reindex(columns=told)
    images = pd.DataFrame.from_dict(made["images"], orient="index")[["system", "song"]]
    for column, prefix in (("image", ""), ("left", "left_"), ("right", "right_")):
        table[f"{prefix}system"] = table[column].map(images["system"])
        if prefix:
            table[f"{prefix}song"] = table[column].map(images["song"])
        else:
            table["song"] = table["song"].fillna(table["image"].map(images["song"]))
    seconds = {name: song["seconds"] for name, song in made["songs"].items()}
    return table.assign(seconds=table["song"].map(seconds))


def stimuli(path, folder):
    """Read what `m2l study stimuli` wrote, with paths as seen from the folder of the design.

    Raises
    ------
    InputError
        If it cannot be read or is something else.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        for item in (*found["songs"].values(), *found["images"].values()):
            item["src"] = Path(os.path.relpath(Path(path).parent / item["src"], folder)).as_posix()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: no list of stimuli; make one with 'm2l study stimuli'"
        ) from error
    return {k: found[k] for k in ("songs", "images", "stand_ins")}
