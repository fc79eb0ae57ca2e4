"""Put the study before participants: a page, and two ways to get its answers back.

The page in `m2l/instrument/` leads one participant from the consent to the debriefing. `static`
writes it into a folder for any web host; it then hands the answers over as a file at the end.
`application` serves it and stores every answer in SQLite as it comes. `export` makes one table
of both.

Conventions
-----------
A design is the JSON file that `m2l study design` writes; the paths of its media are relative to
its folder. A participant is known by a random code. It stands behind the # of a link and travels
in a header, so that no log of a server or proxy holds it.

A position counts a participant's trials from 1, in order of showing. The browser gets no more than
positions, texts and opaque names of media, and sends answers by position; trial, kind, block, song
and images are filled in here, from the design. Rows have the columns `COLUMNS`: valence and arousal
1–9, choice "left" or "right", ms from showing to answering, heard in seconds of audio that really
sounded, at in UTC by the participant's clock; None where a trial does not ask for it.

An answer is acknowledged after it is on the disk. The first answer to a trial stands.
"""

# Annotations are not postponed: FastAPI has to see those of the functions in `application`.

import csv
import hashlib
import hmac
import json
import math
import shutil
import socket
import sqlite3
import threading
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from m2l.errors import InputError
from m2l.people.design import ANSWERS as COLUMNS

PAGE = Path(__file__).parent / "instrument"
LISTEN = {"rate_song": math.inf, "choose": 10.0}  # s of a song to hear at least; or all, if shorter
SLACK = 0.5  # s by which the browser's clock of what was heard may fall short
LARGEST = 4096  # bytes of a request's body
IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
SONGS = {".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src blob:; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NEEDS = {
    "rate_image": ("image",),
    "rate_song": ("song",),
    "choose": ("song", "left", "right"),
    "check": ("text",),
}
_MARK = 0x6D326C73  # SQLite's application_id of a file of answers


# -- the design ------------------------------------------------------------------------------


class Trial(BaseModel):
    id: str = Field(min_length=1)
    kind: Literal["rate_image", "rate_song", "choose", "check"]
    song: str | None = None
    image: str | None = None
    left: str | None = None
    right: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _complete(self):
        lacking = [name for name in _NEEDS[self.kind] if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"{self.kind} without {' and '.join(lacking)}")
        return self


class Block(BaseModel):
    name: str
    instructions: str
    trials: list[Trial] = Field(min_length=1)


class Participant(BaseModel):
    code: str = Field(pattern=r"^[A-Za-z0-9_-]{10,64}$")
    blocks: list[Block] = Field(min_length=1)

    @cached_property
    def trials(self):
        """(block, trial) in order of showing; the one at position p is at p - 1."""
        return [(block, trial) for block in self.blocks for trial in block.trials]

    def asked(self, position):
        """What the design says about the trial at a position: the first eight of `COLUMNS`."""
        block, trial = self.trials[position - 1]
        return {
            **{"participant": self.code, "trial": trial.id, "kind": trial.kind},
            **{"block": block.name, "song": trial.song, "image": trial.image},
            **{"left": trial.left, "right": trial.right},
        }

    @cached_property
    def plan(self):
        """Name of this list of trials, whatever their texts; a browser files answers under it."""
        trials = [self.asked(i + 1) for i in range(len(self.trials))]
        return hashlib.sha256(json.dumps(trials).encode()).hexdigest()[:16]


class Song(BaseModel):
    src: str
    seconds: float = Field(gt=0)


class Image(BaseModel):
    src: str


class Design(BaseModel):
    """What is asked of whom; `Design.load` reads it. Fields that the page does not need, such as
    the system that made an image, are left to the analysis.
    """

    format: Literal["m2l-study"]
    version: Literal[1]
    title: str
    consent: list[str] = Field(min_length=1)
    debriefing: list[str] = Field(min_length=1)
    songs: dict[str, Song]
    images: dict[str, Image]
    participants: list[Participant] = Field(min_length=1)
    _folder: Path = PrivateAttr()

    @classmethod
    def load(cls, path):
        """Read a design and see that its media are there and can be used.

        Raises
        ------
        InputError
            If the file is not a design, or a picture or song is missing, broken, of another
            length than the design says, or of a type that gives it away.
        """
        try:
            design = cls.model_validate_json(Path(path).read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            what = first["msg"].removeprefix("Value error, ")
            raise InputError(
                f"{path}: {where + ': ' * bool(where)}{what}; 'm2l study design' writes a design"
            ) from None
        design._folder = Path(path).parent
        for kind, media, types in (
            ("picture", design.images, IMAGES),
            ("song", design.songs, SONGS),
        ):
            suffixes = {Path(item.src).suffix for item in media.values()}
            if suffixes - set(types):
                raise InputError(f"{path}: a {kind} is none of {', '.join(types)}; convert it")
            if len(suffixes) > 1:
                raise InputError(
                    f"{path}: {kind}s are {' and '.join(sorted(suffixes))}, which may give away "
                    "where they come from; convert them to one type"
                )
        for image in design.images.values():
            _check_picture(design._folder / image.src)
        for song in design.songs.values():
            _check_song(design._folder / song.src, song.seconds)
        return design

    @model_validator(mode="after")
    def _whole(self):
        codes = [participant.code.lower() for participant in self.participants]
        if len(set(codes)) < len(codes):
            raise ValueError("two participants have the same code")
        for participant in self.participants:
            ids = [trial.id for _, trial in participant.trials]
            if len(set(ids)) < len(ids):
                raise ValueError("a participant has two trials of the same id")
            for _, trial in participant.trials:
                for name in {trial.image, trial.left, trial.right} - {None, *self.images}:
                    raise ValueError(f"trial {trial.id}: no image {name}")
                if trial.song is not None and trial.song not in self.songs:
                    raise ValueError(f"trial {trial.id}: no song {trial.song}")
        return self

    @cached_property
    def by_code(self):
        return {participant.code: participant for participant in self.participants}

    @cached_property
    def media(self):
        """Path of each picture and song under the only name that a participant sees."""
        return {self._alias(x.src): self._folder / x.src for x in self._items()}

    def _items(self):
        return (*self.images.values(), *self.songs.values())

    @cached_property
    def _key(self):
        # Nobody who takes part knows all codes, so nobody can tell names apart by their key.
        return "\n".join(sorted(self.by_code)).encode()

    def _alias(self, src):
        name = hmac.new(self._key, src.encode(), hashlib.sha256).hexdigest()[:24]
        return name + Path(src).suffix

    def listen(self, trial):
        """Seconds of its song that a trial wants heard, or None."""
        if trial.kind not in LISTEN:
            return None
        return min(LISTEN[trial.kind], self.songs[trial.song].seconds)

    def view(self, participant):
        """All that one participant's browser gets to know, as plain values."""

        def shown(position, trial):
            told = {"position": position, "kind": trial.kind}
            for name in _NEEDS[trial.kind]:
                value = getattr(trial, name)
                if name != "text":
                    media = self.songs if name == "song" else self.images
                    value = f"media/{self._alias(media[value].src)}"
                told[name] = value
            if trial.kind in LISTEN:
                told |= {"seconds": self.songs[trial.song].seconds, "listen": self.listen(trial)}
            return told

        positions = iter(range(1, len(participant.trials) + 1))
        return {
            "plan": participant.plan,
            "title": self.title,
            "consent": self.consent,
            "debriefing": self.debriefing,
            "parts": [
                {
                    "instructions": block.instructions,
                    "trials": [shown(next(positions), trial) for trial in block.trials],
                }
                for block in participant.blocks
            ],
        }


def _check_picture(path):
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as picture:
            picture.verify()
    except FileNotFoundError:
        raise InputError(f"{path}: no such picture; the design lists it") from None
    except (OSError, SyntaxError):
        raise InputError(f"{path}: not a picture that can be read; make it anew") from None


def _check_song(path, seconds):
    import soundfile

    if not path.is_file():
        raise InputError(f"{path}: no such song; the design lists it")
    try:
        found = soundfile.info(str(path)).duration
    except soundfile.LibsndfileError:
        raise InputError(f"{path}: not audio that can be read; make it anew") from None
    if abs(found - seconds) > SLACK / 2:
        raise InputError(f"{path}: lasts {found:.1f} s where the design says {seconds:.1f} s")


# -- answers ---------------------------------------------------------------------------------


class Consent(BaseModel):
    model_config = ConfigDict(extra="forbid")
    at: AwareDatetime


class Answer(BaseModel):
    """What a browser says about one trial."""

    model_config = ConfigDict(extra="forbid")
    valence: int | None = Field(None, ge=1, le=9, strict=True)
    arousal: int | None = Field(None, ge=1, le=9, strict=True)
    choice: Literal["left", "right"] | None = None
    ms: int = Field(ge=0, le=10**9, strict=True)
    heard: float | None = Field(None, ge=0, le=10**5, strict=True, allow_inf_nan=False)
    at: AwareDatetime


class Placed(Answer):
    position: int = Field(ge=1, strict=True)


class Saved(BaseModel):
    """The file that the page hands over when there is no server."""

    format: Literal["m2l-answers"]
    version: Literal[1]
    plan: str
    participant: str
    consented: AwareDatetime
    answers: list[Placed]


def row(design, participant, position, answer):
    """One answer with all that the design says about its trial.

    Returns
    -------
    dict with the keys `COLUMNS`.

    Raises
    ------
    ValueError
        If the participant has no such trial, or the answer is not one to it.
    """
    if not 1 <= position <= len(participant.trials):
        raise ValueError(f"no trial {position}")
    _, trial = participant.trials[position - 1]
    listen = design.listen(trial)
    asked = {"choice"} if trial.kind == "choose" else {"valence", "arousal"}
    asked |= {"heard"} if listen is not None else set()
    given = {k for k in ("valence", "arousal", "choice", "heard") if getattr(answer, k) is not None}
    if given != asked:
        raise ValueError(f"trial {position} asks for {', '.join(sorted(asked))}")
    if listen is not None and answer.heard < listen - SLACK:
        raise ValueError(f"trial {position}: heard {answer.heard:g} s of {listen:g}")
    given = {k: getattr(answer, k) for k in ("valence", "arousal", "choice", "ms", "heard")}
    return participant.asked(position) | given | {"position": position, "at": _utc(answer.at)}


def _utc(at):
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Answers:
    """A file of answers that survives whatever happens to the process.

    Parameters
    ----------
    path : the SQLite file; with a design, it is made if there is none.
    design : Design, needed to store answers.

    Raises
    ------
    InputError
        If the file is missing or something else, or holds answers to another design.
    """

    def __init__(self, path, design=None):
        self._path, self._design, self._lock = Path(path), design, threading.Lock()
        if design is None and not self._path.is_file():
            raise InputError(f"{path}: no such file; name the one given to 'm2l study serve'")
        if not self._path.parent.is_dir():
            raise InputError(f"{self._path.parent}: no such folder; make it first")
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            if design is None or self._db.execute("SELECT * FROM sqlite_schema").fetchone():
                self._check()
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            with self._write() as db:
                db.execute(f"PRAGMA application_id = {_MARK}")
                db.execute(
                    "CREATE TABLE IF NOT EXISTS participants "
                    "(code TEXT PRIMARY KEY, consented TEXT, withdrawn INTEGER)"
                )
                db.execute(
                    "CREATE TABLE IF NOT EXISTS answers "
                    f"({', '.join(COLUMNS)}, PRIMARY KEY (participant, position))"
                )
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise InputError(f"{path}: {error}; name another file for the answers") from None
        except InputError:
            self._db.close()
            raise

    def _check(self):
        if self._db.execute("PRAGMA application_id").fetchone() != (_MARK,):
            raise InputError(
                f"{self._path}: not a file of answers; name the one given to 'm2l study serve'"
            )
        for stored in self.rows() if self._design else ():
            participant = self._design.by_code.get(stored["participant"])
            position = stored["position"]
            known = participant is not None and position <= len(participant.trials)
            if not (known and participant.asked(position).items() <= stored.items()):
                raise InputError(
                    f"{self._path}: holds answers to another design; name another file"
                )

    @contextmanager
    def _write(self):
        """A transaction; what it did is on the disk when it ends."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db

    def rows(self, where="", values=()):
        """Rows as dicts with the keys `COLUMNS`, by participant and position."""
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        query = f"SELECT {names} FROM answers {where} ORDER BY participant, position"
        found = self._db.execute(query, values).fetchall()
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]

    def _participant(self, code):
        found = self._db.execute(
            "SELECT consented, withdrawn FROM participants WHERE code = ?", (code,)
        ).fetchone()
        return found or (None, None)

    def standing(self, code):
        """When a participant consented, and the positions they have answered; None if they
        withdrew.
        """
        with self._lock:
            consented, withdrawn = self._participant(code)
            if withdrawn:
                return None
            answered = self._db.execute(
                "SELECT position FROM answers WHERE participant = ?", (code,)
            )
            return {"consented": consented, "answered": sorted(p for (p,) in answered)}

    def consent(self, participant, at):
        """Note when a participant consented; the first time stands."""
        with self._write() as db:
            if self._participant(participant.code)[1]:
                return HTTPStatus.GONE
            db.execute(
                "INSERT INTO participants VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                (participant.code, _utc(at)),
            )
        return HTTPStatus.NO_CONTENT

    def put(self, participant, position, answer):
        """Store an answer, on the disk, unless the trial has one.

        Returns
        -------
        HTTPStatus: CREATED; OK if it was there already, so that sending twice does no harm;
        CONFLICT if another one was there, which stands; FORBIDDEN without consent; GONE after
        withdrawal.
        """
        new = row(self._design, participant, position, answer)
        key = participant.code, position
        with self._write() as db:
            consented, withdrawn = self._participant(participant.code)
            if withdrawn:
                return HTTPStatus.GONE
            if not consented:
                return HTTPStatus.FORBIDDEN
            for old in self.rows("WHERE participant = ? AND position = ?", key):
                return HTTPStatus.OK if old == new else HTTPStatus.CONFLICT
            db.execute(
                f"INSERT INTO answers VALUES ({', '.join('?' * len(COLUMNS))})", tuple(new.values())
            )
        return HTTPStatus.CREATED

    def withdraw(self, code):
        """Delete all that a participant answered, and take nothing more of them."""
        with self._write() as db:
            db.execute("DELETE FROM answers WHERE participant = ?", (code,))
            db.execute("INSERT OR REPLACE INTO participants VALUES (?, NULL, 1)", (code,))
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds them, too
        return HTTPStatus.NO_CONTENT

    def counts(self):
        """Answers, and the participants that they are of."""
        with self._lock:
            return self._db.execute(
                "SELECT count(*), count(DISTINCT participant) FROM answers"
            ).fetchone()

    def close(self):
        with self._lock:
            self._db.close()


def export(sources, out, design=None):
    """Write answers of servers (.sqlite) and saved files (.json) as one long table (.csv).

    A trial answered in more than one source keeps the answer that was given first.

    Parameters
    ----------
    sources : paths.
    out : path of the CSV, with the columns `COLUMNS`, by participant and position.
    design : Design, needed for saved files only.

    Returns
    -------
    (int, int, int), answers, participants, and answers left out because another stands.

    Raises
    ------
    InputError
        If a source is neither, or a saved file does not fit the design.
    """
    found, lost = {}, 0
    for path in map(Path, sources):
        read = _read_saved(path, design) if path.suffix == ".json" else _read_stored(path)
        for new in read:
            key = new["participant"], new["position"]
            old = found.setdefault(key, new)
            if old != new:
                lost += 1
                found[key] = min(old, new, key=lambda x: x["at"])
    with open(out, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(found[key] for key in sorted(found))
    return len(found), len({code for code, _ in found}), lost


def _read_stored(path):
    answers = Answers(path)
    try:
        return answers.rows()
    finally:
        answers.close()


def _read_saved(path, design):
    if design is None:
        raise InputError(f"{path}: a saved file needs the design; give it with --design")
    try:
        saved = Saved.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: {where + ': ' * bool(where)}{first['msg']}; not a file of saved answers"
        ) from None
    participant = design.by_code.get(saved.participant)
    if participant is None or participant.plan != saved.plan:
        raise InputError(f"{path}: answers to another design; give the one they belong to")
    try:
        return [row(design, participant, answer.position, answer) for answer in saved.answers]
    except ValueError as error:
        raise InputError(f"{path}: {error}; the file has been changed") from None


# -- two ways to run it ----------------------------------------------------------------------


def static(design, folder):
    """Write the study as a folder of files for any web host.

    Parameters
    ----------
    design : Design
    folder : path, new or empty.

    Raises
    ------
    InputError
        If the folder holds something.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds files already; name a new folder")
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    (folder / "study.json").write_text(json.dumps(_study(design, "file")))
    (folder / "plans").mkdir()
    (folder / "media").mkdir()
    for name in ("plans", "media"):
        (folder / name / "index.html").touch()  # keeps hosts from listing the folder
    for participant in design.participants:
        plan = json.dumps(design.view(participant), ensure_ascii=False)
        (folder / "plans" / f"{participant.code}.json").write_text(plan, encoding="utf-8")
    for name, path in design.media.items():
        shutil.copyfile(path, folder / "media" / name)


def _study(design, store):
    return {"title": design.title, "store": store}


def application(design, answers):
    """The server: the page, its media, and for each participant their plan and their answers.

    Parameters
    ----------
    design : Design
    answers : Answers, closed when the server ends.

    Returns
    -------
    FastAPI
    """

    @asynccontextmanager
    async def lifespan(app):
        yield
        answers.close()

    app = FastAPI(openapi_url=None, max_body_size=LARGEST, lifespan=lifespan)

    @app.middleware("http")
    async def guard(request, go_on):
        response = await go_on(request)
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    def known(
        credentials: Annotated[
            HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))
        ],
    ):
        participant = credentials and design.by_code.get(credentials.credentials)
        if not participant:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "no such participant")
        return participant

    Known = Annotated[Participant, Depends(known)]

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        # FastAPI's own would repeat what was sent, and fail on what is no text.
        return PlainTextResponse(error.errors()[0]["msg"], HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.get("/study.json")
    def study():
        return _study(design, "server")

    @app.get("/api/plan")
    def plan(response: Response, participant: Known):
        standing = answers.standing(participant.code)
        if standing is None:
            raise HTTPException(HTTPStatus.GONE, "withdrawn")
        response.headers["Cache-Control"] = "no-store"
        return design.view(participant) | standing

    @app.put("/api/consent")
    def consent(consent: Consent, participant: Known):
        return Response(status_code=answers.consent(participant, consent.at))

    @app.put("/api/answers/{position}")
    def answer(position: int, answer: Answer, participant: Known):
        try:
            return Response(status_code=answers.put(participant, position, answer))
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None

    @app.delete("/api/answers")
    def withdraw(participant: Known):
        return Response(status_code=answers.withdraw(participant.code))

    @app.get("/media/{name}")
    def media(name: str):
        if name not in design.media:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        suffix = Path(name).suffix
        return FileResponse(
            design.media[name],
            media_type=(IMAGES | SONGS)[suffix],
            # A date of making, or the tag made from it, would tell one system from another.
            headers={
                "Cache-Control": "private, max-age=86400, immutable",
                "ETag": f'"{name}"',
                "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT",
            },
        )

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def listen(host, port):
    """A socket that the server can take, so that a port in use is known before anything starts.

    Raises
    ------
    InputError
        If it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(
            f"{host} port {port}: {error.strerror or error}; choose another with --port"
        ) from None


def server(design, answers):
    """A `uvicorn.Server`; its `run(sockets=[...])` serves until interrupted."""
    import uvicorn

    config = uvicorn.Config(
        application(design, answers),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
