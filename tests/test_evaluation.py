"""Judge, generator, folders and the whole way on small made-up corpora; and what they write."""

import numpy as np
import pytest
import torch
from PIL import Image
from test_stages import read, write_features, write_study

from m2l import generate, stats
from m2l.errors import InputError
from m2l.experiments import ablation, stages
from m2l.experiments import evaluation as evaluate
from m2l.gan import training
from m2l.judge import metrics, scene
from m2l.music import forest
from m2l.music import rivals as models
from m2l.va import DIMENSIONS

torch.set_num_threads(1)

INTERVAL = {"value", "low", "high"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def cache(root, monkeypatch):
    monkeypatch.setenv("M2L_CACHE", str(root / "cache"))
    monkeypatch.setattr(stats, "DRAWS", 8)


@pytest.fixture(scope="module")
def judged(root, tmp_path_factory):
    """Folder with the result and the weights of a judge that has hardly learnt."""
    folder = tmp_path_factory.mktemp("judge")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("M2L_CACHE", str(root / "cache"))
        patch.setattr(stats, "DRAWS", 8)
        evaluate.judge(folder / "scene.json", folder / "scene.safetensors", root, epochs=2)
    return folder


# -- the judge -------------------------------------------------------------------------------


def test_the_judge_is_tested_on_photos_it_has_not_seen(judged):
    result = read(judged / "scene.json")
    assert (result["photos"], result["tested"]) == (9, 6)
    assert set(result["resolutions"]) == {"16", "32", "64", "128"}
    told = result["resolutions"]["32"]
    assert set(told["accuracy"]) == INTERVAL and set(told["valence"]["ccc"]) == INTERVAL
    assert np.sum(result["confusion"]) == 6 and result["people"] is None  # without OASIS
    net = scene.load(judged / "scene.safetensors")
    assert net.scenes == result["scenes"] == ["sea", "wood"]
    assert result["bytes"] == (judged / "scene.safetensors").stat().st_size < 5e6


def test_photos_are_read_once_for_each_network_and_resolution(root, judged, monkeypatch):
    net, pyramid = scene.load(judged / "scene.safetensors"), stages.landscapes(root)
    first = evaluate.read_photos(net, pyramid, 8)
    assert [x.shape for x in first] == [(54, 128), (54, 2), (54, 5)]
    monkeypatch.setattr(scene, "look", None)
    for one, again in zip(first, evaluate.read_photos(net, pyramid, 8), strict=True):
        np.testing.assert_array_equal(one, again)
    with pytest.raises(TypeError):
        evaluate.read_photos(net, pyramid, 16)
    with torch.no_grad():
        net.va.bias += 1
    with pytest.raises(TypeError):
        evaluate.read_photos(net, pyramid, 8)


# -- a generator -----------------------------------------------------------------------------


def test_a_generator_is_measured_from_all_sides(root, judged, tiny_generator, tmp_path):
    out = tmp_path / "metrics.json"
    evaluate.model(out, tiny_generator, judged / "scene.safetensors", root, n=16)
    result = read(out)
    assert (result["n"], result["resolution"]) == (16, 8)
    (space,) = result["likeness"]  # without Inception there is one
    figures = result["likeness"][space]
    assert figures["n"] == 16
    for name in ("frechet", "kid", "density", "coverage"):
        assert set(figures[name]["generated"]) & set(figures[name]["photos"]) >= INTERVAL
    assert figures["frechet"]["generated"]["value"] > figures["frechet"]["photos"]["value"]
    for name in ("overall", "cell"):
        assert set(result["diversity"][name]) == {"generated", "photos", "ratio"}
    for d in DIMENSIONS:
        assert set(result["va"]) == {"random", "grid", "photos", "shuffled"}
        assert {"mae", "r", "ccc", "spearman", "slope"} == set(result["va"]["grid"][d])
        assert set(result["colour"][d]["generated"]) == {"r", "left", "probe"}
        assert set(result["looks"]["generated"]["warmth"][d]) == INTERVAL
    assert np.shape(result["grid"]["answered"]) == (7, 7, 2)
    assert [set(x) for x in result["nearest"]] == [{"seed", "distance", "photo"}] * 12
    assert Image.open(tmp_path / "metrics/nearest.png").size == (6 * 8, 2 * 8)
    assert not any("fid" in key for key in result["likeness"])
    told = {f"{name}.{f['metric']}" for name in result for f in ablation._figures(result[name])}
    for name, _ in ablation.MEASURES.values():  # all that chapters compare by is there
        assert name.replace("likeness.", "likeness.scene.") in told
    with np.load(tmp_path / "metrics.npz") as arrays:
        assert arrays["requested"].shape == arrays["answered"].shape == (16, 2)


def test_fid_has_its_dimensions_and_number_in_its_name(root, judged, tiny_generator, monkeypatch):
    seen = []

    def features(images, weights, keep=False):
        seen.append((len(images), keep))
        return np.random.default_rng(len(seen)).normal(size=(len(images), 6))

    monkeypatch.setattr(metrics, "inception", features)
    net, pyramid = scene.load(judged / "scene.safetensors"), stages.landscapes(root)
    released = generate.load(tiny_generator)
    result, _, _ = evaluate.measure(net, pyramid, released, 16, inception="weights")
    told = result["likeness"]["inception"]
    assert set(told) == {"fid_2048_n16", "n", "kid", "density", "coverage"}
    assert set(told["fid_2048_n16"]) == {"generated", "photos"}
    assert seen == [(16, True), (16, True), (16, False)]  # what photos give is kept


def test_the_seed_alone_decides_what_is_measured(root, judged, tiny_generator):
    net, pyramid = scene.load(judged / "scene.safetensors"), stages.landscapes(root)
    released = generate.load(tiny_generator)
    one, again, other = (
        evaluate.measure(net, pyramid, released, 16, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert one == again != other


def test_a_generator_that_ignores_the_request_is_found_out(root, judged):
    """Pictures without regard to the emotion: no interval of a correlation lies above chance."""
    from m2l.gan.networks import Generator, Sizes
    from m2l.va import QuantileMap

    torch.manual_seed(0)
    network = Generator(Sizes(z=8, widths=(8, 6), condition="none")).eval().requires_grad_(False)
    va_map = QuantileMap(np.linspace([2, 2], [8, 8], 9).T)
    released = generate.Released(network, None, 8, va_map, {})
    net, pyramid = scene.load(judged / "scene.safetensors"), stages.landscapes(root)
    result, _, _ = evaluate.measure(net, pyramid, released, 60)
    for d in DIMENSIONS:
        assert abs(result["va"]["grid"][d]["slope"]["value"]) < 1e-6
        assert abs(result["va"]["random"][d]["r"]["value"]) < 0.3
    # One request, many scenes; one scene, many requests.
    same = result["diversity"]["same"]
    assert same["other scene"]["value"] > 0 and same["other request"]["value"] < 1e-6


def test_too_few_photos_to_judge_by(root, judged, tiny_generator, tmp_path):
    with pytest.raises(InputError, match="too few"):
        evaluate.judge(tmp_path / "s.json", tmp_path / "s.safetensors", root, limit=2)
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


# -- from the song to the picture ------------------------------------------------------------


def test_the_whole_way(root, judged, tiny_generator, song, tmp_path, monkeypatch):
    monkeypatch.setattr(
        models, "tuned_forest", lambda seed, *_: forest.default_forest(seed, n_estimators=9)
    )
    features = write_features(root, tmp_path)
    for clip in (root / "music/4Q-TAFFC/audio/Q1").glob("*.ogg"):
        clip.write_bytes(song.read_bytes())
    out = tmp_path / "end_to_end.json"
    evaluate.end_to_end(
        out,
        features,
        root,
        tiny_generator,
        judged / "scene.safetensors",
        folds=3,
        pictures=2,
        uncertain=6,
        draws=5,
        timed=2,
    )
    result = read(out)
    assert (result["songs"], result["artists"], result["pictures"]) == (30, 10, 2)
    # Feature 0 tells the valence, so the forest follows the label.
    assert result["forest"]["valence"]["r"]["low"] > 0.3
    assert set(result["matched"]) == {"one picture", "mean of pictures", "shuffled"}
    assert 0 < result["shuffled"]["valence"]["p"] <= 1
    assert result["shuffled"]["arousal"]["low"] < 0 < result["shuffled"]["arousal"]["high"]
    for d in DIMENSIONS:
        assert set(result["uncertainty"][d]["share"]) == INTERVAL
        assert 0 <= result["uncertainty"][d]["share"]["value"] <= 1
    assert result["seconds"]["songs"] == 2
    assert all(result["seconds"][k]["cpu"] > 0 for k in ("features", "forest", "picture"))
    assert Image.open(tmp_path / "end_to_end/uncertainty.png").size == (6 * 8, 3 * 8)
    with np.load(tmp_path / "end_to_end.npz") as arrays:
        assert arrays["label, asked, seen, mean"].shape == (30, 8)


def test_the_way_needs_features_of_labelled_songs(root, tmp_path):
    (tmp_path / "f.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="run 'm2l features'"):
        evaluate.end_to_end(tmp_path / "e.json", tmp_path / "f.parquet", root)


def test_cells_are_the_thirds_of_the_plane():
    u = np.array([[-1, -1], [-1, 1], [0, 0], [1, -1], [1, 1]])
    assert evaluate._cells(u).tolist() == [0, 2, 4, 6, 8]


def test_the_released_training_names_the_headline():
    assert ablation.HEADLINE == training.BASELINES
    assert {v.removesuffix(", longer") for v in ablation.REST} <= set(training.VARIANTS)
