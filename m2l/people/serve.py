"""Put the study before participants, and store every answer as it comes.

Conventions
-----------
A participant is known by a random code. It stands behind the # of a link and travels in the body
of requests, so that no log of a server or proxy holds it. An answer is acknowledged after it is on
the disk, in the one file of answers, whose journal is gone by then. The first answer to a trial
stands.
"""

# Annotations are not postponed: FastAPI has to see those of the functions in `application`.

import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import AwareDatetime

from m2l.errors import InputError
from m2l.people.design import ANSWERS as COLUMNS
from m2l.people.files import PAGE, Answer, Person, asked, media, plans, row, utc

LARGEST = 4096  # bytes of a request's body
HEADERS = {  # beside the policy of the page itself
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MARK = 0x6D326C73  # SQLite's application_id of a file of answers
_TABLES = (
    "CREATE TABLE IF NOT EXISTS participants (code TEXT PRIMARY KEY, consented, withdrawn)",
    f"CREATE TABLE IF NOT EXISTS answers ({', '.join(COLUMNS)}, PRIMARY KEY (participant, trial))",
)


class Consent(Person):
    at: AwareDatetime


class Answers:
    """A file of answers that survives whatever happens to the process.

    Parameters
    ----------
    path : the SQLite file; with a design, it is made if there is none.
    made : the design, needed to store answers.

    Raises
    ------
    InputError
        If the file is missing or something else, or holds answers to another design.
    """

    def __init__(self, path, made=None):
        new = not Path(path).is_file()
        if (new and made is None) or not Path(path).parent.is_dir():
            raise InputError(f"{path}: no such file; name the one given to 'm2l study serve'")
        self.asked, self._lock = asked(made) if made else {}, threading.Lock()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self.db.row_factory = sqlite3.Row
        try:
            mark = self.db.execute("PRAGMA application_id").fetchone()[0]
            if not new and mark != _MARK and Path(path).stat().st_size:
                raise InputError("not a file of answers")
            # Whoever copies the one file has every acknowledged answer: no write-ahead log.
            for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "secure_delete = ON"):
                self.db.execute(f"PRAGMA {pragma}")
            with self._write() as db:
                for statement in (f"PRAGMA application_id = {_MARK}", *_TABLES):
                    db.execute(statement)
            for old in self.rows() if made else ():
                due = self.asked.get((old["participant"], old["trial"]), {"trial": None})
                if not due.items() <= old.items():
                    raise InputError("answers to another design")
        except (InputError, sqlite3.DatabaseError) as error:
            self.db.close()
            raise InputError(f"{path}: {error}; name another file") from None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.db.close()

    @contextmanager
    def _write(self):
        """A transaction; what it did is on the disk when it ends."""
        with self._lock, self.db:
            self.db.execute("BEGIN IMMEDIATE")
            yield self.db

    def rows(self):
        """Rows as dicts with the keys `COLUMNS`, by participant and position."""
        with self._lock:
            found = self.db.execute("SELECT * FROM answers ORDER BY participant, position")
            return [{k: stored[k] for k in COLUMNS} for stored in found]

    def standing(self, code):
        """When a participant consented and the trials they answered; None if they withdrew."""
        query = "SELECT consented, withdrawn FROM participants WHERE code = ?"
        with self._lock:
            consented, withdrawn = self.db.execute(query, (code,)).fetchone() or (None, None)
            done = self.db.execute("SELECT trial FROM answers WHERE participant = ?", (code,))
            return None if withdrawn else {"consented": consented, "done": [t for (t,) in done]}

    def consent(self, code, at):
        """Note when a participant consented; the first time stands."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO participants VALUES (?, ?, 0)", (code, utc(at)))

    def put(self, answer):
        """Store an answer, unless its trial has one, or the participant is not taking part."""
        new, marks = row(self.asked, answer), ", ".join("?" * len(COLUMNS))
        takes_part = "EXISTS (SELECT 1 FROM participants WHERE code = ? AND NOT withdrawn)"
        with self._write() as db:
            db.execute(
                f"INSERT OR IGNORE INTO answers SELECT {marks} WHERE {takes_part}",
                (*new.values(), answer.participant),
            )

    def withdraw(self, code):
        """Delete all that a participant answered, and take nothing more of them."""
        with self._write() as db:
            db.execute("DELETE FROM answers WHERE participant = ?", (code,))
            db.execute("INSERT OR REPLACE INTO participants VALUES (?, NULL, 1)", (code,))


def application(made, folder, answers):
    """The FastAPI app of a design (dict) that lies in a folder, with its `Answers`."""
    people, files = plans(made), media(made, folder)
    app = FastAPI(openapi_url=None, max_body_size=LARGEST)

    @app.middleware("http")
    async def guard(request: Request, go_on):
        response = await go_on(request)
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    @app.exception_handler(RequestValidationError)
    def refuse(request, error):
        # FastAPI's own would repeat what was sent, and fail on what is no text.
        return PlainTextResponse(error.errors()[0]["msg"], 422)

    def standing(code, consented=False):
        if code not in people:
            raise HTTPException(404, "no such participant")
        found = answers.standing(code)
        if found is None:
            raise HTTPException(410, "withdrawn")
        if consented and not found["consented"]:
            raise HTTPException(403, "no consent")
        return found

    @app.get("/study.json")
    def start():
        return {"store": "server"}

    @app.post("/api/plan")
    def plan(who: Person):
        return standing(who.participant) | people[who.participant]

    @app.post("/api/consent", status_code=204)
    def consent(who: Consent):
        standing(who.participant)
        answers.consent(who.participant, who.at)

    @app.post("/api/answers", status_code=204)
    def answer(answer: Answer):
        standing(answer.participant, consented=True)
        try:
            answers.put(answer)
        except InputError as error:
            raise HTTPException(422, str(error)) from None

    @app.post("/api/withdraw", status_code=204)
    def withdraw(who: Person):
        if who.participant not in people:
            raise HTTPException(404, "no such participant")
        answers.withdraw(who.participant)

    @app.get("/media/{name}")
    def show(name: str):
        if f"media/{name}" not in files:
            raise HTTPException(404)
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(files[f"media/{name}"], headers=headers)

    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app
