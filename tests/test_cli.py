"""The command: what it prints, what it writes, and one line with status 2 for every bad input."""

import importlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from click.testing import CliRunner
from PIL import Image

from m2l import corpora, generate, stats
from m2l.cli import _base, main
from m2l.experiments import ablation, stimuli
from m2l.gan.checkpoints import read_checkpoint
from m2l.music import ear
from m2l.music.features import EXTENDED
from m2l.people import design as study
from m2l.people import simulation

torch.set_num_threads(1)


def commands(group=main, words=()):
    """Every command that --help leads to, with its words; groups too."""
    for name, command in group.commands.items():
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


COMMANDS = [list(words) for words, _ in commands()]


@pytest.fixture(autouse=True)
def apart(tmp_path_factory, tmp_path, monkeypatch):
    """Keep the tests out of the user's caches and data."""
    monkeypatch.setenv("M2L_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("M2L_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def tiny(tiny_forest, tiny_generator, monkeypatch):
    """Small weights in place of the released ones."""
    load = generate.load
    monkeypatch.setattr(generate, "load", lambda path=None: load(tiny_generator))
    monkeypatch.setattr(ear, "load", lambda *_: tiny_forest)


@pytest.fixture
def m2l(capfd):
    """Run the command; the result's stderr also holds what C libraries wrote."""

    def run(*words, status=0):
        with warnings.catch_warnings(record=True) as warned:
            result = CliRunner().invoke(main, [str(w) for w in words])
        error = result.stderr + capfd.readouterr().err
        if result.exit_code != status:
            raise AssertionError(f"status {result.exit_code}: {error}") from result.exception
        assert not warned
        return result.stdout, error

    return run


def refused(run, *words, match=""):
    """Run a command that must end with one line and status 2."""
    out, error = run(*words, status=2)
    assert error.startswith("m2l: ") and error.count("\n") == 1, error
    assert match in error and "Traceback" not in error
    return out


# -- help ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(m2l, command):
    out, error = m2l(*command, "--help")
    assert out.startswith("Usage: ") and not error
    if command not in (["forest"], ["gan"], ["metrics"], ["study"]):  # groups, with the next ones
        nothing_written = ["emotion"], ["study", "serve"], ["study", "links"], ["study", "withdraw"]
        assert "--out" in out or command in (*nothing_written, ["metrics", "folders"])


def test_help_does_not_import_what_takes_time():
    code = f"""
import sys
from m2l.cli import main
for command in [[], *{COMMANDS}]:
    main([*command, "--help"], standalone_mode=False)
slow = {{"torch", "librosa", "sklearn", "pandas", "numpy", "matplotlib", "scipy", "pydantic"}}
sys.exit(", ".join(slow & set(sys.modules)) or 0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_every_option_is_explained():
    for words, command in commands():
        options = [p for p in command.params if isinstance(p, click.Option)]
        assert command.help and [o.opts[-1] for o in options if not o.help] == [], words


def test_the_studys_own_stages_are_listed_apart(m2l):
    people, stages = m2l("study", "--help")[0].split("The study's own stages:")
    assert " analyse " in people and " validate " in stages and " validate " not in people


def test_a_module_that_is_missing_is_one_line_with_the_extra(m2l, monkeypatch):
    def missing(name):
        def load(*words):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

        return load

    monkeypatch.setattr(ear, "load", missing("uvicorn.config"))
    refused(m2l, "emotion", "a.mp3", match=r"pip install '.[study]'")
    monkeypatch.setattr(ear, "load", missing("pandas"))
    refused(m2l, "emotion", "a.mp3", match="needs pandas: install m2l anew")


def test_the_package_offers_what_people_do_and_imports_it_when_asked():
    code = """
import sys, m2l
assert not {"torch", "librosa", "numpy", "pandas"} & set(sys.modules)
assert all(callable(getattr(m2l, name)) for name in m2l.__all__ if name != "__version__")
print(m2l.__version__, *m2l.__all__)
"""
    told = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert told[0] == version("m2l") and len(told) == 7
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        sys.modules["m2l"].nope  # noqa: B018


# -- bad songs -------------------------------------------------------------------------------


BAD = {  # name: how it is made, what is said of it
    "gone.mp3": (lambda path: None, "no such file"),
    "text.mp3": (lambda path: path.write_text("Sing, o goddess. " * 200), "not audio"),
    "silent.wav": (lambda path: soundfile.write(path, np.zeros(88200), 22050), "silent"),
    "nothing": (Path.mkdir, "no songs in this folder"),
}


def bad(folder, name):
    BAD[name][0](folder / name)
    return folder / name


@pytest.mark.parametrize("name", BAD)
def test_one_bad_song_is_one_line(m2l, tmp_path, name):
    path = bad(tmp_path, name)
    commands = ("emotion",), ("emotion", "--json"), ("features", "-o", "out.parquet")
    for command in (*commands, ("generate", "-o", "out.png")):
        assert not refused(m2l, *command, path, match=BAD[name][1])
    assert not os.path.exists("out.parquet") and not os.path.exists("out.png")


def test_bad_songs_in_a_batch_are_logged_and_counted(m2l, tmp_path, song, caplog):
    paths = [bad(tmp_path, name) for name in BAD]
    out, error = m2l("emotion", *paths, song)
    assert error == "m2l: 4 of 5 songs skipped\n"
    assert out.count("\n") == 2 and str(song) in out
    for path, (_, reason) in zip(paths, BAD.values(), strict=True):
        assert any(str(path) in r.message and reason in r.message for r in caplog.records)
    _, error = m2l("emotion", *paths[:2], status=2)
    skipped, none = error.splitlines()
    assert skipped == "m2l: 2 of 2 songs skipped" and none.startswith("m2l: no song could be read")


# -- emotion ---------------------------------------------------------------------------------


def test_emotion_is_a_table_or_json(m2l, song, tmp_path, tiny_forest):
    out, error = m2l("emotion", song)
    head, row = out.splitlines()
    assert head.split() == ["valence", "arousal", "song"] and not error
    assert row.count(" to ") == 2 and row.endswith(str(song))
    shutil.copy(song, tmp_path / "again.wav")
    one, again = json.loads(m2l("emotion", "--json", song, tmp_path)[0])
    assert one.pop("song") == str(song) and again.pop("song") == str(tmp_path / "again.wav")
    told = ear.predict(song, tiny_forest).iloc[0]
    assert one == again == pytest.approx(told.to_dict(), abs=5e-4)


# -- generate --------------------------------------------------------------------------------


def test_generate_from_an_emotion_side_by_side_and_enlarged(m2l):
    words = ("--valence", 7, "--arousal", 3, "--seed", 5, "-o")
    out, error = m2l("generate", *words, "two.png", "-n", 2, "--size", 8)  # the generator's own
    assert out.startswith("two.png") and not error
    two = np.asarray(Image.open("two.png"))
    np.testing.assert_array_equal(np.hstack(generate.landscapes(7, 3, seed=[5, 6])), two)
    m2l("generate", *words, "large.png", "-n", 2)
    assert Image.open("large.png").size == (1024, 512)


def test_generate_from_a_song(m2l, song):
    out, error = m2l("generate", song, "-o", "song.png", "--seed", 1, "--size", 8)
    assert "among landscapes" in out and not error
    images, felt = generate.from_song(song, 1)
    np.testing.assert_array_equal(np.asarray(Image.open("song.png")), images[0])
    assert f"({felt['valence_low']:.1f} to {felt['valence_high']:.1f})" in out
    m2l("generate", song, "-o", "many.png", "-n", 3, "--spread", "--size", 8)
    images, _ = generate.from_song(song, [0, 1, 2], spread=True)
    np.testing.assert_array_equal(np.asarray(Image.open("many.png")), np.hstack(images))


def test_generate_for_each_song_of_a_folder_by_a_generator_of_ones_own(
    m2l, song, tmp_path, tiny_generator, monkeypatch
):
    (tmp_path / "album/one").mkdir(parents=True)
    shutil.copy(song, tmp_path / "album/one/a.wav")
    shutil.copy(song, tmp_path / "album/b.wav")
    bad(tmp_path / "album", "silent.wav")
    shutil.copy(tiny_generator, "mine.safetensors")
    loaded, load = [], generate.load
    monkeypatch.setattr(generate, "load", lambda path: loaded.append(str(path)) or load())
    words = ("-o", "out", "--size", 8, "--weights", "mine.safetensors")
    out, error = m2l("generate", "album", *words)
    assert error == "m2l: 1 of 3 songs skipped\n"
    assert out.count("among landscapes") == 2 and set(loaded) == {"mine.safetensors"}
    one, b = (np.asarray(Image.open(f"out/{n}.png")) for n in ("one/a.wav", "b.wav"))
    np.testing.assert_array_equal(one, b)
    refused(m2l, "generate", song, "-o", "out", match="out: no .png")
    for command in ("generate", "cover"):
        assert not refused(m2l, command, "album", "-o", song, match="no folder that can be written")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ("", "give a song, or both"),
        ("--valence 5", "give a song, or both"),
        ("--arousal 5", "give a song, or both"),
        ("song.wav --valence 5 --arousal 5", "give a song, or both"),
        ("song.wav --valence 5", "give a song, or both"),
        ("--valence 11 --arousal 5", "valence 11"),
        ("--valence 5 --arousal 0.5", "arousal 0.5"),
        ("--valence nan --arousal 5", "valence nan"),
        ("--valence 5 --arousal 5 --spread", "no song to be unsure of"),
    ],
)
def test_generate_refuses(m2l, words, match):
    refused(m2l, "generate", *words.split(), "-o", "out.png", match=match)
    assert not os.path.exists("out.png")


@pytest.mark.parametrize("out", ["file/out.png", "out.poem", "out", "file/f.parquet"])
def test_what_cannot_be_written_is_one_line(m2l, tmp_path, song, out):
    (tmp_path / "file").touch()
    words = ("features", song) if "f.p" in out else ("generate", "--valence", 5, "--arousal", 5)
    refused(m2l, *words, "-o", out, match=out)


# -- features --------------------------------------------------------------------------------


def test_features_of_a_folder(m2l, song, tmp_path, caplog):
    (tmp_path / "songs").mkdir()
    shutil.copy(song, tmp_path / "songs/a.wav")
    bad(tmp_path / "songs", "text.mp3")
    out, error = m2l("features", "songs", "-o", "deep/f.parquet")
    assert error == "m2l: 1 of 2 songs skipped\n" and "1 song, 222 features" in out
    table = pd.read_parquet("deep/f.parquet")
    assert list(table) == list(EXTENDED) and list(table.index) == ["songs/a.wav"]
    assert np.isfinite(table.to_numpy()).all()
    shutil.move("songs/a.wav", "songs/text.mp3")
    shutil.copy("songs/text.mp3", "songs/a.csv")
    refused(m2l, "features", "songs", "-o", "songs/a.csv", match="a.csv: is an input")
    shutil.move("songs/a.csv", "songs/a.wav")
    m2l("features", "songs/a.wav", "-o", "a.csv")
    pd.testing.assert_frame_equal(pd.read_csv("a.csv", index_col=0).astype(np.float32), table)
    m2l("features", "songs/a.wav", "-o", "one.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet("one.parquet"), table)


# -- data and the study ----------------------------------------------------------------------


def test_data_says_what_is_missing_and_how_to_get_it(m2l, monkeypatch):
    out, error = m2l("data")
    assert "M2L_DATA: not set" in out and not error
    assert out.count("missing:") == 5 and "sample" in out
    monkeypatch.setenv("M2L_DATA", "/gone")
    assert "/gone: no such folder" in m2l("data")[0]
    refused(m2l, "data", "-o", "data.json", match="no corpus found")
    refused(m2l, "data", "imagenet", match="choose one of")
    for name in corpora.names():
        assert corpora.card(name).title in m2l("data", name)[0]


def test_data_audit_of_a_table_of_ones_own(m2l, tmp_path, caplog):
    (tmp_path / "mine.csv").write_text("id,valence,arousal\na,0.2,0.9\nb,0.4,9%\na,0.5,0.1\n")
    mine = str(tmp_path / "mine.csv")
    out, _ = m2l("data", mine, "--audit", "--scale", "0", "1")
    assert out.splitlines() == [
        "3 items: 2 findings",
        "error    arousal: 1 missing [b]",
        "error    ids listed before: 1 [a]",
    ]
    told = f"{mine}: arousal: '9%' is no number, taken for missing (1 such cells)"
    assert [record.message for record in caplog.records] == [told]
    assert "map it by 1 + 8x" in m2l("data", mine, "--audit")[0]


def test_data_audit_that_cannot_be(m2l, tmp_path):
    refused(m2l, "data", "--audit", match="no corpus named")
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    refused(m2l, "data", str(tmp_path / "mine.csv"), "--audit", match="no column id, valence")
    refused(m2l, "data", str(tmp_path / "no.csv"), "--audit", match="no.csv: not found")
    for scale in ((1, 1), (9, 1), ("nan", 9), (0, "inf")):
        refused(m2l, "data", "no.csv", "--audit", "--scale", *scale, match="no scale")


def test_data_lists_what_was_left_out(m2l, monkeypatch, tmp_path):
    folder = tmp_path / "music/4Q-TAFFC"
    folder.mkdir(parents=True)
    (folder / "annotations.csv").write_text(
        "song,artist,title,quadrant,n_tags,valence,arousal\n"
        "A,Ann,One,Q1,3,6,6\nB,Ann,Two,Q1,3,,6\nC,Bob,Three,Q1,3,6,8\n"
        "D,Bob,Four,Q1,3,6,7\nE,Bob,Five,Q1,3,6,12\n"
    )
    monkeypatch.setenv("M2L_DATA", str(tmp_path))
    out, _ = m2l("data")
    assert "1 left out: label is missing" in out and "1 left out: label outside 1–9" in out


CELL = "gan ablation --seed 0 --out out --folder runs"


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ("gan train --preset enormous", "preset 'enormous'"),
        ("gan train --preset smoke", "M2L_DATA: not set"),
        ("gan release --preset enormous", "runs/enormous: no checkpoint"),
        (f"{CELL} --grid ablation --variant full", "M2L_DATA: not set"),
        (f"{CELL} --grid huge --variant full", "preset 'huge'"),
        (f"{CELL} --grid ablation --variant huge", "variant 'huge'"),
        ("metrics scene -o a.json --weights b.safetensors", "M2L_DATA: not set"),
        ("metrics model", "M2L_DATA: not set"),
        ("metrics folders gone gone", "gone: no such folder"),
        ("metrics end-to-end -o a.json --features gone.parquet", "gone.parquet"),
        ("forest train -o a.json --features gone.parquet", "gone.parquet"),
        ("gan sample -o grid.txt", "grid.txt"),
    ],
)
def test_errors_in_nested_commands_are_one_line_too(m2l, words, match):
    refused(m2l, *words.split(), match=match)


def test_gan_sample_writes_a_grid(m2l, tiny_generator):
    out, _ = m2l("gan", "sample", "-o", "grid.png", "--side", 3, "--size", 8)
    assert "3×3" in out and Image.open("grid.png").size == (24, 24)


def test_folders_are_compared(m2l, tmp_path, monkeypatch):
    monkeypatch.setattr(stats, "DRAWS", 5)
    for name, n in (("generated", 12), ("real", 24)):
        (tmp_path / name).mkdir()
        pixels = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        for i, image in enumerate(pixels):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    out, _ = m2l("metrics", "folders", "generated", "real")
    assert out.startswith("scene features, 12 images a side\n")
    assert "frechet" in out and "coverage" in out
    told = json.loads(m2l("metrics", "folders", "generated", "real", "--json")[0])
    assert told["scene"]["n"] == 12 and not any("fid" in key for key in told)


def test_a_folder_of_photos_is_trained_on_refused_resumed_and_released(m2l, tmp_path):
    mine, rng = tmp_path / "my photos", np.random.default_rng(0)
    mine.mkdir()
    rows = ["file,valence,arousal,label_source"]
    for i in range(6):  # fewer than a batch
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(mine / f"{i}.png")
        rows.append(f"{i}.png,5,{i + 1},predicted")  # one valence
    preset = "sizes: {z: 4, widths: [4]}\nstages: [{resolution: 4, images: 16, batch: 8}]\n"
    (tmp_path / "tiny.yaml").write_text(preset)
    where = ("--preset", "tiny.yaml", "--photos", mine, "--run", "run")
    train, release = ("gan", "train", *where, "--threads", 1), ("gan", "release", *where)
    refused(m2l, *train, match="m2l label")
    (mine / "photos.csv").write_text("\n".join(rows))
    refused(m2l, *release, match="no checkpoint")
    own = ("-o", "gan.json", "--weights", "g.safetensors", "--seed", 3, "--set", "lr=2.0e-3")
    assert "run: 16 images" in m2l(*train, *own)[0]
    result = json.loads((tmp_path / "gan.json").read_text())
    assert result["settings"]["lr"] == 2e-3 and result["provenance"]["seed"] == 3
    data = result["card"]["data"]
    assert "photos of my photos" in data and "predicted, not rated by people" in data
    refused(m2l, *train, match="add --resume")
    assert "run: 16 images" in m2l(*train, "--resume")[0]  # complete: nothing is left to do
    m2l(*release, "-o", "again.json", "--weights", "again.safetensors")
    one, again = (read_checkpoint(f"{n}.safetensors", "m2l-generator")[1] for n in ("g", "again"))
    assert one.keys() == again.keys() and all(torch.equal(one[k], again[k]) for k in one)
    told = json.loads((tmp_path / "again.json").read_text())  # the run's own, not the preset's
    assert told["settings"] == result["settings"] and told["provenance"]["seed"] == 3


def test_a_setting_to_change_needs_a_value(m2l):
    _, error = m2l("gan", "train", "--set", "lr", status=2)
    assert "give NAME=VALUE" in error


# -- the user study --------------------------------------------------------------------------


@pytest.fixture
def asked(m2l, tmp_path):
    """A small design with its settings, and simulated answers to it."""
    settings = study.settings() | {"participants": 10, "reserve": 0, "songs": 10, "songs_each": 10}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings))
    out, _ = m2l("study", "design", "--config", "small.yaml", "-o", "new/design.json")
    assert out == "new/design.json: 10 participants, 10 songs, 44 trials each\n"
    out, _ = m2l("study", "simulate", "new/design.json", "-o", "answers.csv")
    assert out == "answers.csv: 440 simulated answers\n"
    return pd.read_csv("answers.csv")


def test_a_study_from_the_design_to_the_report(m2l, asked):
    out, _ = m2l("study", "analyse", "new/design.json", "answers.csv", "-o", "report")
    assert out.startswith("report: simulated answers; 10 participants, ")
    assert [line[:3].strip() for line in out.splitlines()[1:]] == list(study.HYPOTHESES)


def test_a_study_that_cannot_be_analysed(m2l, asked):
    asked.drop(columns="heard").to_csv("gone.csv", index=False)
    asked.assign(valence=10).to_csv("bad.csv", index=False)
    asked.assign(ms=1).to_csv("fast.csv", index=False)
    answers = {"gone": "column heard", "bad": "line 2: ", "fast": "too fast"}
    for name, match in answers.items():
        words = "new/design.json", f"{name}.csv", "-o", "r"
        refused(m2l, "study", "analyse", *words, match=match)
    refused(m2l, "study", "analyse", "answers.csv", "answers.csv", "-o", "r", match="not a design")
    refused(m2l, "study", "design", "--config", "none.yaml", "-o", "d.json", match="none.yaml")
    assert not Path("r").exists()


def test_stimuli_need_photos(m2l, monkeypatch, song):
    monkeypatch.setattr(corpora, "load", lambda name, **options: Corpus())
    refused(m2l, "study", "stimuli", song, "-o", "new", match="photos: 1 for 60 songs")


def test_stimuli_are_painted_by_the_generators_of_the_studys_grid(m2l, monkeypatch, song):
    painted = {}

    def prepare(songs, generators, *_, **__):
        painted.update(generators)
        return {"songs": {}, "images": {}, "stand_ins": []}

    monkeypatch.setattr(corpora, "load", lambda *_, **__: Corpus())
    monkeypatch.setattr(stimuli, "prepare", prepare)
    m2l("study", "stimuli", song, "--generators", ".", "-o", "new")
    kept = {ablation.stem(*key) for key in ((ablation.STUDY, v, 0) for v in study.SYSTEMS[:-1])}
    assert {str(path.parent) for path in painted.values()} == kept
    assert set(study.SYSTEMS[:-1]) <= set(ablation.GRIDS[ablation.STUDY])


class Corpus:
    table = pd.DataFrame({"path": ["a.png", None], "valence": [1, 2], "arousal": [3, 4]})


def test_power_and_validation_are_written_and_preregistered(m2l, tmp_path, monkeypatch, caplog):
    settings = study.settings() | {
        "participants": 20, "reserve": 0, "songs": 10, "songs_each": 10,
        "power": {"draws": 9, "participants": [20], "songs": [10], "factors": [1.0],
                  "agreement": [0.2, 0.35]},
        "validation": {"studies": 9, "every": 9, "participants": 20, "songs": 10},
    }  # fmt: skip
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings))
    m2l("study", "power", "--config", "small.yaml", "--draws", 2, "-o", "r/study.json")
    made = json.loads(Path("r/study.json").read_text())
    assert made["simulated"] and made["provenance"]["seed"] == settings["seed"]
    assert [r["agreement"] for r in made["power"]] == [0.35, 0.2]
    words = ["--power", "r/study.json", "-o", "page.md"]
    refused(m2l, "study", "preregister", *words, match="made from other settings")
    settings["power"]["draws"] = 2
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings))
    m2l("study", "preregister", "--config", "small.yaml", *words)
    assert "20 participants are complete" in " ".join(Path("page.md").read_text().split())

    recover = simulation.recover

    def interrupted(*words):
        found = recover(*words)
        yield from (next(found), next(found))
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "recover", interrupted)
    m2l("study", "validate", "--config", "small.yaml", "-o", "r/validation.json")
    made = json.loads(Path("r/validation.json").read_text())
    assert made["simulated"] and made["effects"]["studies"] == made["none"]["studies"] == 2
    assert "interrupted; 2 studies are kept" in caplog.text


# -- as installed ----------------------------------------------------------------------------


def test_the_installed_command_with_the_shipped_weights(tmp_path):
    command = os.path.join(os.path.dirname(sys.executable), "m2l")
    words = ["generate", "--valence", "7", "--arousal", "3", "-o", str(tmp_path / "calm.png")]
    ran = subprocess.run([command, *words], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    image = Image.open(tmp_path / "calm.png")
    assert image.width == image.height >= 16


# -- options made from functions -------------------------------------------------------------


FUNCTION = '''
def told(out, *, times: int | None = None, folds=5, place=out, seed=0, loud=False):
    """A function.

    Parameters
    ----------
    out : where to.
    times : how
        often.
    folds : parts; 2 or more.
    place, seed : both.
    """
'''


STAGES = {" ".join(words): c for words, c in commands() if isinstance(c, _base.Stage)}


@pytest.mark.parametrize("name", STAGES)
def test_where_a_function_takes_a_number_its_option_does(name):
    command = STAGES[name]
    options = {o.name: o.type for o in command.get_params(click.Context(command))}
    for path in command.calls:
        module, _, called = path.partition(":")
        takes = inspect.signature(getattr(importlib.import_module(module), called)).parameters
        numbers = {k for k, p in takes.items() if type(p.default) in (int, float)}
        assert not [k for k in numbers if isinstance(options[k], click.Path)]


def test_options_are_the_parameters_of_the_function_called(monkeypatch, tmp_path):
    (tmp_path / "called.py").write_text(FUNCTION)
    monkeypatch.syspath_prepend(tmp_path)
    heard = []

    @click.command(cls=_base.Command, calls="called:told")
    def command(**given):
        heard.append(given)

    run = CliRunner().invoke
    assert run(command, []).exit_code == 2  # out is missing
    assert run(command, ["--out", "a"]).exit_code == 0
    assert run(command, ["--out", "a", "--times", "3", "--loud", "--seed", "0"]).exit_code == 0
    # What is not given is not passed on, so that the function's own default holds.
    assert heard == [{"out": "a"}, {"out": "a", "times": 3, "loud": True, "seed": 0}]
    for bad in (["--folds", "1"], ["--times", "0"], ["--times", "x"], ["--seed", "-1"]):
        assert run(command, ["--out", "a", *bad]).exit_code == 2
    text = " ".join(run(command, ["--help"]).output.split())
    assert "How often." in text and "[default: 5]" in text and "[default: 0]" in text


@pytest.mark.parametrize("words", [["emotion", ""], ["cover", "", "--beside"], ["data", "-o", ""]])
def test_an_empty_name_is_not_the_folder_one_is_in(m2l, words):
    refused(m2l, *words, match="an empty name")


@pytest.mark.parametrize("content", ["{", "[]", "{}", "\xff"])
def test_what_is_no_result_is_told(m2l, content):
    Path("r.json").write_bytes(content.encode("latin1"))
    for words in (
        "study preregister --power r.json -o p.md",
        "metrics seeds r.json --generators r.json -o s.json",
    ):
        refused(m2l, *words.split(), match="r.json: no result with")


def test_names_of_several_lines_are_told_in_one(m2l):
    refused(m2l, "emotion", "no\nsuch.wav", match=r"no\nsuch.wav: no such file")


def test_answers_named_like_a_table_of_the_report_are_not_written_over(m2l, tmp_path):
    (tmp_path / "persons.csv").write_text("answers")
    m2l("study", "design", "--participants", 2, "-o", "design.json")
    words = ("study", "analyse", "design.json", "persons.csv", "-o", ".")
    refused(m2l, *words, match="persons.csv: is an input")
    assert (tmp_path / "persons.csv").read_text() == "answers"


@pytest.mark.parametrize(
    "words",
    [
        "features a.wav -o a.wav",
        "generate a.wav -o a.wav",
        "film a.wav -o a.wav",
        "cover a.wav -o a.wav",
        "data -o a.wav",
        "gan sample -o a.wav",
        "gan train --preset smoke --photos sample -o a.wav",
        "study export a.csv -o a.csv",
        "study simulate a.json -o a.json",
        "study design --stimuli a.json -o ./a.json",
        "study design --config a.json -o a.json",
    ],
)
def test_nothing_that_is_read_or_of_another_kind_is_written_over(m2l, tmp_path, words):
    paths = [tmp_path / f"a.{ending}" for ending in ("wav", "csv", "json")]
    for path in paths:
        path.write_text("precious")
    words = words.split()
    refused(m2l, *words, match=words[-1].removeprefix("./"))
    assert [path.read_text() for path in paths] == ["precious"] * 3
    assert len(list(tmp_path.iterdir())) == 3
