"""The shared drawings: what they put where."""

import base64
import io
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile

from m2l import figures
from m2l.va import DIMENSIONS


@pytest.fixture
def ax():
    with plt.rc_context():
        yield plt.subplots()[1]
        plt.close("all")


def test_the_plane_covers_the_scale_and_names_its_quadrants(ax):
    assert figures.va_plane(ax) is ax
    assert ax.get_xlim() == ax.get_ylim() == (1, 9)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("valence", "arousal")
    for text in ax.texts:
        x, y = text.get_position()
        assert ("unpleasant" in text.get_text()) == (x < 5)
        assert ("excited" in text.get_text()) == (y > 5)
    assert len(ax.texts) == 4


def test_density_has_valence_to_the_right_and_leaves_empty_cells_blank(ax):
    histogram = np.zeros((8, 8))
    histogram[6, 1] = 3  # valence 7–8, arousal 2–3
    figures.density(ax, histogram, {"Q1": 0.5, "Q3": 0.125})
    (mesh,) = ax.collections
    values = np.ma.filled(mesh.get_array().astype(float), np.nan).reshape(8, 8)
    assert np.argwhere(np.isfinite(values)).tolist() == [[1, 6]]  # rows are arousal
    told = {text.get_text(): text.get_position() for text in ax.texts}
    assert list(told) == ["50\u00a0%", "12\u00a0%"]
    assert min(told["50\u00a0%"]) > 5 > max(told["12\u00a0%"])


def test_series_by_dimension_stand_apart_in_the_same_rows(ax):
    def one(value):
        return {d: {"low": value - 1, "value": value, "high": value + 2} for d in DIMENSIONS}

    series = {"x": {"a": one(1), "b": one(2)}, "y": {"a": one(3), "b": one(4)}}
    chance = {d: {"low": -1, "high": 1} for d in DIMENSIONS}
    figure = figures.by_dimension(series, "change", chance)
    assert [one.get_title() for one in figure.axes] == list(DIMENSIONS)
    for one in figure.axes:
        assert [t.get_text() for t in one.get_yticklabels()] == ["a", "b"]
        assert one.yaxis_inverted()
        bars = [c for c in one.collections if hasattr(c, "get_segments")]
        spans = [np.asarray(s)[:, 0].tolist() for c in bars for s in c.get_segments()]
        assert spans == [[0, 3], [1, 4], [2, 5], [3, 6]]
        marks = {line.get_marker() for line in one.lines if len(line.get_xdata()) == 2} & {"o", "s"}
        assert marks == {"o", "s"}
    assert len(figure.legends) == 1


def test_pictures_are_laid_out_in_rows_without_axes(ax):
    images = np.zeros((5, 8, 8, 3), np.uint8)
    figure = figures.pictures(images, columns=3, titles=list("abcde"))
    assert len(figure.axes) == 6
    assert [len(one.images) for one in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert not any(one.axison for one in figure.axes)
    assert figure.axes[3].get_title() == "d"
    assert len(figures.pictures(images).axes) == 5


FRAME = pd.DataFrame(
    {"corpus": ["a"], "songs": [1802], "r": [-0.456], "sd": [np.nan], "met": [True]}
)


def test_a_table_shows_its_numbers_as_a_reader_wants_them():
    html = figures.table(FRAME, "Songs and scores")._repr_html_()
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert cells == ["a", "1,802", "−0.46", "–", "True"]
    assert "<caption>Songs and scores</caption>" in html


def test_a_table_is_one_of_the_book_with_a_name_to_refer_to():
    text = figures.table(FRAME[["corpus", "r"]], "Scores", decimals=1, name="tab-x")
    assert text._repr_markdown_().splitlines() == [
        "~~~~{list-table} Scores",
        ":header-rows: 1",
        ":name: tab-x",
        "",
        "* - corpus",
        "  - r",
        "* - a",
        "  - −0.5",
        "~~~~",
    ]


def test_players_carry_their_sound():
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32) / 2
    html = figures.players({"calm": tone, "wild": tone}).data
    assert html.count("<audio") == 2 and 'aria-label="wild"' in html
    sound = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    heard, rate = soundfile.read(io.BytesIO(sound))
    assert rate == 22050 and len(heard) / rate == pytest.approx(1, abs=0.1)
    loudest = np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard)
    assert loudest == pytest.approx(440, abs=2)


def test_source_is_the_code_with_the_first_words_about_it():
    code = figures.source(figures.source, figures.felt).data
    assert code.startswith("```python\ndef source(*objects):") and "def felt(va):" in code
    assert "for a page to show." in code and "the first paragraph" not in code
    assert "inspect.getsource(one)" in code and "on 1–9 as captions" in code


def test_networks_name_every_stage_twice(ax):
    from m2l.gan.networks import Sizes

    figures.networks(ax, Sizes(widths=(40, 30, 20)))
    shown = [text.get_text() for text in ax.texts]
    for stage in ("4×4, 40", "8×8, 30", "16×16, 20"):
        assert shown.count(stage) == 2
    assert {"z, V, A ↓", "picture", "score ↑", "generator", "critic"} <= set(shown)
    assert len(ax.patches) == 12  # six blocks, six ERUs
    figures.networks(ax, Sizes(widths=(40,), condition="none"))
    assert len(ax.patches) == 14


def bounded(*values):
    return [{"low": v - 1, "value": v, "high": v + 1} for v in values]


def test_the_strongest_of_each_dimension_come_first():
    found = {
        name: {"n": 2, **dict(zip(DIMENSIONS, bounded(v, a), strict=True))}
        for name, v, a in (("x", 1, 3), ("y", 2, 2), ("z", 3, 1))
    }
    figure = figures.strongest(found, "fall", count=2)
    told = [[t.get_text() for t in ax.get_yticklabels()] for ax in figure.axes]
    assert told == [["z (2)", "y (2)"], ["x (2)", "y (2)"]]
    plt.close(figure)


def test_curves_have_a_panel_each_and_a_line_for_each_dimension():
    curve = {"at": [0, 1], **{k: np.zeros((2, 2)) for k in ("value", "low", "high")}}
    figure = figures.dependence({"a": curve, "b": curve, "c": curve})
    assert [len(ax.lines) for ax in figure.axes] == [2, 2, 2, 0]
    by = {d: bounded(0.1, 0.2) for d in DIMENSIONS}
    grown = figures.learning([10, 20], {"ridge": by, "trees": by})
    assert all(len(ax.containers) == 2 for ax in grown.axes)
    plt.close("all")


def test_quadrants_have_a_row_each_with_pleasant_above_unpleasant():
    quantiles = np.arange(5)[:, None] + 10 * np.array([1, 2, 3, 4])
    figure = figures.by_quadrant({"loudness": {"songs": quantiles}, "tempo": {"songs": quantiles}})
    (medians,) = figure.axes[0].lines
    order = np.argsort(medians.get_ydata())  # from the top down
    np.testing.assert_array_equal(medians.get_xdata()[order], [12, 22, 42, 32])
    names = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert names[0] == "excited,\npleasant" and names[-1] == "calm,\nunpleasant"
    plt.close(figure)


def test_groups_of_correlations_are_parted_by_lines():
    figure = figures.correlations({"a": np.eye(5), "b": np.eye(5)}, {"x": 3, "y": 2})
    for ax in figure.axes[:2]:
        assert [t.get_text() for t in ax.get_yticklabels()] == ["x", "y"]
        assert next(line.get_ydata()[0] for line in ax.lines) == 2.5
    plt.close(figure)
