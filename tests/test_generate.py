"""From an emotion or a song to pictures: shapes, seeds, quantiles, and files that are refused."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import m2l
from m2l import generate
from m2l.errors import InputError
from m2l.music import ear

torch.set_num_threads(1)


@pytest.fixture
def paint(tiny_generator):
    return lambda *a, **k: generate.landscapes(*a, weights=tiny_generator, **k)


def test_pictures_are_uint8_and_arguments_broadcast(paint):
    one = paint(5, 5)
    assert one.shape == (1, 8, 8, 3) and one.dtype == np.uint8
    assert paint([2, 5, 8], 5).shape == (3, 8, 8, 3)
    assert paint(5, 5, seed=range(4)).shape == (4, 8, 8, 3)
    table = paint([[2], [8]], [3, 5, 7])
    assert table.shape == (6, 8, 8, 3)
    np.testing.assert_allclose(table[4], paint(8, 5)[0], atol=1)  # row by row


def test_a_seed_is_the_same_scene_wherever_it_stands(paint):
    together = paint(6, 4, seed=[3, 1, 4, 1, 5])
    np.testing.assert_allclose(together[1], together[3], atol=1)
    for i, seed in enumerate([3, 1, 4, 1, 5]):
        np.testing.assert_allclose(paint(6, 4, seed=seed)[0], together[i].astype(int), atol=1)
    twos = paint(6, 4, seed=[3, 1, 4, 1, 5], batch=2)
    np.testing.assert_allclose(twos, together.astype(int), atol=1)


def test_the_same_call_gives_the_same_bits_and_leaves_the_global_generator_alone(
    paint, tiny_generator, tmp_path
):
    torch.manual_seed(1)
    one = paint(6, 4, seed=[1, 2])
    torch.manual_seed(2)
    np.testing.assert_array_equal(one, paint(6, 4, seed=[1, 2]))
    want = torch.rand(3)
    torch.manual_seed(2)
    generate.load(shutil.copy(tiny_generator, tmp_path / "copy.safetensors"))
    assert torch.equal(torch.rand(3), want)


def test_of_several_scenes_the_one_that_suits_the_emotion_is_kept(paint):
    from m2l.judge import scene

    asked, net = np.array([[7.0, 5.5], [3.0, 3.0]]), scene.load()
    one, best = (paint(*asked.T, seed=[4, 9], of=k) for k in (1, 16))
    np.testing.assert_array_equal(one, paint(*asked.T, seed=[4, 9]))

    def off(images, wanted):
        return np.linalg.norm((scene.look(net, images)[2] - wanted) / net.va_sd.numpy(), axis=1)

    for picture, own, wanted, seed in zip(best, one, asked, [4, 9], strict=True):
        tried = paint(*wanted, seed=seed + generate.OTHERS * np.arange(16))
        apart = np.abs(tried.astype(int) - picture).max((1, 2, 3))
        assert apart.min() <= 1 and off(tried, wanted)[apart.argmin()] == off(tried, wanted).min()
        assert off(picture[None], wanted) <= off(own[None], wanted)


def test_seeds_and_emotions_change_the_picture(paint):
    a, b = paint(5, 5, seed=[0, 1]).astype(int)
    assert np.abs(a - b).mean() > 1
    assert (paint(2, 5) != paint(8, 5)).any() and (paint(5, 2) != paint(5, 8)).any()
    # Emotions beyond the photos are the photos' last: labels run from 2 to 8.
    np.testing.assert_array_equal(paint(1, 5), paint(1.5, 5))


@pytest.mark.parametrize(
    ("valence", "arousal", "match"),
    [
        (0.9, 5, "valence 0.9"),
        (5, 9.1, "arousal 9.1"),
        (float("nan"), 5, "valence nan"),
        ([5, 5, 12], [5, 5, 5], "valence 12"),
        ([1, 2], [1, 2, 3], "broadcast"),
        ("happy", 5, "give numbers"),
    ],
)
def test_emotions_outside_the_scale_are_refused(paint, valence, arousal, match):
    with pytest.raises(InputError, match=match):
        paint(valence, arousal)


def test_the_module_can_be_called(song, tiny_forest, tiny_generator, monkeypatch):
    np.testing.assert_array_equal(
        m2l.generate(7, 3, seed=[1, 2], weights=tiny_generator),
        generate.landscapes(7, 3, seed=[1, 2], weights=tiny_generator),
    )
    monkeypatch.setattr(ear, "load", lambda model="ear": tiny_forest)
    assert m2l.generate(song, seed=[1, 2], weights=tiny_generator).shape == (2, 8, 8, 3)


# -- files -----------------------------------------------------------------------------------


def rewrite(source, to, header=None, **tensors):
    """Copy a generator's file with some of it changed; None leaves a part out."""
    with safe_open(source, "pt") as file:
        head = file.metadata() | (header or {})
        body = {k: file.get_tensor(k) for k in file.keys()} | tensors  # noqa: SIM118
    save_file(
        {k: v for k, v in body.items() if v is not None},
        to,
        {k: v for k, v in head.items() if v is not None},
    )
    return to


def sizes(**changes):
    return json.dumps({"z": 8, "widths": [8, 6], "eru_kernel": 3} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"format": "m2l-run"}},
        {"header": {"format": None}},
        {"header": {"resolution": "1024"}},
        {"header": {"resolution": "7"}},
        {"header": {"resolution": "eight"}},
        {"header": {"sizes": sizes(z=9)}},
        {"header": {"sizes": sizes(widths=[8])}},
        {"header": {"sizes": sizes(widths=[])}},
        {"header": {"sizes": sizes(widths=8)}},
        {"header": {"sizes": sizes(depth=3)}},
        {"header": {"sizes": "{"}},
        {"header": {"sizes": None}},
        {"header": {"card": "{"}},
        {"va_knots": None},
        {"va_knots": torch.tensor([[9.0, 1], [1, 9]])},
        {"dense.bias": torch.full((128,), torch.nan)},
        {"dense.bias": None},
        {"dense.bias": torch.zeros(3)},
        {"stranger": torch.zeros(3)},
    ],
    ids=str,
)
def test_tampered_files_are_refused(tiny_generator, tmp_path, changes):
    path = rewrite(tiny_generator, tmp_path / "g.safetensors", **changes)
    with pytest.raises(InputError) as error:
        generate.landscapes(5, 5, weights=path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_broken_files_are_refused(tiny_generator, tmp_path):
    path = tmp_path / "g.safetensors"
    with pytest.raises(InputError, match="m2l gan train"):
        generate.load(path)
    whole = tiny_generator.read_bytes()
    for content in (b"", b"a picture of a lake", whole[:100], whole[:-1], whole + b"more"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="restore it") as error:
            generate.load(path)
        assert "\n" not in str(error.value)


def test_a_file_that_changed_is_read_again(tiny_generator, tmp_path):
    path = tmp_path / "g.safetensors"
    rewrite(tiny_generator, path, {"card": '{"what": "first"}'})
    assert generate.load(path).card == {"what": "first"}
    assert generate.load(path) is generate.load(str(path))
    path.unlink()
    rewrite(tiny_generator, path, {"card": '{"what": "second"}'})
    assert generate.load(path).card == {"what": "second"}


# -- songs -----------------------------------------------------------------------------------


def test_carrying_over_keeps_the_order_and_the_median(tiny_forest, tiny_generator):
    released = generate.load(tiny_generator)
    rising = np.linspace([1, 1], [9, 9], 50)
    carried = generate.carry(rising, tiny_forest, released)
    assert (np.diff(carried, axis=0) >= 0).all()
    middle = tiny_forest.va_map.inverse(np.zeros(2))
    np.testing.assert_allclose(
        generate.carry(middle, tiny_forest, released), released.va_map.inverse(np.zeros(2))
    )
    ends = generate.carry(rising[[0, -1]], tiny_forest, released)
    np.testing.assert_allclose(ends, released.va_map.knots[:, [0, -1]].T)


def test_a_song_becomes_landscapes(song, tiny_forest, tiny_generator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images, felt = generate.from_song(song, [1, 2], tiny_generator, tiny_forest)
    assert images.shape == (2, 8, 8, 3)
    told = ear.predict(song, tiny_forest).iloc[0]
    assert felt[told.index].equals(told)
    asked = felt[["landscape_valence", "landscape_arousal"]].to_numpy(float)
    np.testing.assert_allclose(
        asked,
        generate.carry(told[["valence", "arousal"]], tiny_forest, generate.load(tiny_generator)),
    )
    np.testing.assert_array_equal(
        images, generate.landscapes(*asked, [1, 2], tiny_generator, of=generate.OF)
    )


def test_pictures_spread_over_what_a_song_may_be(song, tiny_forest, tiny_generator, monkeypatch):
    asked = []
    paint = generate.paint
    monkeypatch.setattr(generate, "paint", lambda u, *a, **k: asked.append(u) or paint(u, *a, **k))
    seeds = np.arange(200)
    several = {"weights": tiny_generator, "model": tiny_forest, "of": 1}
    images, felt = generate.from_song(song, seeds, spread=True, **several)
    assert images.shape == (200, 8, 8, 3) and asked[0].shape == (200, 2)
    # A song of which little is known may be anything that songs are, and so may its pictures.
    assert asked[0].std(0).min() > 0.4 and np.abs(asked[0].mean(0)).max() < 0.5
    released = generate.load(tiny_generator)
    np.testing.assert_allclose(
        felt[["landscape_valence", "landscape_arousal"]].to_numpy(float),
        released.va_map.inverse(asked[0]).mean(0),
        atol=0.05,
    )
    again, _ = generate.from_song(song, seeds, spread=True, **several)
    np.testing.assert_array_equal(images, again)
    one, _ = generate.from_song(song, 0, spread=True, **several)
    np.testing.assert_allclose(one[0], images[0].astype(int), atol=1)
    generate.from_song(song, seeds, **several)
    assert asked[-1].shape == (2,)


# -- the released generator ------------------------------------------------------------------


def test_the_package_ships_a_generator():
    released = generate.load()
    side = released.resolution
    assert side >= 16
    images = generate.landscapes([2, 8], [3, 7], seed=1)
    assert images.shape == (2, side, side, 3)
    assert images.std(axis=(1, 2)).min() > 2  # no flat pictures
    assert np.abs(images[0].astype(int) - images[1]).mean() > 2
    assert (released.va_map.knots >= 1).all() and (released.va_map.knots <= 9).all()
    assert {"what", "data", "training", "use"} <= set(released.card)
    assert generate.WEIGHTS.stat().st_size < 60e6


def test_the_shipped_weights_paint_a_song(song):
    images, felt = generate.from_song(song)
    assert len(images) == 1
    assert 1 <= felt["landscape_valence"] <= 9 and 1 <= felt["landscape_arousal"] <= 9
