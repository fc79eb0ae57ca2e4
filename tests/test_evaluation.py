"""Judge, generator, folders and the whole way on small made-up corpora; and what they write."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from test_data import read, write_study

from m2l import generate, stats
from m2l.errors import InputError
from m2l.experiments import ablation, landscapes
from m2l.experiments import evaluation as evaluate
from m2l.experiments import judges as train
from m2l.gan import presets
from m2l.gan.checkpoints import read_checkpoint, write_checkpoint
from m2l.judge import metrics, ratings, scene
from m2l.va import DIMENSIONS

torch.set_num_threads(1)

INTERVAL = {"value", "low", "high"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def cache(root, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    quick(monkeypatch)


def quick(patch):
    """Few draws, few seeds, and a ResNet that is a blur."""

    def features(images):
        return np.stack([np.resize(x[::2, ::2] / 255.0, 1024) for x in images])

    patch.setattr(stats, "DRAWS", 8)
    patch.setattr(evaluate, "SCENES", 2)
    patch.setattr(ratings, "features", features)


@pytest.fixture(scope="module")
def judged(root, tmp_path_factory):
    """Folder with the result and the weights of a judge that has hardly learnt."""
    folder = tmp_path_factory.mktemp("judge")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("M2L_CACHE", str(root / "cache"))
        patch.setattr(stats, "DRAWS", 8)
        train.scene_network(folder / "scene.json", folder / "scene.safetensors", root, epochs=2)
    return folder


@pytest.fixture
def pyramid(root):
    return landscapes.pyramid(root)


@pytest.fixture
def judges(judged):
    return evaluate.Judges(scene.load(judged / "scene.safetensors"), ratings.load())


# -- the judges ------------------------------------------------------------------------------


def test_photos_are_looked_at_once_for_each_network_and_resolution(judges, pyramid, monkeypatch):
    first = judges.photos(pyramid, 8)
    assert {k: x.shape for k, x in first.features.items()} == {
        "scene": (54, 128),
        "ratings": (54, 1024),
    }
    assert first.looks.shape == (54, 5) and set(first.kinds) <= {"sea", "wood"}
    for module, name in ((scene, "look"), (ratings, "features")):
        monkeypatch.setattr(module, name, None)
    again = judges.photos(pyramid, 8)
    for judge in ("scene", "ratings"):
        np.testing.assert_array_equal(first.va[judge], again.va[judge])
    with pytest.raises(TypeError):
        judges.photos(pyramid, 16)


# -- a generator -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(root, judged, tiny_generator, tmp_path_factory):
    """The .json of a tiny generator, with its baselines."""
    out = tmp_path_factory.mktemp("metrics") / "metrics.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("M2L_CACHE", str(root / "cache"))
        quick(patch)
        evaluate.model(
            out,
            tiny_generator,
            judged / "scene.safetensors",
            root,
            n=16,
            draws=8,
            pairs=out.with_name("pairs.png"),
        )
    return out


def test_a_generator_is_measured_from_all_sides(measured):
    result = read(measured)
    assert (result["n"], result["resolution"]) == (16, 8)
    for judge in ("scene", "ratings"):
        figures, va = result["likeness"][judge], result["va"][judge]
        assert figures["n"] == 16
        for name in ("frechet", "kid", "density", "coverage", "precision"):
            assert set(figures[name]["generated"]) == set(figures[name]["photos"]) == INTERVAL
        assert figures["frechet"]["generated"]["value"] > figures["frechet"]["photos"]["value"]
        for name in ("overall", "cell", "one"):
            told = result["diversity"][judge][name]
            assert set(told) == {"generated", "photos", "ratio"}
        assert set(va) == {"random", "grid", "photos", "shuffled"}
        for d in DIMENSIONS:
            assert {"mae", "r", "ccc", "spearman", "slope", "within", "left"} == set(va["grid"][d])
            assert set(result["looks"]["generated"]["warmth"][d]) == INTERVAL
    assert sum(result["kinds"][k]["generated"]["value"] for k in ("sea", "wood")) == 1
    assert result["moods"]["seeds"] == 8 and 0 <= result["moods"]["kept"]["value"] <= 1
    assert [set(x) for x in result["nearest"]] == [{"picture", "distance", "photo", "pixels"}] * 12
    for name, rows in (("metrics/nearest.png", (6, 2)), ("pairs.png", (12, 2))):
        assert Image.open(measured.parent / name).size == (rows[0] * 8, rows[1] * 8)
    told = {f"{name}.{f['metric']}" for name in result for f in ablation._figures(result[name])}
    for name, _ in ablation.MEASURES.values():  # all that chapters compare by is there
        of, rest = name.split(".", 1)
        assert (f"va.ratings.{rest}" if of == "rated" else f"{of}.scene.{rest}") in told
    with np.load(measured.with_suffix(".npz")) as arrays:
        assert {k: x.shape for k, x in arrays.items()} == dict.fromkeys(
            ("requested", "answered, scene", "answered, ratings"), (16, 2)
        )


def test_the_state_nearest_to_photos_is_kept_with_the_card_of_the_end(
    pyramid, judged, tiny_generator, tmp_path, monkeypatch
):
    pyramid.table["split"] = "probe"  # the others are too few
    monkeypatch.setattr(landscapes, "pyramid", lambda *_: pyramid)
    run, out, kept = tmp_path / "run", tmp_path / "choice.json", tmp_path / "kept.safetensors"
    header, tensors = read_checkpoint(tiny_generator, "m2l-generator")
    for name, images, scale in (
        ("snapshots/1", 8, 0.0),
        ("snapshots/2", 16, 1.0),
        ("end", 24, 0.0),
    ):
        path = run / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        # A generator that adds nothing up paints one grey.
        dull = {k: x * scale if "rgb" in k else x for k, x in tensors.items()}
        card = json.dumps({"what": name, "images": str(images)})
        write_checkpoint(path, dull, header | {"card": card})
    judge = judged / "scene.safetensors"
    evaluate.choose(out, kept, run, run / "end.safetensors", judge, n=16, draws=4)
    told = read(out)
    assert told["images"] == [8, 16, 24]
    distances = [state["ratings"]["frechet"]["value"] for state in told["states"]]
    assert told["kept"] == int(np.argmin(distances)) and distances[0] == distances[2]
    assert generate.load(kept).card == {"what": "end", "images": str(told["images"][told["kept"]])}
    with pytest.raises(InputError, match="its card tells no images"):
        evaluate.choose(out, kept, run, tiny_generator, judge, n=16, draws=4)


def test_baselines_are_scored_by_the_judge_that_did_not_choose(
    root, judged, tiny_generator, tmp_path
):
    out, judge = tmp_path / "baselines.json", judged / "scene.safetensors"
    evaluate.baselines(out, tiny_generator, judge, root=root, n=16, asked=9, of=3, draws=8)
    told = read(out)["answers"]
    assert set(told["best, chosen by scene"]) == {"ratings"}
    assert set(told["best, chosen by ratings"]) == {"scene"}
    for name in ("retrieval", "photo at random", "one picture"):
        assert set(told[name]) == {"scene", "ratings"}
        assert set(told[name]["scene"]["valence"]) == INTERVAL


def test_fid_has_its_dimensions_and_number_in_its_name(
    judges, pyramid, tiny_generator, monkeypatch
):
    seen = []

    def features(images, keep=False):
        seen.append((len(images), keep))
        return np.random.default_rng(len(seen)).normal(size=(len(images), 6))

    monkeypatch.setattr(metrics, "inception", features)
    painted = evaluate.paint(generate.load(tiny_generator), pyramid, 16)
    result = evaluate.measure(judges, pyramid, painted, inception=True)[0]
    told = result["likeness"]["inception"]
    assert set(told) == {"fid_2048_n16", "n", "kid", "density", "coverage", "precision"}
    assert seen == [(16, True), (16, True), (16, False)]  # what photos give is kept


def test_a_generator_that_ignores_the_request_is_found_out(judged, pyramid):
    """Pictures without regard to the emotion: no interval of a correlation lies above chance."""
    from m2l.gan.networks import Generator, Sizes
    from m2l.va import QuantileMap

    torch.manual_seed(0)
    network = Generator(Sizes(z=8, widths=(8, 6), condition="none")).eval().requires_grad_(False)
    va_map = QuantileMap(np.linspace([2, 2], [8, 8], 9).T)
    released = generate.Released(network, 8, 8, va_map, np.ones(2), {})
    judges = evaluate.Judges(scene.load(judged / "scene.safetensors"))  # one will do
    result = evaluate.measure(judges, pyramid, evaluate.paint(released, pyramid, 60))[0]
    for d in DIMENSIONS:
        assert abs(result["va"]["scene"]["grid"][d]["slope"]["value"]) < 1e-6
        assert abs(result["va"]["scene"]["random"][d]["r"]["value"]) < 0.3
    assert result["moods"]["kept"]["value"] == 1  # but for the scene, that is


def test_pixels_tell_a_copy_and_its_mirror_image():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    assert evaluate.pixels(images, images[:, :, ::-1]) == pytest.approx([1, 1, 1])
    assert max(evaluate.pixels(images, images[[1, 2, 0]])) < 0.5


def test_too_few_photos_to_judge_by(root, judged, tiny_generator, tmp_path):
    with pytest.raises(InputError, match="too few"):
        evaluate.model(
            tmp_path / "m.json", tiny_generator, judged / "scene.safetensors", root, n=8, limit=8
        )


# -- folders ---------------------------------------------------------------------------------


def pictures(folder, n, light):
    """A folder of noisy pictures of 24×16."""
    folder.mkdir()
    rng = np.random.default_rng(n)
    for i in range(n):
        pixels = rng.integers(light, light + 100, (16, 24, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_folders_are_compared_with_a_floor(judged, tmp_path):
    generated, real = pictures(tmp_path / "g", 14, 100), pictures(tmp_path / "r", 29, 20)
    (tmp_path / "g/notes.txt").touch()
    told = evaluate.folders(generated, real, judge=judged / "scene.safetensors")
    assert list(told) == ["scene"] and told["scene"]["n"] == 14
    frechet = told["scene"]["frechet"]
    assert frechet["generated"]["low"] > frechet["photos"]["high"]


def test_folders_that_cannot_be_compared(judged, tmp_path):
    real = pictures(tmp_path / "r", 20, 20)
    with pytest.raises(InputError, match="gone: no such folder"):
        evaluate.folders(tmp_path / "gone", real)
    with pytest.raises(InputError, match="20 and 20 images; give 12 or more, and twice"):
        evaluate.folders(real, real)
    (tmp_path / "text").mkdir()
    for i in range(12):
        (tmp_path / f"text/{i}.png").write_text("no picture")
    with pytest.raises(InputError, match="not a picture"):
        evaluate.folders(tmp_path / "text", pictures(tmp_path / "many", 24, 20))


def test_cells_are_the_thirds_of_the_plane():
    u = np.array([[-1, -1], [-1, 1], [0, 0], [1, -1], [1, 1]])
    assert evaluate._cells(u).tolist() == [0, 2, 4, 6, 8]


def test_the_released_training_names_the_headline():
    assert {v.removesuffix(", longer") for v in ablation.REST} <= set(presets.VARIANTS)
