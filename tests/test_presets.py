"""Presets: each named one loads, the milestone's is faithful, and what is wrong is refused."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from m2l.doors import settings
from m2l.errors import InputError
from m2l.gan import presets
from m2l.gan.networks import Critic
from m2l.gan.presets import VARIANTS, Preset, variant
from m2l.gan.projected import ProjectedCritic

NAMED = sorted((Path(presets.__file__).parents[2] / "params" / "gan").glob("*.yaml"))
SIZES = "sizes: {z: 4}\n"
STAGE = "stages: [{resolution: 4, images: 8}]\n"


@pytest.mark.parametrize("path", NAMED, ids=lambda p: p.stem)
def test_named_presets_load(path):
    preset = Preset.load(path.stem)
    assert preset == Preset.load(path) and preset.name == path.stem
    sides = [stage.resolution for stage in preset.stages]
    assert sides == sorted(sides)
    assert sides[-1] == preset.sizes.resolution(len(preset.sizes.widths) - 1)
    assert settings.read(Preset, json.loads(json.dumps(asdict(preset)))) == preset


def test_the_papers_preset_is_the_papers():
    preset = Preset.load("paper")
    assert preset.sizes.z == 100 and preset.sizes.eru_kernel == 3 and preset.heads is None
    assert [s.resolution for s in preset.stages] == [4, 8, 16, 32, 64, 128]
    assert {s.batch for s in preset.stages} == {16}
    assert preset.lr == preset.lr_critic == 1e-3
    assert (preset.gp_weight, preset.gp_interval) == (10, 1)
    assert (preset.afm_weight, preset.afm_form) == (100, "spatial")
    assert sum(s.epochs for s in preset.stages) == 1711
    assert [s.epochs for s in preset.stages[:-1]] == [10] * 5
    assert preset.stages[-1].fade * preset.stages[-1].epochs == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("name, kind", [("smoke", Critic), ("projected-smoke", ProjectedCritic)])
def test_a_preset_decides_which_critic_it_has(name, kind):
    preset = Preset.load(name)
    generator, critic = preset.networks()
    assert type(critic) is kind and generator.sizes == preset.sizes


def test_settings_can_be_changed_of_the_preset_and_of_its_sizes():
    preset = Preset.load("smoke", condition="ili", lr=0.5)
    assert (preset.sizes.condition, preset.lr) == ("ili", 0.5)
    assert replace(preset, lr=1e-3).changed(condition="eru") == Preset.load("smoke")
    with pytest.raises(InputError, match=r"smoke\.yaml: not a preset .*speed"):
        Preset.load("smoke", speed=3)
    with pytest.raises(InputError, match="no setting to change: stages; there are afm_form"):
        preset.changed(stages=[{"resolution": 4, "images": 320}])


def test_variants_differ_in_what_their_name_says():
    base, projected = Preset.load("smoke"), Preset.load("projected-smoke")
    made = {name: variant(base, name) for name in VARIANTS}
    assert made["full"] == base
    changed = {name for name in VARIANTS for b in (base, projected) if variant(b, name) != b}
    assert changed == set(VARIANTS) - {"full"}
    assert variant(projected, "reading 4").reading_weight == 4
    assert made["unconditional"].sizes.condition == "none"
    assert made["without AFM"].afm_weight == 0
    (only,) = made["non-progressive"].stages
    assert only.images == sum(s.images for s in base.stages) and only.fade == 0
    with pytest.raises(InputError, match="variant 'best': choose one of full"):
        variant(base, "best")


@pytest.mark.parametrize(
    "text, told",
    [
        (SIZES + "stages: []\n", "stages: none"),
        (SIZES + STAGE + "speed: 3\n", "unknown setting speed"),
        ("sizes: {depth: 4}\n" + STAGE, "unknown setting depth"),
        (STAGE, "missing setting sizes"),
        (SIZES + "stages: [{resolution: 4}]\n", "stage 4: give one of epochs"),
        (SIZES + "stages: [{resolution: 4, images: 8, minutes: 1}]\n", "give one of"),
        (SIZES + "stages: [{resolution: 4, images: 0}]\n", "images 0"),
        (SIZES + "stages: [{resolution: 12, images: 8}]\n", "resolution 12"),
        (SIZES + "stages: [{resolution: 4, images: 8, batch: 6}]\n", "batch 6: give a multiple"),
        (SIZES + "stages: [{resolution: 8, images: 8, side: 40}]\n", "side 40: give a multiple"),
        (SIZES + STAGE + "lr: 1e-3\n", "1.0e-3 rather than 1e-3"),
        (SIZES + STAGE + "lr: -1\n", "lr -1"),
        (SIZES + STAGE + "betas: [0, 2]\n", "betas"),
        (SIZES + STAGE + "frozen: 1\n", "a valid boolean"),
        (SIZES + STAGE + "gp_interval: 0\n", "gp_interval 0"),
        (SIZES + STAGE + "afm_form: x\n", "afm_form"),
        (SIZES + STAGE + "augment: blur\n", "augment 'blur'"),
        (SIZES + STAGE + "heads: {}\n", "wants gp_weight 0"),
        (SIZES + STAGE + "heads: {mixed: [8, 8]}\n", "mixed"),
        ("", "missing setting"),
        ("sizes: [", "not a readable YAML file"),
        (SIZES + STAGE + "lr: 0.1\nlr: 0.2\n", "lr stands twice"),
    ],
)
def test_a_wrong_preset_is_told_in_one_line(tmp_path, text, told):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        Preset.load(tmp_path / "mine.yaml")
    assert "mine.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_no_preset_at_all(tmp_path):
    with pytest.raises(InputError, match=r"preset 'papr'.*laptop, .*paper"):
        Preset.load("papr")
    for content, told in ((bytes(range(128, 256)), "not a readable YAML"), (b"- 1", "by name")):
        (tmp_path / "mine.yaml").write_bytes(content)
        with pytest.raises(InputError, match=rf"mine\.yaml: .*{told}"):
            Preset.load(tmp_path / "mine.yaml")
