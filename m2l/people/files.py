"""What a participant's browser gets, what it sends back, and the one table of answers.

Conventions
-----------
The browser gets texts, names of trials, and pictures and songs by their numbers; systems, and what
a picture was made for, stay here. It sends an answer by the name of its trial; kind, block, song
and pictures are filled in from the design. Rows have the columns `m2l.people.design.ANSWERS`.
"""

# Annotations are not postponed: pydantic has to see them.

import hashlib
import json
import math
import shutil
from datetime import UTC
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from m2l.doors import outputs, pictures, songs
from m2l.errors import InputError
from m2l.people import design as study
from m2l.people.design import ANSWERS, DIMENSIONS, SHOWN

PAGE = Path(__file__).parent / "instrument"
LISTEN = {"rate_song": math.inf, "choose": 10.0}  # s of a song to hear at least; or all, if shorter
SLACK = 0.25  # s by which a song's length may differ from the design's
TYPES = {"images": (".png", ".jpg", ".webp"), "songs": (".ogg", ".mp3", ".wav", ".flac")}


class Person(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")
    participant: str


class Answer(Person):
    """What a browser says about one trial."""

    trial: str
    valence: int | None = Field(None, ge=1, le=9, strict=True)
    arousal: int | None = Field(None, ge=1, le=9, strict=True)
    choice: Literal["left", "right"] | None = None
    ms: int = Field(ge=0, le=10**9, strict=True)
    heard: float | None = Field(None, ge=0, le=10**5, strict=True, allow_inf_nan=False)
    at: AwareDatetime


class Saved(BaseModel):
    """The file that the page hands over where there is no server."""

    format: Literal["m2l-answers"]
    plan: str
    participant: str
    answers: list[Answer]


def utc(at):
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def asked(made):
    """What the design says about each trial: {(participant, trial): dict of columns}."""
    table = study.trials(made)[["participant", "trial", "kind", "block", *SHOWN, "position"]]
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {(r["participant"], r["trial"]): r for r in rows}


def row(trials, answer):
    """An `Answer` with all that `asked` says about its trial: dict with the keys `ANSWERS`.

    Raises
    ------
    InputError
        If the participant has no such trial, or the answer is none to it.
    """
    if not (trial := trials.get((answer.participant, answer.trial))):
        raise InputError(f"participant {answer.participant} has no trial {answer.trial}")
    wants = {"choice"} if trial["kind"] == "choose" else set(DIMENSIONS)
    wants |= {"heard"} if trial["kind"] in LISTEN else set()
    said = answer.model_dump(include={*DIMENSIONS, "choice", "ms", "heard"})
    if {k for k, v in said.items() if v is not None} - {"ms"} != wants:
        raise InputError(f"trial {answer.trial} asks for {', '.join(sorted(wants))}")
    found = trial | said | {"at": utc(answer.at)}
    return {name: found[name] for name in ANSWERS}


def plans(made):
    """All that each participant's browser gets to know, by code, as plain values.

    The field plan is a name of the list of trials: a browser keeps its answers under it.
    """

    def trial(t):
        told = {"trial": t["id"]} | {k: t[k] for k in ("kind", "text") if k in t}
        told |= {name: _address(made, t[name]) for name in SHOWN if name in t}
        if "song" in t:
            seconds = made["songs"][t["song"]]["seconds"]
            told |= {"seconds": seconds, "listen": min(LISTEN[t["kind"]], seconds)}
        return told

    found = {}
    for person in made["participants"]:
        parts = [
            {"instructions": b["instructions"], "trials": [trial(t) for t in b["trials"]]}
            for b in person["blocks"]
        ]
        name = hashlib.sha256(json.dumps([p["trials"] for p in parts]).encode()).hexdigest()[:16]
        texts = {k: made[k] for k in ("title", "consent", "debriefing")}
        found[person["code"]] = {"plan": name, **texts, "parts": parts}
    return found


def _address(made, name):
    """Where a participant finds a picture or song."""
    item = made["songs"].get(name) or made["images"][name]
    return f"media/{name}{Path(item['src']).suffix}"


def media(made, folder):
    """Path of each picture and song under the name that participants see.

    Raises
    ------
    InputError
        If one is missing, broken, of another length than the design says, or of a type that
        gives it away.
    """
    found = {}
    for kind, types in TYPES.items():
        suffixes = {Path(item["src"]).suffix for item in made[kind].values()}
        if len(suffixes) > 1 or not suffixes <= set(types):
            raise InputError(
                f"{folder}: {kind} are {' and '.join(sorted(suffixes))}; convert them to one of "
                f"{', '.join(types)}, so that the type does not tell where they come from"
            )
        for name, item in made[kind].items():
            path = found[_address(made, name)] = Path(folder) / item["src"]
            if kind == "images":
                pictures.read(path)
            elif abs(songs.seconds(path) - item["seconds"]) > SLACK:
                raise InputError(f"{path}: not of the {item['seconds']} s that the design says")
    return found


def static(made, media_folder, folder):
    """Write the study as a folder of files for any web host.

    Parameters
    ----------
    made : dict, the design; media_folder : where it lies; folder : new or empty.

    Raises
    ------
    InputError
        If the folder holds something, or a picture or song cannot be used.
    """
    folder, files = Path(folder), media(made, media_folder)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds files already; name a new folder")
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    (folder / "study.json").write_text(json.dumps({"store": "file"}))
    for name in ("plans", "media"):
        (folder / name).mkdir()
        (folder / name / "index.html").touch()  # keeps hosts from listing the folder
    for code, plan in plans(made).items():
        text = json.dumps(plan, ensure_ascii=False)
        (folder / "plans" / f"{code}.json").write_text(text, encoding="utf-8")
    for name, path in files.items():
        shutil.copyfile(path, folder / name)


def export(sources, out, made=None):
    """Write answers of servers (.sqlite) and saved files (.json) as one long table (.csv).

    A trial answered in more than one source keeps the answer that was given first.

    Parameters
    ----------
    sources, out : paths; made : dict, the design, needed for saved files only.

    Returns
    -------
    (int, int, int), answers, participants, and answers left out because another stands.

    Raises
    ------
    InputError
        If a source is neither, or a saved file does not fit the design.
    """
    from m2l.people.serve import Answers

    rows = []
    for path in map(Path, sources):
        if path.suffix == ".json":
            rows += _saved(path, made)
        else:
            with Answers(path) as stored:
                rows += stored.rows()
    table = pd.DataFrame(rows, columns=ANSWERS, dtype=object).drop_duplicates()
    key = ["participant", "position"]
    kept = table.sort_values("at", kind="stable").drop_duplicates(key).sort_values(key)
    with outputs.writing(out) as aside:
        kept.to_csv(aside, index=False)
    return len(kept), kept["participant"].nunique(), len(table) - len(kept)


def _saved(path, made):
    if made is None:
        raise InputError(f"{path}: a saved file needs the design; give it with --design")
    try:
        saved = Saved.model_validate_json(path.read_bytes())
        if plans(made).get(saved.participant, {}).get("plan") != saved.plan:
            raise InputError("answers to another design; give the one they belong to")
        trials = asked(made)
        return [row(trials, answer) for answer in saved.answers]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {where} {first['msg']}; not a file of saved answers") from None
    except (OSError, InputError) as error:
        raise InputError(f"{path}: {error}") from None
