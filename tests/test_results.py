"""Results and where they come from."""

import json
import re
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from m2l import results as provenance
from m2l.errors import InputError


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setenv("M2L_RESULTS", str(folder))
    return folder


def save(path, result=None, **changes):
    settings = dict(started=time.monotonic(), data={"sample": "abc"}, seed=3, preset="smoke")
    provenance.save(path, result or {"r2": 0.5}, **settings | changes)


def test_what_is_saved_is_loaded(results):
    arrays = {"curve": np.arange(5.0), "grid": np.eye(2, dtype=np.uint8)}
    save(results / "one.json", {"r2": 0.5, "names": ["a", "é"]}, arrays=arrays)
    loaded = provenance.load("one")
    assert loaded["r2"] == 0.5 and loaded["names"] == ["a", "é"]
    assert loaded["arrays"].keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded["arrays"][name], array)
        assert loaded["arrays"][name].dtype == array.dtype


def test_the_block_says_where_it_comes_from(results):
    save(results / "one.json", started=time.monotonic() - 90)
    block = provenance.load("one")["provenance"]
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|unknown", block["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", block["date"])
    assert block["data"] == {"sample": "abc"}
    assert block["seed"] == 3 and block["preset"] == "smoke"
    assert block["hardware"] == provenance.hardware()
    assert re.fullmatch(r".+, \d+ cores.*", block["hardware"])
    assert 90 <= block["seconds"] < 120
    assert {"python", "numpy", "torch"} <= block["versions"].keys()


def test_what_is_written_is_plain_json_that_names_no_machine(results):
    save(results / "gan" / "smoke.json", arrays={"curve": np.arange(5)})  # folders are made
    save(results / "gan" / "smoke.json")
    assert "arrays" not in provenance.load("gan/smoke")  # those of the earlier one are forgotten
    text = (results / "gan/smoke.json").read_text()
    assert text.endswith("}\n") and json.loads(text)
    for private in (Path.home(), Path.cwd(), results):
        assert str(private) not in text
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text)


def test_a_missing_result_says_how_to_make_it(results):
    with pytest.raises(InputError, match=r"nowhere\.json: no such result; 'make study'"):
        provenance.load("nowhere")


def test_results_are_found_from_a_folder_below(tmp_path, monkeypatch):
    monkeypatch.delenv("M2L_RESULTS", raising=False)
    (tmp_path / "book" / "part").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "book" / "part")
    with pytest.raises(InputError, match="no results/"):
        provenance.results_dir()
    (tmp_path / "results").mkdir()
    assert provenance.results_dir() == tmp_path / "results"


def test_commit_is_the_one_checked_out_and_tells_changes(tmp_path, monkeypatch):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        run = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True, text=True
        )
        return run.stdout.strip()

    module = tmp_path / "m2l" / "provenance.py"
    (module.parent / "weights").mkdir(parents=True)
    module.write_text("a = 1\n")
    (module.parent / "weights" / "w").write_text("1")
    monkeypatch.setattr(provenance, "__file__", str(module))
    assert provenance._commit() == "unknown"

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    head = git("rev-parse", "--short", "HEAD")
    assert provenance._commit() == head
    (module.parent / "weights" / "w").write_text("2")  # made by the work itself
    assert provenance._commit() == head
    module.write_text("a = 2\n")
    assert provenance._commit() == head + "+"


def test_the_blocks_of_all_results_by_name(results):
    save(results / "two.json", seed=2)
    save(results / "one.json", seed=1)
    (results / "grid").mkdir()
    for seed in (0, 1):
        block = provenance.describe(started=time.monotonic() - 60, data={}, seed=seed, preset="a")
        line = json.dumps({"set": "x", "provenance": block}) + "\n"
        (results / "grid" / f"a-{seed}.jsonl").write_text(2 * line)
    blocks = provenance.blocks()
    seeds = {"one": 1, "two": 2, "grid/a": "0, 1"}
    assert {name: block["seed"] for name, block in blocks.items()} == seeds
    assert blocks["grid/a"]["seconds"] == pytest.approx(120, abs=5)


def executed(path, sources, **noted):
    cells = [{"cell_type": kind, "source": [text]} for kind, text in sources]
    noted = {"duration": 12.5, "end_time": "2026-01-02T03:04:05", "parameters": {"seed": 3}} | noted
    path.write_text(json.dumps({"metadata": {"papermill": noted}, "cells": cells}))


def test_chapters_say_how_they_ran(results, tmp_path):
    for name in ("data", "gan", "forest", "scene"):
        save(results / f"{name}.json")
    sources = [
        ("markdown", "(sec-x)=\n# A chapter\n\ntext {result}`forest:r2`"),
        ("code", '# a comment\na = provenance.load("gan")\nb = provenance.load("data")'),
    ]
    executed(tmp_path / "01_done.ipynb", sources)
    executed(tmp_path / "02_going.ipynb", sources, duration=None)
    assert provenance.chapters(tmp_path) == {
        "01_done": {
            "title": "A chapter",
            "seconds": 12.5,
            "date": "2026-01-02",
            "parameters": {"seed": 3},
            "results": ["data", "forest", "gan"],
        }
    }


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("b = a['x'] + 1\n---\nplot(b)", {"one"}),
        ("a = 1\n---\nplot(a)", set()),
        ("def f(x):\n    y = a\n    return x\n---\nf(1)", {"one"}),
        ("def f(a):\n    return a\n---\nf(1)", set()),
        ("b = [a for a in range(3)]\n---\nplot(b)", set()),
        ("for b in a:\n    c = b\n---\nplot(c)", {"one"}),
        ("b = 1 if a else 2\nfor b in range(3):\n    c = b\n---\nplot(b, c)", set()),
        ("p = results_dir() / 'runs'\n---\nr = x.results_dir() / 'runs'\nplot(r)", {"runs"}),
        ("1\n---\nplot(provenance.quote('one:r2'))", {"one"}),
    ],
)
def test_what_a_cell_was_made_from(results, code, read):
    save(results / "one.json")
    (results / "runs").mkdir()
    (results / "runs" / "a.jsonl").write_text("")
    sources = ["a = provenance.load('one')", *code.split("---\n")]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    assert provenance.reads({"cells": cells})[len(cells) - 1] == read


# -- numbers in the prose --------------------------------------------------------------------


@pytest.fixture
def told(results):
    r2 = {"value": 0.5149, "low": -0.4451, "high": 0.57}
    rows = [{"on": "a", "n": 1234, "r2": r2}, {"on": "b", "n": 7}, {"on": "b", "n": 8}]
    inside = {"0.9": {"held": 0.914}, "0": 1, "rows": rows, "card": {"what": "A forest-like thing"}}
    save(results / "one.json", inside | {"took": 5400.0, "zero": -0.001, "whole": True})


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("one:0.9.held", "0.91"),
        ("one:0.9.held:.0%", "91 %"),
        ("one:rows.0.n", "1,234"),
        ("one:rows.on=a.r2", "0.51 [−0.45, 0.57]"),
        ("one:rows.on=a.r2:.1f", "0.5 [−0.4, 0.6]"),
        ("one:rows.on=b&n=8.n", "8"),
        ("one:rows.-1.n", "8"),
        ("one:rows:len", "3"),
        ("one:rows.on=a.r2.low:.3f", "−0.445"),
        ("one:took:/3600 .1f", "1.5"),
        ("one:took:duration", "1.5 h"),
        ("one:zero", "0.00"),
        ("one:card.what", "A forest-like thing"),
        ("one:provenance.seed", "3"),
    ],
)
def test_a_number_is_found_and_written(told, reference, text):
    assert provenance.quote(reference) == text.replace(
        " ", "\u00a0" if "thing" not in text else " "
    )


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("two:a", r"no two\.json in results/; there are one"),
        ("one:rows.on=b.n", "no 'on=b' in rows; there is 0, 1, 2"),
        ("one:rows.3", "no '3' in rows"),
        ("one:0.9.width", "no 'width' in 0.9; there is held"),
        ("one:took.low", r"no 'low' in took; there is 5400\.0"),
        ("one:rows", "list is not a number"),
        ("one:whole", "bool is not a number"),
        ("one:took:.2x", "one:took:.2x: "),
        ("one:card.what:.2f", "str is not a number"),
    ],
)
def test_what_leads_nowhere_says_what_there_is(told, reference, words):
    with pytest.raises(InputError, match=words):
        provenance.quote(reference)
