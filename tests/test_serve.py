"""The study's page: what it tells, what it takes, and that nothing it took gets lost.

The browser tests drive a real headless Chromium and are skipped where none is installed.
"""

import csv
import hashlib
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from m2l.cli import main
from m2l.errors import InputError
from m2l.people import design as study
from m2l.people import files, serve

ANNA, BERT = "anna-0123456789", "bert-0123456789"
pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx`")  # of starlette's own client

AT = "2026-01-31T12:00:00.000Z"
RATING = {"valence": 7, "arousal": 2, "ms": 1500, "at": AT}
HEARD = RATING | {"heard": 1.2}
CHOICE = {"choice": "left", "heard": 1.2, "ms": 900, "at": AT}


def plan(code, images=("i1", "i2")):
    """Two images, a check, a song, a choice."""
    rate = [{"id": f"r{i}", "kind": "rate_image", "image": name} for i, name in enumerate(images)]
    check = {"id": "c1", "kind": "check", "text": "Choose 9, then 1.", "ask": {"valence": 9}}
    choose = {"id": "p1", "kind": "choose", "song": "s1", "left": "i1", "right": "i3"}
    blocks = {
        "images": ("Look.", [*rate, check]),
        "songs": ("Listen.", [{"id": "m1", "kind": "rate_song", "song": "s1"}]),
        "choices": ("Compare.", [choose | {"contrast": "matched-shuffled"}]),
    }
    told = [{"name": n, "instructions": i, "trials": t} for n, (i, t) in blocks.items()]
    return {"code": code, "blocks": told}


@pytest.fixture
def made(tmp_path):
    """A design; its media lie in the test's folder."""
    rng, images = np.random.default_rng(0), {}
    for name, system in (("i1", "full"), ("i2", "unconditional"), ("i3", "real photo")):
        picture = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((64, 64)).save(tmp_path / f"{system}-{name}.png")
        images[name] = {"src": f"{system}-{name}.png", "system": system, "valence": 6.25}
        images[name]["song"] = "s1"
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(int(1.2 * 8000)) / 8000)
    soundfile.write(tmp_path / "tone.wav", tone, 8000)
    return {
        **{"format": "m2l-study", "version": 1, "title": "A small study", "seed": 0},
        **{"consent": ["You may stop."], "debriefing": ["That was it."]},
        "songs": {"s1": {"src": "tone.wav", "seconds": 1.2}},
        "images": images,
        "participants": [plan(ANNA), plan(BERT, ("i2", "i1"))],
    }


@pytest.fixture
def path(tmp_path, made):
    (tmp_path / "design.json").write_text(json.dumps(made))
    return tmp_path / "design.json"


@pytest.fixture
def db(tmp_path):
    return tmp_path / "answers.sqlite"


class Live:
    """The command in a process, to be stopped, killed and started again."""

    def __init__(self, path, db):
        self.words = [sys.executable, "-m", "m2l.cli", "study", "serve", path, "--db", db]
        self.port = "0"

    def start(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*self.words, "--port", self.port], stdout=pipe, text=True)
        url = self.process.stdout.readline().split()[0]
        self.port = url.rsplit(":", 1)[1].strip("/")
        httpx.get(url, timeout=20)  # its address is told a moment before it minds signals
        return url

    def stop(self, with_=signal.SIGINT):
        self.process.send_signal(with_)
        self.process.communicate(timeout=20)


@pytest.fixture
def live(path, db):
    live = Live(path, db)
    yield live
    if live.process.poll() is None:
        live.stop()


@pytest.fixture
def client(made, tmp_path, db):
    from fastapi.testclient import TestClient

    with TestClient(serve.application(made, tmp_path, serve.Answers(db, made))) as client:
        yield client


def send(client, path, code=ANNA, **body):
    return client.post(f"/api/{path}", json={"participant": code} | body).status_code


def stored(db):
    """Rows as another process sees them on the disk."""
    with sqlite3.connect(db) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT * FROM answers ORDER BY participant, position"
        return [dict(r) for r in connection.execute(query)]


# -- what a browser gets to know -------------------------------------------------------------


def giveaways(made):
    """Words that must not reach a browser."""
    words = {"system", "contrast", "matched", "shuffled", "6.25", "simulated", "seed", "ask"}
    words |= {x["src"] for kind in ("images", "songs") for x in made[kind].values()}
    return words | {x["system"] for x in made["images"].values()} | {BERT}


def test_plan_reveals_neither_systems_nor_others(client, made):
    answer = client.post("/api/plan", json={"participant": ANNA})
    for word in giveaways(made):
        assert f'"{word}"' not in answer.text and f"{word}-" not in answer.text
    shown = [t for part in answer.json()["parts"] for t in part["trials"]]
    assert [t["trial"] for t in shown] == ["r0", "r1", "c1", "m1", "p1"]
    assert shown[0] == {"trial": "r0", "kind": "rate_image", "image": "media/i1.png"}
    assert shown[4]["listen"] == shown[4]["seconds"] == 1.2
    assert client.get("/media/i1.png").content[:4] == b"\x89PNG"
    for other in ("/media/full-i1.png", "/design.json", "/api", "/api/plan"):
        assert client.get(other).status_code in (404, 405)
    policy = re.search(r'Policy" content="([^"]+)"', client.get("/").text)[1]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert client.get("/").headers["referrer-policy"] == "no-referrer"


def test_jspsych_is_that_of_npm():
    folder = serve.PAGE / "jspsych"
    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    scripts = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.js")}
    assert scripts == sums
    named = set(re.findall(r'src="jspsych/([^"]+)"', (serve.PAGE / "index.html").read_text()))
    assert named == set(scripts)


# -- what it takes ---------------------------------------------------------------------------


def test_acknowledged_rows_are_on_the_disk_in_the_one_file(client, db, tmp_path):
    assert send(client, "answers", trial="r0", **RATING) == 403  # not before the consent
    assert send(client, "consent", at=AT) == 204
    for i, trial in enumerate(("r0", "r1", "c1", "m1", "p1")):
        answer = RATING if i < 3 else (HEARD, CHOICE)[i - 3]
        assert send(client, "answers", trial=trial, **answer) == 204
        shutil.copy(db, tmp_path / "copy.sqlite")  # the one file named, while the server runs
        assert len(stored(tmp_path / "copy.sqlite")) == i + 1
    assert [p.name for p in tmp_path.glob("answers*")] == ["answers.sqlite"]
    first, *_, song, choice = stored(db)
    nothing = dict.fromkeys(study.ANSWERS) | {"participant": ANNA}
    assert first == nothing | RATING | {
        **{"trial": "r0", "kind": "rate_image", "block": "images"},
        **{"image": "i1", "song": "s1", "position": 1},
    }
    assert song["heard"] == 1.2 and song["song"] == "s1" and song["position"] == 4
    assert (choice["choice"], choice["left"], choice["right"]) == ("left", "i1", "i3")
    for code, done in ((ANNA, ["c1", "m1", "p1", "r0", "r1"]), (BERT, [])):
        standing = client.post("/api/plan", json={"participant": code}).json()
        assert sorted(standing["done"]) == done


def test_an_answer_counts_once_and_the_first_stands(client, db):
    send(client, "consent", at=AT)
    changed = RATING | {"valence": 3, "at": "2026-01-31T21:30:00.5+09:30"}
    for answer in (RATING, RATING, changed):
        assert send(client, "answers", trial="r0", **answer) == 204
    assert [r["valence"] for r in stored(db)] == [7]
    send(client, "answers", trial="r1", **changed)
    assert stored(db)[1]["at"] == "2026-01-31T12:00:00.500Z"


@pytest.mark.parametrize(
    ("trial", "answer"),
    [
        *(("r0", RATING | {"valence": x}) for x in (0, 10, 5.5, "5", True, None)),
        *(("r0", RATING | x) for x in ({"ms": -1}, {"at": "yesterday"}, {"choice": "left"})),
        ("r0", HEARD),  # a picture makes no sound
        ("m1", RATING),
        ("p1", HEARD),
        ("p1", CHOICE | {"choice": "middle"}),
        ("r9", RATING),
        ("r0", RATING | {"system": "full"}),
    ],
)
def test_other_answers_are_refused(client, db, trial, answer):
    send(client, "consent", at=AT)
    assert send(client, "answers", trial=trial, **answer) == 422
    assert not stored(db)


def test_strangers_garbage_and_floods_are_refused(client, db):
    for name in ("plan", "withdraw"):
        assert send(client, name, "nobody-0123456789") == 404
    for body in (b"", b"{", b"[" * 4000, b'{"participant": NaN}', b"\xff\xfe"):
        assert client.post("/api/answers", content=body).status_code in (400, 422)
    assert client.post("/api/answers", content=b" " * 4097).status_code == 413


def test_withdrawing_leaves_no_trace(client, db):
    for code in (ANNA, BERT):
        send(client, "consent", code, at=AT)
        send(client, "answers", code, trial="r0", **RATING | {"ms": 987654321})
    assert send(client, "withdraw") == 204
    # Deleting on request, while the server runs.
    result = CliRunner().invoke(main, ["study", "withdraw", str(db), BERT])
    assert result.exit_code == 0 and "1 answer deleted" in result.stdout
    assert not stored(db)
    assert (987654321).to_bytes(4, "big") not in db.read_bytes()
    for again in (("plan", {}), ("consent", {"at": AT}), ("answers", RATING | {"trial": "r1"})):
        assert send(client, again[0], **again[1]) == 410


def test_killed_in_the_middle_nothing_acknowledged_is_lost(path, made, db):
    made["participants"] = [plan(f"person-{i:010d}") for i in range(200)]
    path.write_text(json.dumps(made))
    live, told = Live(path, db), []

    def answer(url):
        with httpx.Client(base_url=url) as client:
            for person in made["participants"]:
                try:
                    assert send(client, "consent", person["code"], at=AT) == 204
                    for trial in ("r0", "r1", "c1"):
                        assert send(client, "answers", person["code"], trial=trial, **RATING) == 204
                        told.append((person["code"], trial))
                except httpx.HTTPError:
                    return

    thread = threading.Thread(target=answer, args=(live.start(),))
    thread.start()
    wait_for(lambda: len(told) > 40)
    live.stop(signal.SIGKILL)
    thread.join()
    assert len(told) < 600
    live.start()  # and it goes on
    live.stop()
    kept = {(r["participant"], r["trial"]) for r in stored(db)}
    assert set(told) <= kept and len(kept) <= len(told) + 1


# -- files -----------------------------------------------------------------------------------


def test_a_restart_takes_the_same_study_only(made, db):
    with serve.Answers(db, made) as answers:
        answers.consent(ANNA, serve.Consent(participant=ANNA, at=AT).at)
        answers.put(files.Answer(participant=ANNA, trial="r0", **RATING))
    # A corrected text and one more participant are the same study, other trials are not.
    made["consent"] = ["Anew."]
    made["participants"].append(plan("carl-0123456789"))
    with serve.Answers(db, made) as answers:
        assert len(answers.rows()) == 1
    made["participants"][0]["blocks"][0]["trials"][0]["image"] = "i3"
    with pytest.raises(InputError, match="answers to another design"):
        serve.Answers(db, made)


@pytest.mark.parametrize(
    ("name", "match"), [("notes.txt", "not a database"), ("other.sqlite", "not a file of answers")]
)
def test_files_that_hold_something_else_are_left_alone(made, tmp_path, name, match):
    (tmp_path / "notes.txt").write_text("Sing, o goddess, the anger of Achilles. " * 100)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE cats (name)")
    path = tmp_path / name
    before = path.read_bytes()
    with pytest.raises(InputError, match=match):
        serve.Answers(path, made)
    with pytest.raises(InputError, match=match):
        files.export([path], tmp_path / "a.csv")
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="no such file"):
        serve.Answers(tmp_path / "gone" / "answers.sqlite", made)


def saved(made, code=ANNA, **changes):
    answers = [RATING | {"trial": "r0"}, HEARD | {"trial": "m1"}]
    return {
        **{"format": "m2l-answers", "plan": files.plans(made)[code]["plan"], "participant": code},
        "answers": [{"participant": code} | a for a in answers],
    } | changes


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_export_brings_both_ways_together(client, made, db, tmp_path):
    send(client, "consent", at=AT)
    for trial in ("r0", "r1"):
        send(client, "answers", trial=trial, **RATING)
    later = RATING | {"trial": "r1", "valence": 1, "at": "2026-02-01T00:00:00Z"}
    answers = [{"participant": ANNA} | a for a in (RATING | {"trial": "r0"}, later)]
    (tmp_path / "anna.json").write_text(json.dumps(saved(made, answers=answers)))
    (tmp_path / "bert.json").write_text(json.dumps(saved(made, BERT)))
    sources = [tmp_path / "anna.json", db, tmp_path / "bert.json"]
    assert files.export(sources, tmp_path / "a.csv", made) == (4, 2, 1)
    rows = table(tmp_path / "a.csv")
    assert tuple(rows[0]) == study.ANSWERS
    assert [(r["participant"], r["position"], r["valence"]) for r in rows] == [
        *((ANNA, "1", "7"), (ANNA, "2", "7")),  # the later of two answers is left out
        *((BERT, "1", "7"), (BERT, "4", "7")),
    ]
    assert rows[0]["image"] == "i1" and rows[2]["image"] == "i2" and rows[3]["heard"] == "1.2"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"plan": "0" * 16}, "another design"),
        ({"participant": "nobody-0123456789"}, "another design"),
        ({"format": "holiday"}, "format Input should be 'm2l-answers'"),
        ({"answers": [HEARD | {"trial": "r0", "participant": ANNA}]}, "asks for arousal, valence"),
        ({"answers": [RATING | {"trial": "x", "participant": ANNA}]}, "has no trial x"),
    ],
)
def test_saved_files_must_fit(made, tmp_path, changes, match):
    (tmp_path / "a.json").write_text(json.dumps(saved(made, **changes)))
    with pytest.raises(InputError, match=match):
        files.export([tmp_path / "a.json"], tmp_path / "a.csv", made)
    with pytest.raises(InputError, match="give it with --design"):
        files.export([tmp_path / "a.json"], tmp_path / "a.csv")


def test_static_folder_holds_all_and_tells_nothing(made, tmp_path):
    files.static(made, tmp_path, tmp_path / "site")
    found = {p.relative_to(tmp_path / "site").as_posix(): p for p in (tmp_path / "site").rglob("*")}
    own = json.loads(found[f"plans/{ANNA}.json"].read_text())
    for trial in (t for part in own["parts"] for t in part["trials"]):
        for key in {"song", "image", "left", "right"} & set(trial):
            assert found[trial[key]].stat().st_size > 100
    told = "".join(p.read_text() for name, p in found.items() if name.endswith(".json"))
    assert not any(f'"{word}"' in told or f"{word}-" in told for word in giveaways(made))
    with pytest.raises(InputError, match="name a new folder"):
        files.static(made, tmp_path, tmp_path / "site")


def spoil_type(made, folder):
    Image.open(folder / "real photo-i3.png").save(folder / "photo.jpg")
    made["images"]["i3"]["src"] = "photo.jpg"


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda m, f: m.pop("images"), "not a design file"),
        (lambda m, f: m["participants"][1].update(code=ANNA.upper()), "have one code"),
        (lambda m, f: m["participants"][0].update(code="7"), "10 to 64 letters"),
        (lambda m, f: m["participants"][0]["blocks"][2]["trials"][0].pop("right"), "lacks its"),
        (lambda m, f: m["participants"][0]["blocks"][1]["trials"][0].update(id="r0"), "of one id"),
        (lambda m, f: m["images"].pop("i2"), "picture that is not listed"),
        (lambda m, f: m["songs"].clear(), "song that is not listed"),
        (spoil_type, "images are .jpg and .png"),
        (lambda m, f: (f / "full-i1.png").unlink(), "full-i1.png: no such file"),
        (lambda m, f: (f / "full-i1.png").write_text("no"), "full-i1.png: not a picture"),
        (lambda m, f: (f / "tone.wav").write_text("no"), "tone.wav: not audio"),
        (lambda m, f: m["songs"]["s1"].update(seconds=30), "not of the 30 s"),
    ],
)
def test_bad_designs_end_with_one_line(made, path, db, spoil, match):
    spoil(made, path.parent)
    path.write_text(json.dumps(made))
    result = CliRunner().invoke(main, ["study", "static", str(path), "-o", str(path.parent / "s")])
    assert result.exit_code == 2 and match in result.stderr, result.stderr
    assert result.stderr.startswith("m2l: ") and result.stderr.count("\n") == 1


def test_nobody_is_invited_without_approval_and_rights(path, made):
    words = ["study", "links", str(path), "--at", "https://example.org/"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and "no approval and no rights" in result.stderr
    allowed = made | {"approval": "Board, 12/2026", "rights": "CC BY 4.0"}
    path.write_text(json.dumps(allowed))
    links = CliRunner().invoke(main, words).stdout.split()
    assert links == [f"https://example.org/#{code}" for code in (ANNA, BERT)]
    path.write_text(json.dumps(allowed | {"stand_ins": ["real photo"]}))
    assert CliRunner().invoke(main, words).exit_code == 2


# -- in a browser ----------------------------------------------------------------------------

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PHONE = {"viewport": {"width": 390, "height": 664}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM:
        pytest.skip("no chromium on the path")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=words)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open pages that must neither complain nor ask anyone else for anything."""
    contexts, complaints = [], []

    def visit(url, device=DESKTOP, code=ANNA, site=None):
        context = chromium.new_context(**device, accept_downloads=True)
        context.set_default_timeout(15000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        ours = (url, f"blob:{url}")
        page.on("request", lambda r: r.url.startswith(ours) or complaints.append(r.url))
        if site:  # a folder on some host
            context.route(
                f"{url}**",
                lambda r: r.fulfill(path=site / (r.request.url.removeprefix(url) or "index.html")),
            )
        page.goto(f"{url}#{code}")
        return page

    yield visit
    for context in contexts:
        context.close()
    # That a server is away or a participant gone is complained of by the browser itself.
    assert not [text for text in complaints if not re.search(r"net::ERR_|410 \(Gone\)", text)]


def title(page, start):
    script = "t => document.querySelector('h1')?.textContent.startsWith(t)"
    page.wait_for_function(script, arg=start)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def rate(page, valence, arousal):
    page.locator(f"label:has(input[name=valence][value='{valence}'])").click()
    page.locator(f"label:has(input[name=arousal][value='{arousal}'])").click()


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_on_a_phone_from_consent_to_stored_rows(visit, live, db):
    page = visit(live.start(), PHONE)
    title(page, "A small study")
    press(page, "I agree and take part")
    title(page, "Part 1 of 3")
    press(page, "Begin")
    title(page, "Picture 1 of 2")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.get_by_role("button", name="Next").bounding_box()["y"] < 664  # all in one window
    press(page, "Next")  # too early
    title(page, "Picture 1 of 2")
    rate(page, 7, 2)
    press(page, "Next")
    title(page, "Picture 2 of 2")
    wait_for(lambda: len(stored(db)) == 1)

    live.stop()  # and the server goes away
    rate(page, 3, 8)
    press(page, "Next")
    title(page, "A short check")
    page.get_by_text("An answer waits in this browser").wait_for()
    live.start()
    wait_for(lambda: len(stored(db)) == 2)
    page.get_by_text("Your answers are stored.").wait_for()
    page.reload()
    title(page, "Part 1 of 3")
    press(page, "Begin")
    title(page, "A short check")
    rate(page, 9, 1)
    press(page, "Next")

    title(page, "Part 2 of 3")
    press(page, "Play three notes")
    press(page, "Begin")
    title(page, "Music 1 of 1")
    assert not page.locator("input").count()  # the scales come when the music has been heard
    page.locator("input").first.wait_for(state="attached")
    rate(page, 5, 6)
    press(page, "Next")
    title(page, "Part 3 of 3")
    press(page, "Begin")
    title(page, "Choice 1 of 1")
    assert page.get_by_role("button", name="Left picture").is_disabled()
    page.locator("#said", has_text="Choose the picture that fits.").wait_for(state="attached")
    page.get_by_role("button", name="Right picture").dblclick()
    title(page, "Thank you")
    page.get_by_text(ANNA).wait_for()
    wait_for(lambda: len(stored(db)) == 5)
    page.reload()
    title(page, "Thank you")
    rows = stored(db)
    assert [(r["valence"], r["arousal"]) for r in rows[:4]] == [(7, 2), (3, 8), (9, 1), (5, 6)]
    assert rows[4]["choice"] == "right" and (rows[4]["left"], rows[4]["right"]) == ("i1", "i3")
    assert all(1.0 < r["heard"] < 1.3 for r in rows[3:])
    assert all(0 < r["ms"] < 60000 for r in rows)
    # Another browser goes on from what the server has.
    title(visit(f"http://127.0.0.1:{live.port}/"), "Thank you")


def test_on_a_desktop_by_keyboard_alone(visit, live, db):
    page = visit(live.start(), code="too-short")
    page.get_by_text("This code is not known here.").wait_for()
    page.get_by_label("Your code").fill(ANNA)
    press(page, "Open the study")
    keys = page.keyboard

    def tab_to(name):
        """Go on with the tabulator until the control of that name has the focus."""
        script = (
            "n => [document.activeElement.textContent.trim(), document.activeElement.value,"
            "document.activeElement.getAttribute('aria-label'),"
            "document.activeElement.firstElementChild?.alt].includes(n)"
        )
        for _ in range(12):
            keys.press("Tab")
            if page.evaluate(script, name):
                return
        raise AssertionError(f"{name}: not to be reached by the tabulator")

    def answer(valence, arousal):
        tab_to("1, very unpleasant")
        keys.press(str(valence))
        keys.press("Tab")
        keys.press("9")
        for _ in range(9 - arousal):
            keys.press("ArrowLeft")
        keys.press("Enter")

    title(page, "A small study")
    assert page.evaluate("document.activeElement.tagName") == "H1"  # read out, and Tab goes on
    tab_to("I agree and take part")
    keys.press("Enter")
    title(page, "Part 1 of 3")
    tab_to("Begin")
    keys.press("Space")
    for start, ratings in (("Picture 1", (4, 6)), ("Picture 2", (2, 9)), ("A short", (9, 1))):
        title(page, start)
        answer(*ratings)
    for part in (2, 3):
        title(page, f"Part {part} of 3")
        tab_to("Begin")
        keys.press("Enter")
        if part == 2:
            page.locator("input").first.wait_for(state="attached")
            answer(8, 7)
    page.locator(".picture:not(:disabled)").first.wait_for()
    tab_to("Right picture")
    keys.press("Enter")
    title(page, "Thank you")
    wait_for(lambda: len(stored(db)) == 5)
    rows = stored(db)
    assert [(r["valence"], r["arousal"]) for r in rows[:4]] == [(4, 6), (2, 9), (9, 1), (8, 7)]
    assert rows[4]["choice"] == "right"


def test_static_page_saves_a_file(visit, made, tmp_path):
    files.static(made, tmp_path, tmp_path / "site")
    page = visit("http://study.test/", PHONE, BERT, tmp_path / "site")
    press(page, "I agree and take part")
    press(page, "Begin")
    for start in ("Picture 1", "Picture 2", "A short check"):
        title(page, start)
        rate(page, 6, 4)
        press(page, "Next")
    press(page, "Begin")
    rate(page, 6, 4)
    press(page, "Next")
    press(page, "Begin")
    page.get_by_role("button", name="Left picture").click()
    title(page, "Thank you")
    with page.expect_download() as download:
        press(page, "Save my answers")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.get_by_text(f"Your answers are in the file {file.name}").wait_for()
    assert files.export([file], tmp_path / "a.csv", made) == (5, 1, 0)
    rows = table(tmp_path / "a.csv")
    assert [r["image"] for r in rows[:2]] == ["i2", "i1"]
    assert rows[4]["choice"] == "left"


def test_deleting_asks_first(visit, live, db):
    page = visit(live.start())
    press(page, "I agree and take part")
    press(page, "Begin")
    rate(page, 6, 4)
    press(page, "Next")
    wait_for(lambda: len(stored(db)) == 1)
    for sure in ("Keep them", "Delete them"):
        assert len(stored(db)) == 1
        press(page, "Pause or stop")
        press(page, "Delete my answers")
        press(page, sure)
    title(page, "Your answers are deleted")
    assert not stored(db)
    assert "valence" not in page.evaluate("JSON.stringify(localStorage)")
