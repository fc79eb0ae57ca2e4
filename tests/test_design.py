"""The design of the user study: balance, codes, checks, and the page made from its settings."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from m2l.errors import InputError
from m2l.people import design as study
from m2l.people import preregistration

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def config():
    return study.settings()


@pytest.fixture(scope="module")
def plan():
    """40 persons, two decks of 20 songs: a complete square in each deck."""
    return study.assign(40, 40, 20, seed=3)


@pytest.fixture(scope="module")
def made(config):
    return study.design(config)


def roles(plan):
    """Every (picture, role) of a plan: the rated, matched, shuffled and compared pictures."""
    images = plan[plan["block"] == "images"].assign(role="rated", picture=lambda d: d["song"])
    rows = [images[["participant", "system", "picture", "role"]]]
    choices = plan[plan["block"] == "choices"]
    for side in ("left", "right"):
        own = choices[f"{side}_song"] == choices["song"]
        matched = choices["system"] >= 0
        role = np.where(~matched, "compared", np.where(own, "matched", "shuffled"))
        part = choices.assign(
            role=role, picture=choices[f"{side}_song"], system=choices[f"{side}_system"]
        )
        rows.append(part[["participant", "system", "picture", "role"]])
    return pd.concat(rows, ignore_index=True)


def chosen(plan):
    """Choices between a matched and a shuffled picture, and between two systems."""
    choices = plan[plan["block"] == "choices"]
    return choices[choices["system"] >= 0], choices[choices["system"] < 0]


def spread(counts, cells):
    """The largest less the smallest of counts, where `cells` of them there could be."""
    assert len(counts) <= cells
    return counts.max() - (counts.min() if len(counts) == cells else 0)


def test_everyone_sees_every_picture_of_their_songs_once(plan):
    seen = roles(plan)
    assert not seen.duplicated(["participant", "system", "picture"]).any()
    assert (seen.value_counts("participant") == 5 * 20).all()


@pytest.mark.parametrize("people", [1, 3, 7, 13, 20, 33, 40, 97])
def test_pictures_are_used_equally_often_up_to_one_however_many_came(people):
    plan = study.assign(people, 20, seed=1)
    seen, (_, pairs) = roles(plan), chosen(plan)
    for role in ("rated", "matched", "shuffled"):
        counts = seen[seen["role"] == role].value_counts(["system", "picture"])
        assert spread(counts, 5 * 20) <= 1
    both = pairs[["left_system", "right_system"]]
    pairs = pairs.assign(a=both.min(axis=1), b=both.max(axis=1))
    assert spread(pairs.value_counts(["song", "a", "b"]), 20 * 10) <= 1


def test_a_person_meets_all_systems_and_both_sides_equally_often(plan):
    for block in ("images", "choices"):
        rows = plan[(plan["block"] == block) & (plan["system"] >= 0)]
        assert set(rows.value_counts(["participant", "system"])) == {4}
    matched, pairs = chosen(plan)
    left = matched["left_song"] == matched["song"]
    assert (left.groupby([matched["participant"], matched["system"]]).mean() == 0.5).all()
    first = pairs["left_system"] < pairs["right_system"]
    assert (first.groupby(pairs["participant"]).mean() == 0.5).all()


def test_sides_are_balanced_over_persons():
    matched, pairs = chosen(study.assign(40, 20, seed=2))
    left = matched["left_song"] == matched["song"]
    assert (left.groupby([matched["song"], matched["system"]]).mean() == 0.5).all()
    sides = pd.crosstab(pairs["left_system"], pairs["right_system"])
    assert (sides.to_numpy() == sides.to_numpy().T).all()


def test_a_shuffled_picture_is_of_another_song_by_the_same_system(plan):
    matched, pairs = chosen(plan)
    assert (matched["left_song"] != matched["right_song"]).all()
    assert (matched["left_system"] == matched["right_system"]).all()
    assert (pairs["left_system"] != pairs["right_system"]).all()
    for side in ("left", "right"):
        assert (pairs[f"{side}_song"] == pairs["song"]).all()


@pytest.mark.parametrize("block", ["images", "songs"])
def test_order_is_a_williams_square(block):
    rows = study.assign(20, 20).query("block == @block")
    orders = np.array([person["song"] for _, person in rows.groupby("participant")])
    assert all(len(set(place)) == 20 for place in orders.T)  # every song at every place
    after = [pair for row in orders for pair in pairwise(row)]
    assert len(set(after)) == len(after) == 20 * 19  # and after every other, once


def test_the_seed_decides(plan, config):
    pd.testing.assert_frame_equal(plan, study.assign(40, 40, 20, seed=3))
    assert not plan.equals(study.assign(40, 40, 20, seed=4))
    small = config | {"participants": 2, "reserve": 0}
    assert study.design(small) == study.design(small)
    one, two = (study.design(small | {"seed": s})["participants"][0]["code"] for s in (1, 2))
    assert one != two


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0, 20), "1 or more"),
        ((4, 15), "multiple of 10"),
        ((4, 0), "multiple of 10"),
        ((4, 30, 20), "no multiple of the 20"),
        ((4, 40, 8), "multiple of 10"),
    ],
)
def test_unbalanced_counts_are_refused(counts, message):
    with pytest.raises(InputError, match=message):
        study.assign(*counts)


# -- the design file -------------------------------------------------------------------------


def test_design_keeps_its_contract(made, config):
    assert (made["format"], made["version"]) == ("m2l-study", 1)
    assert made == json.loads(json.dumps(made))
    assert len(made["participants"]) == config["participants"] + config["reserve"]
    assert len(made["images"]) == 5 * len(made["songs"]) == 5 * config["songs"]
    person = made["participants"][0]
    assert [b["name"] for b in person["blocks"]] == ["images", "songs", "choices"]
    ids = [t["id"] for b in person["blocks"] for t in b["trials"]]
    assert ids == [f"t{i:03d}" for i in range(1, 85)]
    for block, kind in zip(person["blocks"], ("rate_image", "rate_song", "choose"), strict=True):
        assert {t["kind"] for t in block["trials"]} == {kind, "check"}
    assert not any("{" in p for p in made["consent"] + made["debriefing"])


def test_codes_and_numbers_tell_nothing(made):
    codes = [p["code"] for p in made["participants"]]
    assert len(set(codes)) == len(codes)
    assert all(len(c) == 12 and set(c) <= set(study._ALPHABET) for c in codes)
    systems = [image["system"] for _, image in sorted(made["images"].items())]
    runs = sum(a != b for a, b in pairwise(systems))
    assert runs > 0.7 * len(systems)  # a random order has four fifths, a listing hardly any


def test_trials_of_a_design_are_those_of_the_plan(made, config):
    table = study.trials(made)
    people = config["participants"] + config["reserve"]
    plan = study.assign(people, config["songs"], 20, config["seed"])
    real = table[table["kind"] != "check"].reset_index(drop=True)
    assert (real["block"] == plan["block"]).all()
    names = list(made["songs"])
    assert (real["song"] == [names[i] for i in plan["song"]]).all()
    for column in ("left_system", "right_system"):
        assert (pd.Categorical(real[column], study.SYSTEMS).codes == plan[column]).all()
    assert table.groupby("participant")["position"].apply(list).map(len).eq(84).all()


def test_checks_ask_for_what_they_say(made, config):
    asked = set()
    for person in made["participants"]:
        for block in person["blocks"]:
            at = [i for i, t in enumerate(block["trials"]) if t["kind"] == "check"]
            assert len(at) == config["checks"][block["name"]] and min(at) >= 3
            for i in at:
                check = block["trials"][i]
                asked.add(tuple(check["ask"].values()))
                ends = ["right" if check["ask"][d] == 9 else "left" for d in study.DIMENSIONS]
                first, second = check["text"].split("pleasantness")
                assert ends[0] in first and ends[1] in second.split("excitement")[0]
    assert asked == {(1, 1), (1, 9), (9, 1), (9, 9)}


def test_stimuli_come_into_the_design(config, tmp_path):
    small = config | {"participants": 2, "songs": 10, "songs_each": 10}
    found = study.placeholders(10, 15, seed=5) | {"stand_ins": []}
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "stimuli.json").write_text(json.dumps(found | {"sources": {}}))
    made = study.design(small, study.stimuli(tmp_path / "media" / "stimuli.json", tmp_path))
    assert made["songs"]["s01"]["src"] == "media/songs/s01.ogg"
    del found["images"]["i007"]
    with pytest.raises(InputError, match="no picture or song for"):
        study.design(small, found)
    with pytest.raises(InputError, match="for song 20 of 20"):
        study.design(small | {"songs": 20}, study.placeholders(10, 15))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "m2l-study", "version": 2}', "no"])
def test_what_is_no_design_is_refused(text, tmp_path):
    (tmp_path / "design.json").write_text(text)
    with pytest.raises(InputError, match="not a design file"):
        study.load(tmp_path / "design.json")
    with pytest.raises(InputError, match="no list of stimuli"):
        study.stimuli(tmp_path / "design.json", tmp_path)


# -- settings and preregistration ------------------------------------------------------------


def test_settings_may_be_changed_and_must_be_known(config, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(config | {"songs": 60}))
    assert study.settings(path)["songs"] == 60
    assert study.settings(participants=7, songs=None) == config | {"participants": 7}
    path.write_text(yaml.safe_dump(config | {"sogns": 60}))
    with pytest.raises(InputError, match="sogns"):
        study.settings(path)
    path.write_text("a: [")
    with pytest.raises(InputError, match="not a readable YAML"):
        study.settings(path)
    with pytest.raises(InputError, match="not a readable YAML"):
        study.settings(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    "name, value",
    [
        ("participants", -3),
        ("checks", {"images": 2}),
        ("confirmatory", ["H9"]),
        ("consent", "text"),
        ("rules", []),
        ("power", {"draws": 0}),
        ("assumed", None),
    ],
)
def test_settings_are_checked_in_type_and_range(config, tmp_path, name, value):
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(config | {name: value}))
    with pytest.raises(InputError, match=rf"own\.yaml: .*{name}"):
        study.settings(path)


@pytest.fixture(scope="module")
def planned():
    return json.loads((ROOT / "results" / "study.json").read_text())


def test_the_page_of_the_book_is_that_of_the_settings(config, planned):
    page = (ROOT / "book" / "preregistration.md").read_text()
    assert page == preregistration.write(config, planned), "run 'm2l study preregister'"


def test_the_preregistration_holds_what_binds(config, planned):
    page = " ".join(preregistration.write(config, planned).split())
    for text in (*study.HYPOTHESES.values(), *config["consent"][1:3], *config["debriefing"][1:]):
        assert " ".join(text.split()) in page.replace("> ", "")
    for words in ("Stopping rule", "simulated", "excluded who", "Ethics approval", "Right to show"):
        assert words.lower() in page.lower()
    assert f"{config['participants']} participants are complete" in page and "$" not in page


def test_the_preregistration_is_of_its_own_settings(config, planned):
    with pytest.raises(InputError, match="other settings"):
        preregistration.write(config | {"alpha": 0.01}, planned)
    given = config | {"approval": "Board, 12/2026", "rights": "CC BY 4.0"}
    assert "Approval: Board, 12/2026." in preregistration.write(given, planned)


def test_what_is_confirmatory_has_the_power_for_it(config, planned):
    """80 % at least at the planned size, for a rate no higher than the measured one allows."""
    row = next(
        r
        for r in planned["power"]
        if (r["participants"], r["songs"]) == (config["participants"], config["songs"])
        and (r["factor"], r["agreement"]) == (1.0, config["assumed"]["agreement"])
    )
    assert all(row[name] >= 0.8 for name in config["confirmatory"])
    assert config["assumed"]["matched"]["full"] <= planned["measured"]["high"]
