"""The tables on where numbers come from."""

import hashlib

from m2l import corpora, results
from m2l.experiments import provenance


def test_addresses_become_links_without_the_mark_behind_them():
    assert provenance.linked("from https://a.org/b: in full") == (
        "from [a.org/b](https://a.org/b): in full"
    )


def test_every_corpus_result_and_file_of_weights_has_a_row():
    assert len(provenance.data()) == len(corpora.names())
    told = provenance.weights().set_index("file")["checksum"]
    for path in provenance.WEIGHTS.glob("*.safetensors"):
        mark = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        assert told[f"`{path.name}`"] == f"`{mark}`"
    made = provenance.machines()["results"].str.split(", ").explode()
    assert sorted(made) == sorted(results.blocks())


def test_who_reads_a_result_is_linked(tmp_path):
    (tmp_path / "index.md").write_text("R² {result}`forest:a:.2f`")
    runs = {"02_forest": {"results": ["forest"]}, "05_metrics": {"results": ["metrics"]}}
    made = provenance.made(runs, tmp_path).set_index("result")["read in"]
    (row,) = (text for name, text in made.items() if name.startswith("`forest`"))
    assert row == "[2](02_forest), [index](../index)"


def test_the_chapters_end_with_their_sum():
    run = {"title": "A", "date": "2026-01-02", "seconds": 60, "parameters": {"seed": 0}}
    told = provenance.ran({"01_a": run, "02_b": run})
    assert list(told["chapter"]) == ["[A](01_a)", "[A](02_b)", "all"]
    assert told["run on"][0] == "02\u00a0Jan\u00a02026" and told["settings"][0] == "seed 0"
    assert told["took"].iloc[-1] == results.text(120, "duration")
