"""The study's page: what it tells, what it takes, and that nothing it took gets lost.

The browser tests drive a real headless Chromium and are skipped where none is installed.
"""

import csv
import functools
import http.server
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from m2l.cli import main
from m2l.errors import InputError
from m2l.people import serve

ANNA, BERT = "anna-0123456789", "bert-0123456789"
AT = "2026-01-31T12:00:00.000Z"
RATING = {"valence": 7, "arousal": 2, "ms": 1500, "at": AT}
HEARD = RATING | {"heard": 1.2}
CHOICE = {"choice": "left", "heard": 1.2, "ms": 900, "at": AT}


def plan(code, images=("i1", "i2")):
    """Two images, a check, a song, a choice."""
    rate = [{"id": f"r{i}", "kind": "rate_image", "image": name} for i, name in enumerate(images)]
    check = {"id": "c1", "kind": "check", "text": "Choose 9, then 1.", "ask": {"valence": 9}}
    choose = {"id": "p1", "kind": "choose", "song": "s1", "left": "i1", "right": "i3"}
    return {
        "code": code,
        "blocks": [
            {"name": "images", "instructions": "Look.", "trials": [*rate, check]},
            {
                "name": "songs",
                "instructions": "Listen.",
                "trials": [{"id": "m1", "kind": "rate_song", "song": "s1"}],
            },
            {
                "name": "choices",
                "instructions": "Compare.",
                "trials": [choose | {"contrast": "matched-shuffled"}],
            },
        ],
    }


@pytest.fixture
def content(tmp_path):
    """A design as plain values; its media lie in the test's folder."""
    rng = np.random.default_rng(0)
    images = {}
    for name, system in (("i1", "full"), ("i2", "unconditional"), ("i3", "real photo")):
        picture = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((64, 64)).save(tmp_path / f"{system}-{name}.png")
        images[name] = {"src": f"{system}-{name}.png", "system": system, "valence": 6.25}
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(int(1.2 * 8000)) / 8000)
    soundfile.write(tmp_path / "tone.wav", tone, 8000)
    return {
        "format": "m2l-study",
        "version": 1,
        "title": "A small study",
        "seed": 0,
        "simulated": False,
        "consent": ["You are asked.", "You may stop."],
        "debriefing": ["That was it."],
        "songs": {"s1": {"src": "tone.wav", "seconds": 1.2}},
        "images": images,
        "participants": [plan(ANNA), plan(BERT, ("i2", "i1"))],
    }


@pytest.fixture
def path(tmp_path, content):
    (tmp_path / "design.json").write_text(json.dumps(content))
    return tmp_path / "design.json"


@pytest.fixture
def design(path):
    return serve.Design.load(path)


@pytest.fixture
def db(tmp_path):
    return tmp_path / "answers.sqlite"


class Live:
    """The server in a thread, to be stopped and started."""

    def __init__(self, design, db):
        self.design, self.db, self.port = design, db, 0

    def start(self):
        taken = serve.listen("127.0.0.1", self.port)
        self.port = taken.getsockname()[1]
        self.server = serve.server(self.design, serve.Answers(self.db, self.design))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [taken]})
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{self.port}/"

    def stop(self):
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def live(design, db):
    live = Live(design, db)
    yield live
    live.stop()


@pytest.fixture
def client(live):
    with httpx.Client(base_url=live.start()) as client:
        yield client


def as_(code):
    return {"Authorization": f"Bearer {code}", "Content-Type": "application/json"}


def agree(client, code=ANNA):
    assert client.put("/api/consent", json={"at": AT}, headers=as_(code)).status_code == 204


def put(client, position, answer, code=ANNA):
    return client.put(f"/api/answers/{position}", json=answer, headers=as_(code)).status_code


def stored(db):
    """Rows as another process sees them on the disk."""
    with sqlite3.connect(db) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(r) for r in connection.execute("SELECT * FROM answers ORDER BY participant")]


# -- what a browser gets to know -------------------------------------------------------------


def giveaways(content):
    """Words that must not reach a browser."""
    words = {"system", "contrast", "matched", "shuffled", "6.25", "simulated", "seed", "ask"}
    words |= {x["src"] for kind in ("images", "songs") for x in content[kind].values()}
    return words | {x["system"] for x in content["images"].values()} | {BERT}


def test_plan_reveals_neither_systems_nor_others(client, content):
    answer = client.get("/api/plan", headers=as_(ANNA))
    for word in giveaways(content):
        assert f'"{word}"' not in answer.text and f"{word}-" not in answer.text
    shown = [t for part in answer.json()["parts"] for t in part["trials"]]
    assert [t["position"] for t in shown] == [1, 2, 3, 4, 5]
    assert set(shown[0]) == {"position", "kind", "image"}
    assert set(shown[4]) == {"position", "kind", "listen", "seconds", "song", "left", "right"}
    assert shown[4]["left"] == shown[0]["image"] and shown[3]["listen"] == 1.2
    assert answer.headers["cache-control"] == "no-store"


def test_media_bear_opaque_names_and_no_date(client, design, tmp_path):
    name = client.get("/api/plan", headers=as_(ANNA)).json()["parts"][0]["trials"][0]["image"]
    answer = client.get(f"/{name}")
    assert re.fullmatch(r"media/[0-9a-f]{24}\.png", name)
    assert answer.content == (tmp_path / "full-i1.png").read_bytes()
    assert answer.headers["last-modified"].endswith("1970 00:00:00 GMT")
    assert answer.headers["etag"] == f'"{Path(name).name}"'
    for other in ("/media/full-i1.png", "/media/../design.json", "/design.json", "/api"):
        assert client.get(other).status_code == 404


def test_names_of_media_hang_on_codes_that_nobody_knows_all_of(design, content, tmp_path):
    content["participants"][1]["code"] = "carl-0123456789"
    (tmp_path / "other.json").write_text(json.dumps(content))
    assert not set(design.media) & set(serve.Design.load(tmp_path / "other.json").media)


def test_every_response_forbids_other_origins(client):
    for url in ("/", "/study.mjs", "/study.css", "/study.json", "/api/plan", "/nothing"):
        headers = client.get(url).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 's")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_page_carries_the_same_policy_for_hosts_that_send_none(client):
    page = client.get("/").text
    assert f'content="{serve.POLICY}"' in page
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)


@pytest.mark.parametrize("headers", [{}, as_("nobody-0123456789"), {"Authorization": "Basic x"}])
def test_only_known_codes_get_in(client, db, headers):
    for method, url in (("GET", "plan"), ("PUT", "consent"), ("PUT", "answers/1")):
        assert client.request(method, f"/api/{url}", headers=headers).status_code == 401
    assert client.delete("/api/answers", headers=headers).status_code == 401


def test_participants_see_only_their_own_standing(client):
    agree(client)
    assert put(client, 2, RATING) == 201
    own, other = (client.get("/api/plan", headers=as_(c)).json() for c in (ANNA, BERT))
    assert own["answered"] == [2] and own["consented"].startswith("2026-01-31T12:00:00")
    assert other["answered"] == [] and other["consented"] is None


# -- what it takes ---------------------------------------------------------------------------


def test_acknowledged_rows_are_on_the_disk(client, db):
    agree(client)
    for position, answer in enumerate((RATING, RATING, RATING, HEARD, CHOICE), 1):
        assert put(client, position, answer) == 201
        assert len(stored(db)) == position
    first, *_, song, choice = stored(db)
    nothing = dict.fromkeys(serve.COLUMNS)
    assert first == nothing | RATING | {
        **{"participant": ANNA, "trial": "r0", "kind": "rate_image", "block": "images"},
        **{"image": "i1", "position": 1},
    }
    assert song == nothing | HEARD | {
        **{"participant": ANNA, "trial": "m1", "kind": "rate_song", "block": "songs"},
        **{"song": "s1", "position": 4},
    }
    assert choice == nothing | CHOICE | {
        **{"participant": ANNA, "trial": "p1", "kind": "choose", "block": "choices"},
        **{"song": "s1", "left": "i1", "right": "i3", "position": 5},
    }


def test_times_are_stored_in_utc(client, db):
    agree(client)
    put(client, 1, RATING | {"at": "2026-01-31T21:30:00.5+09:30"})
    assert stored(db)[0]["at"] == "2026-01-31T12:00:00.500Z"


def test_the_first_answer_stands_and_sending_twice_does_no_harm(client, db):
    agree(client)
    assert [put(client, 1, RATING) for _ in range(3)] == [201, 200, 200]
    assert put(client, 1, RATING | {"valence": 3}) == 409
    assert [r["valence"] for r in stored(db)] == [7]


def test_nothing_is_taken_without_consent(client, db):
    assert put(client, 1, RATING) == 403
    agree(client)
    assert client.put(
        "/api/consent", json={"at": "2027-01-01T00:00:00Z"}, headers=as_(ANNA)
    ).is_success
    assert client.get("/api/plan", headers=as_(ANNA)).json()["consented"].startswith("2026")
    assert put(client, 1, RATING, BERT) == 403 and not stored(db)


@pytest.mark.parametrize(
    ("position", "answer"),
    [
        (1, RATING | {"valence": 0}),
        (1, RATING | {"valence": 10}),
        (1, RATING | {"valence": 5.5}),
        (1, RATING | {"valence": "5"}),
        (1, RATING | {"valence": True}),
        (1, RATING | {"valence": None}),
        (1, RATING | {"ms": -1}),
        (1, RATING | {"at": "2026-01-31T12:00:00"}),  # of no time zone
        (1, RATING | {"at": "yesterday"}),
        (1, RATING | {"participant": BERT}),
        (1, RATING | {"choice": "left"}),
        (1, HEARD),  # a picture makes no sound
        (4, RATING),
        (4, HEARD | {"heard": 0.6}),
        (4, HEARD | {"heard": -1}),
        (5, HEARD),
        (5, CHOICE | {"choice": "middle"}),
        (0, RATING),
        (6, RATING),
        (10**30, RATING),
        ("x", RATING),
        (1, [1, 2]),
    ],
)
def test_other_answers_are_refused(client, db, position, answer):
    agree(client)
    assert put(client, position, answer) == 422
    assert not stored(db)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 4000, b'{"valence": NaN}', b"\xff\xfe"])
def test_garbage_is_refused(client, body):
    agree(client)
    answer = client.put("/api/answers/1", content=body, headers=as_(ANNA))
    assert answer.status_code in (400, 422)


def test_long_requests_are_cut_short(client, db):
    agree(client)
    url, headers = "/api/answers/1", as_(ANNA)
    body = json.dumps(RATING).encode()
    assert client.put(url, content=body.ljust(4097), headers=headers).status_code == 413
    assert client.put(url, content=iter([body] * 60), headers=headers).status_code == 413
    assert not stored(db)
    assert client.put(url, content=body.ljust(4096), headers=headers).status_code == 201


def test_withdrawing_leaves_no_trace(client, db):
    agree(client)
    agree(client, BERT)
    put(client, 1, RATING | {"ms": 987654321})
    put(client, 1, RATING, BERT)
    assert client.delete("/api/answers", headers=as_(ANNA)).status_code == 204
    assert [r["participant"] for r in stored(db)] == [BERT]
    files = [*db.parent.glob("answers.sqlite*")]
    assert not any((987654321).to_bytes(4, "big") in file.read_bytes() for file in files)
    for again in (
        client.get("/api/plan", headers=as_(ANNA)),
        client.put("/api/consent", json={"at": AT}, headers=as_(ANNA)),
        client.put("/api/answers/1", json=RATING, headers=as_(ANNA)),
    ):
        assert again.status_code == 410
    assert client.delete("/api/answers", headers=as_(ANNA)).status_code == 204


# -- files -----------------------------------------------------------------------------------


def test_a_restart_goes_on(live, content, db, tmp_path):
    for position in (1, 2):
        with httpx.Client(base_url=live.start()) as client:
            agree(client)
            assert put(client, position, RATING) == 201
        live.stop()
    # A corrected text and one more participant are the same study, other trials are not.
    content["consent"] = ["Anew."]
    content["participants"].append(plan("carl-0123456789"))
    (tmp_path / "more.json").write_text(json.dumps(content))
    answers = serve.Answers(db, serve.Design.load(tmp_path / "more.json"))
    assert answers.counts() == (2, 1)
    answers.close()
    content["participants"][0]["blocks"][0]["trials"][0]["image"] = "i3"
    (tmp_path / "other.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="answers to another design"):
        serve.Answers(db, serve.Design.load(tmp_path / "other.json"))


def test_files_that_hold_something_else_are_left_alone(design, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("Sing, o goddess, the anger of Achilles. " * 100)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE cats (name)")
    for name, match in (("notes.txt", "not a database"), ("other.sqlite", "not a file of answers")):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(InputError, match=match):
            serve.Answers(tmp_path / name, design)
        with pytest.raises(InputError, match=match):
            serve.export([tmp_path / name], tmp_path / "a.csv")
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(InputError, match="no such folder"):
        serve.Answers(tmp_path / "gone" / "answers.sqlite", design)


def saved(design, code=ANNA, **changes):
    return {
        "format": "m2l-answers",
        "version": 1,
        "plan": design.by_code[code].plan,
        "participant": code,
        "consented": AT,
        "answers": [RATING | {"position": 1}, HEARD | {"position": 4}],
    } | changes


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_export_brings_both_ways_together(client, design, db, tmp_path):
    agree(client)
    put(client, 1, RATING)
    put(client, 2, RATING)
    later = RATING | {"position": 2, "valence": 1, "at": "2026-02-01T00:00:00Z"}
    files = {
        "anna.json": saved(design, answers=[RATING | {"position": 1}, later]),
        "bert.json": saved(design, BERT),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    sources = [tmp_path / "anna.json", db, tmp_path / "bert.json"]
    assert serve.export(sources, tmp_path / "a.csv", design) == (4, 2, 1)
    rows = table(tmp_path / "a.csv")
    assert tuple(rows[0]) == serve.COLUMNS
    assert [(r["participant"], r["position"], r["valence"]) for r in rows] == [
        *((ANNA, "1", "7"), (ANNA, "2", "7")),  # the later of two answers is left out
        *((BERT, "1", "7"), (BERT, "4", "7")),
    ]
    assert rows[0]["image"] == "i1" and rows[2]["image"] == "i2" and rows[3]["heard"] == "1.2"
    assert rows[0]["song"] == rows[0]["choice"] == ""


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"plan": "0" * 16}, "another design"),
        ({"participant": "nobody-0123456789"}, "another design"),
        ({"format": "holiday"}, "format: Input should be 'm2l-answers'"),
        ({"answers": [RATING | {"position": 4}]}, "asks for arousal, heard, valence"),
        ({"answers": [RATING | {"position": 9}]}, "no trial 9"),
    ],
)
def test_saved_files_must_fit(design, tmp_path, changes, match):
    (tmp_path / "a.json").write_text(json.dumps(saved(design, **changes)))
    with pytest.raises(InputError, match=match):
        serve.export([tmp_path / "a.json"], tmp_path / "a.csv", design)
    with pytest.raises(InputError, match="give it with --design"):
        serve.export([tmp_path / "a.json"], tmp_path / "a.csv")


def test_static_folder_holds_all_and_tells_nothing(design, content, tmp_path):
    serve.static(design, tmp_path / "site")
    files = {p.relative_to(tmp_path / "site").as_posix(): p for p in (tmp_path / "site").rglob("*")}
    own = json.loads(files[f"plans/{ANNA}.json"].read_text())
    for trial in (t for part in own["parts"] for t in part["trials"]):
        for key in {"song", "image", "left", "right"} & set(trial):
            assert files[trial[key]].stat().st_size > 100
    assert json.loads(files["study.json"].read_text())["store"] == "file"
    told = "".join(p.read_text() for name, p in files.items() if name.endswith(".json"))
    assert not any(f'"{word}"' in told or f"{word}-" in told for word in giveaways(content))
    for name in ("plans/index.html", "media/index.html"):
        assert not files[name].read_bytes()
    with pytest.raises(InputError, match="name a new folder"):
        serve.static(design, tmp_path / "site")


# -- bad designs -----------------------------------------------------------------------------


def spoilt(change):
    """Name a way to spoil a design."""
    return pytest.param(change, id=change.__name__)


def no_title(design, folder):
    del design["title"]
    return "title: Field required; 'm2l study design'"


def other_format(design, folder):
    design["format"] = "recipe"
    return "format: Input should be 'm2l-study'"


def unknown_image(design, folder):
    design["participants"][0]["blocks"][0]["trials"][0]["image"] = "i9"
    return "trial r0: no image i9"


def unknown_song(design, folder):
    del design["songs"]["s1"]
    return "no song s1"


def half_a_choice(design, folder):
    del design["participants"][0]["blocks"][2]["trials"][0]["right"]
    return "trials.0: choose without right"


def same_code(design, folder):
    design["participants"][1]["code"] = ANNA.upper()
    return "same code"


def guessable_code(design, folder):
    design["participants"][0]["code"] = "7"
    return "code: String should match"


def same_trial(design, folder):
    design["participants"][0]["blocks"][1]["trials"][0]["id"] = "r0"
    return "two trials of the same id"


def telling_type(design, folder):
    Image.open(folder / "real photo-i3.png").save(folder / "photo.jpg")
    design["images"]["i3"]["src"] = "photo.jpg"
    return "pictures are .jpg and .png"


def unheard_type(design, folder):
    design["songs"]["s1"]["src"] = "tone.mid"
    return "a song is none of .ogg"


def no_picture(design, folder):
    (folder / "full-i1.png").unlink()
    return "full-i1.png: no such picture"


def broken_picture(design, folder):
    (folder / "full-i1.png").write_text("no picture")
    return "full-i1.png: not a picture"


def no_song(design, folder):
    (folder / "tone.wav").unlink()
    return "tone.wav: no such song"


def broken_song(design, folder):
    (folder / "tone.wav").write_text("no song")
    return "tone.wav: not audio"


def other_length(design, folder):
    design["songs"]["s1"]["seconds"] = 30
    return "lasts 1.2 s where the design says 30.0 s"


@pytest.mark.parametrize(
    "spoil",
    [
        *map(spoilt, (no_title, other_format, unknown_image, unknown_song, half_a_choice)),
        *map(spoilt, (same_code, guessable_code, same_trial, telling_type, unheard_type)),
        *map(spoilt, (no_picture, broken_picture, no_song, broken_song, other_length)),
    ],
)
def test_bad_designs_end_with_one_line(content, path, db, spoil):
    match = spoil(content, path.parent)
    path.write_text(json.dumps(content))
    result = CliRunner().invoke(main, ["study", "serve", str(path), "--db", str(db)])
    assert result.exit_code == 2 and match in result.stderr, result.stderr
    assert result.stderr.startswith("m2l: ") and result.stderr.count("\n") == 1
    assert not db.exists()


def test_no_design_and_no_json_end_with_one_line(tmp_path):
    (tmp_path / "text.json").write_text("Sing, o goddess")
    for name, match in (("gone.json", "No such file"), ("text.json", "Invalid JSON")):
        result = CliRunner().invoke(
            main, ["study", "static", str(tmp_path / name), "-o", str(tmp_path / "site")]
        )
        assert result.exit_code == 2 and match in result.stderr
        assert result.stderr.count("\n") == 1


# -- commands --------------------------------------------------------------------------------


def test_port_in_use(path, db):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["study", "serve", str(path), "--db", str(db), "--port", port]
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert f"127.0.0.1 port {port}" in result.stderr and "--port" in result.stderr


def test_links_static_and_export(path, design, tmp_path):
    def run(*words):
        result = CliRunner().invoke(main, ["study", *map(str, words)])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    links = run("links", path, "--at", "https://example.org/").split()
    assert links == [f"https://example.org/#{code}" for code in (ANNA, BERT)]
    assert "2 participants" in run("static", path, "-o", tmp_path / "site")
    (tmp_path / "anna.json").write_text(json.dumps(saved(design)))
    words = ("export", tmp_path / "anna.json", "--design", path, "-o", tmp_path / "a.csv")
    assert "2 answers of 1 participant" in run(*words)
    assert len(table(tmp_path / "a.csv")) == 2


def test_withdrawing_on_request(client, db):
    agree(client)
    put(client, 1, RATING)
    result = CliRunner().invoke(main, ["study", "withdraw", str(db), ANNA])
    assert result.exit_code == 0 and "1 answer deleted" in result.stdout
    assert not stored(db) and put(client, 2, RATING) == 410
    for file, match in ((db, "nothing of bert"), (db.with_name("gone.sqlite"), "no such file")):
        result = CliRunner().invoke(main, ["study", "withdraw", str(file), BERT])
        assert result.exit_code == 2 and match in result.stderr


def test_killed_and_started_again_nothing_acknowledged_is_lost():
    script = Path(__file__).parents[1] / "benchmarks" / "serve.py"
    words = ["--participants", "8", "--trials", "12", "--pause", "0.05"]
    ran = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "96 answers acknowledged, 0 of them lost" in ran.stdout


# -- in a browser ----------------------------------------------------------------------------

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    "--autoplay-policy=no-user-gesture-required",
]
PHONE = {"viewport": {"width": 390, "height": 664}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM:
        pytest.skip("no chromium on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open pages that must neither complain nor ask anyone else for anything."""
    contexts, complaints = [], []

    def visit(url, device=DESKTOP, code=ANNA, script=""):
        context = chromium.new_context(**device, accept_downloads=True)
        context.set_default_timeout(15000)
        contexts.append(context)
        context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)

        def asked(request):
            if not request.url.startswith((url, f"blob:{url}")):
                complaints.append(request.url)

        page.on("request", asked)
        page.goto(f"{url}#{code}")
        return page

    yield visit
    for context in contexts:
        context.close()
    # A server that is away is complained of by the browser itself.
    assert not [text for text in complaints if "net::ERR_" not in text]


def trial(page, title):
    script = "title => document.querySelector('h1')?.textContent.startsWith(title)"
    page.wait_for_function(script, arg=title)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def rate(page, valence, arousal):
    page.locator(f"label:has(input[name=valence][value='{valence}'])").click()
    page.locator(f"label:has(input[name=arousal][value='{arousal}'])").click()


def listen(page):
    press(page, "Play the music")
    page.get_by_role("button", name="Play the music again").wait_for()


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_on_a_phone_from_consent_to_stored_rows(visit, live, db):
    page = visit(live.start(), PHONE)
    trial(page, "A small study")
    press(page, "I agree and take part")
    trial(page, "Part 1 of 3")
    press(page, "Begin")
    trial(page, "Picture 1 of 2")
    page.locator(".go").wait_for()
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    bottom = page.locator(".ends").last.bounding_box()["y"]
    assert wide <= 0 and bottom < page.locator(".go").bounding_box()["y"]  # all in one window
    rate(page, 7, 2)
    page.reload()  # what was chosen stays chosen
    trial(page, "Picture 1 of 2")
    page.locator(".go").wait_for()
    assert page.locator("input:checked").evaluate_all("x => x.map(y => y.value)") == ["7", "2"]
    press(page, "Next")
    trial(page, "Picture 2 of 2")

    live.stop()  # and the server goes away
    rate(page, 3, 8)
    press(page, "Next")
    trial(page, "A short check")
    page.get_by_text("No connection: an answer waits in this browser").wait_for()
    assert [r["position"] for r in stored(db)] == [1]
    live.start()
    wait_for(lambda: len(stored(db)) == 2)
    page.get_by_text("Your answers are stored.").wait_for()
    page.reload()
    trial(page, "A short check")
    page.goto("about:blank")
    page.go_back()
    trial(page, "A short check")
    rate(page, 9, 1)
    press(page, "Next")

    trial(page, "Part 2 of 3")
    press(page, "Play three notes")
    press(page, "Begin")
    trial(page, "Music 1 of 1")
    rate(page, 5, 6)
    press(page, "Next")  # too early
    trial(page, "Music 1 of 1")
    page.locator("#said", has_text="Play the music.").wait_for(state="attached")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Play the music"
    listen(page)
    press(page, "Next")
    trial(page, "Part 3 of 3")
    press(page, "Begin")
    trial(page, "Choice 1 of 1")
    listen(page)
    page.locator("label", has_text="Right picture").click()
    page.get_by_role("button", name="Next").dblclick()
    trial(page, "Thank you")
    page.get_by_text("That was it.").wait_for()
    page.get_by_text(ANNA).wait_for()
    wait_for(lambda: len(stored(db)) == 5)
    page.reload()
    trial(page, "Thank you")
    rows = stored(db)
    assert [r["position"] for r in rows] == [1, 2, 3, 4, 5]
    assert [(r["valence"], r["arousal"]) for r in rows[:4]] == [(7, 2), (3, 8), (9, 1), (5, 6)]
    assert rows[4]["choice"] == "right" and (rows[4]["left"], rows[4]["right"]) == ("i1", "i3")
    assert all(1.0 < r["heard"] < 1.3 for r in rows[3:])
    assert all(0 < r["ms"] < 60000 for r in rows)
    # Another browser goes on from what the server has.
    other = visit(f"http://127.0.0.1:{live.port}/", DESKTOP)
    trial(other, "Thank you")


def test_on_a_desktop_by_keyboard_alone(visit, live, db):
    page = visit(live.start(), DESKTOP)
    keys = page.keyboard

    def tab_to(name):
        """Go on with the tabulator until the control of that name has the focus."""
        for _ in range(12):
            keys.press("Tab")
            if page.evaluate(
                "n => [document.activeElement.textContent.trim(),"
                "document.activeElement.getAttribute('aria-label')].includes(n)",
                name,
            ):
                return
        raise AssertionError(f"{name}: not to be reached by the tabulator")

    trial(page, "A small study")
    tab_to("I agree and take part")
    keys.press("Enter")
    trial(page, "Part 1 of 3")
    tab_to("Begin")
    keys.press("Space")
    for title, valence, arousal in (("Picture 1", 4, 6), ("Picture 2", 2, 9), ("A short", 9, 1)):
        trial(page, title)
        page.locator(".go button").wait_for()
        tab_to("1, very unpleasant")
        keys.press(str(valence))
        keys.press("Tab")
        keys.press("9")
        for _ in range(9 - arousal):
            keys.press("ArrowLeft")
        keys.press("Enter")
    trial(page, "Part 2 of 3")
    page.reload()
    trial(page, "Part 2 of 3")
    tab_to("Begin")
    keys.press("Enter")
    trial(page, "Music 1")
    tab_to("Play the music")
    keys.press("Space")
    tab_to("1, very unpleasant")
    keys.press("8")
    keys.press("Tab")
    keys.press("7")
    page.locator(".go button:not(.early)").wait_for()
    keys.press("Enter")
    trial(page, "Part 3 of 3")
    tab_to("Begin")
    keys.press("Enter")
    trial(page, "Choice 1")
    page.locator(".go button").wait_for()
    tab_to("Play the music")
    keys.press("Enter")
    keys.press("Tab")
    keys.press("ArrowRight")
    page.locator(".go button:not(.early)").wait_for()
    keys.press("Enter")
    trial(page, "Thank you")
    wait_for(lambda: len(stored(db)) == 5)
    rows = stored(db)
    assert [(r["valence"], r["arousal"]) for r in rows[:4]] == [(4, 6), (2, 9), (9, 1), (8, 7)]
    assert rows[4]["choice"] == "right"


def test_skipping_through_the_music_is_not_hearing_it(visit, live, db, design):
    answers = serve.Answers(db, design)
    anna = design.by_code[ANNA]
    answers.consent(anna, serve.Consent(at=AT).at)
    for position in (1, 2, 3):
        answers.put(anna, position, serve.Answer(**RATING))
    answers.close()
    remember = (
        "window.made = []; window.Audio = class extends Audio {"
        "constructor(...x) { super(...x); window.made.push(this); } }"
    )
    page = visit(live.start(), script=remember)
    trial(page, "Part 2 of 3")
    press(page, "Begin")
    trial(page, "Music 1 of 1")
    page.locator(".go button").wait_for()
    rate(page, 5, 5)
    page.evaluate("new Promise(done => { made[0].onseeked = done; made[0].currentTime = 1.15 })")
    press(page, "Play the music")
    page.get_by_role("button", name="Play the music again").wait_for()
    press(page, "Next")
    trial(page, "Music 1 of 1")
    assert "Listen for" in page.locator("#todo").inner_text()
    press(page, "Play the music again")  # from the start, to its end
    page.locator(".go button:not(.early)").wait_for()
    press(page, "Next")
    wait_for(lambda: len(stored(db)) == 4)
    assert 1.0 < stored(db)[3]["heard"] < 1.3


def test_static_page_saves_a_file(visit, design, tmp_path):
    serve.static(design, tmp_path / "site")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        threading.Thread(target=host.serve_forever).start()
        try:
            page = visit(f"http://127.0.0.1:{host.server_address[1]}/", PHONE, BERT)
            trial(page, "A small study")
            press(page, "I agree and take part")
            press(page, "Begin")
            for title in ("Picture 1", "Picture 2", "A short check"):
                trial(page, title)
                rate(page, 6, 4)
                press(page, "Next")
            press(page, "Begin")
            trial(page, "Music")
            rate(page, 6, 4)
            listen(page)
            press(page, "Next")
            press(page, "Begin")
            trial(page, "Choice")
            page.locator("label", has_text="Left picture").click()
            listen(page)
            press(page, "Next")
            trial(page, "Thank you")
            with page.expect_download() as download:
                press(page, "Save my answers")
            file = tmp_path / download.value.suggested_filename
            download.value.save_as(file)
            page.get_by_text(f"Your answers are in the file {file.name}").wait_for()
        finally:
            host.shutdown()
    assert serve.export([file], tmp_path / "a.csv", design) == (5, 1, 0)
    rows = table(tmp_path / "a.csv")
    assert [r["image"] for r in rows[:2]] == ["i2", "i1"]
    assert rows[4]["choice"] == "left"


def test_deleting_asks_first_and_leaves_nothing(visit, live, db):
    page = visit(live.start())
    press(page, "I agree and take part")
    press(page, "Begin")
    trial(page, "Picture 1")
    rate(page, 6, 4)
    press(page, "Next")
    wait_for(lambda: len(stored(db)) == 1)
    press(page, "Pause or stop")
    press(page, "Delete my answers")
    press(page, "Keep them")
    assert len(stored(db)) == 1
    press(page, "Pause or stop")
    press(page, "Delete my answers")
    press(page, "Delete them")
    trial(page, "Your answers are deleted")
    assert not stored(db)
    assert "valence" not in page.evaluate("JSON.stringify(localStorage)")


def test_wrong_codes_are_asked_for(visit, live):
    page = visit(live.start(), code="too-short")
    page.get_by_text("This is not a code of this study.").wait_for()
    page.get_by_label("Your code").fill(ANNA)
    press(page, "Open the study")
    trial(page, "A small study")
    press(page, "I do not take part")
    page.get_by_text("Nothing has been stored.").wait_for()
