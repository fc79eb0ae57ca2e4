"""The look of the report's figures, and the few drawings that several chapters share.

Conventions
-----------
Functions draw on given axes and return them. On a VA plane, valence runs to the right and
arousal upwards, 1–9, with the quadrants cut at 5. Colour never carries a meaning alone.
"""

from __future__ import annotations

import ast
import base64
import inspect
import io
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from m2l import results
from m2l.va import DIMENSIONS

INK = "#6b7178"
QUADRANTS = {
    "Q1": (7, 8.6, "excited, pleasant"),
    "Q2": (3, 8.6, "excited, unpleasant"),
    "Q3": (3, 1.25, "calm, unpleasant"),
    "Q4": (7, 1.25, "calm, pleasant"),
}


def use_style():
    """Apply the report's matplotlib style, and draw figures as crisp as screens are."""
    plt.style.use(Path(__file__).with_name("m2l.mplstyle"))
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")
    except ImportError:  # outside a notebook
        pass


def va_plane(ax, label=True):
    """Prepare axes as a VA plane with its quadrants."""
    ax.set(xlim=(1, 9), ylim=(1, 9), xlabel="valence", ylabel="arousal", aspect="equal")
    ax.set_xticks([1, 3, 5, 7, 9])
    ax.set_yticks([1, 3, 5, 7, 9])
    ax.axhline(5, color=INK, lw=0.6, alpha=0.6)
    ax.axvline(5, color=INK, lw=0.6, alpha=0.6)
    if label:
        for x, y, text in QUADRANTS.values():
            ax.text(x, y, text, ha="center", va="center", fontsize=7, alpha=0.9)
    return ax


def path(table):
    """A song's way through the plane, and its emotion over time, as `m2l.over_time` tells it."""
    time, valence, arousal = (table[c].to_numpy() for c in ("time", "valence", "arousal"))
    figure, (plane, ax) = plt.subplots(
        1, 2, figsize=(9, 3.6), width_ratios=(1, 1.5), layout="constrained"
    )
    va_plane(plane)
    plane.plot(valence, arousal, color=INK, lw=0.8, zorder=1)
    dots = plane.scatter(valence, arousal, c=time, s=12, zorder=2)
    plane.annotate("start", (valence[0], arousal[0]), xytext=(4, 4), textcoords="offset points")
    figure.colorbar(dots, ax=plane, label="time (s)", shrink=0.7)
    ax.plot(time, valence, label="valence")
    ax.plot(time, arousal, "--", label="arousal")
    ax.set(xlabel="time (s)", ylim=(1, 9), yticks=[1, 3, 5, 7, 9])
    ax.legend()
    return figure


def density(ax, histogram, shares=None):
    """Shade a VA plane by a histogram (bins, bins) of counts, valence first.

    Parameters
    ----------
    shares : dict of a quadrant to the share of all that lies in it, written there; optional.
    """
    counts = np.where(histogram > 0, histogram, np.nan)
    edges = np.linspace(1, 9, len(histogram) + 1)
    ax.pcolormesh(edges, edges, counts.T, rasterized=True)
    for quadrant, share in (shares or {}).items():
        x, y, _ = QUADRANTS[quadrant]
        ax.text(x, y, results.text(share, ".0%"), ha="center", va="center")
    return va_plane(ax, label=False)


def intervals(ax, low, value, high, labels, shift=0.0, **look):
    """Points with intervals, one a row from the top down.

    Parameters
    ----------
    low, value, high : arrays, NaN where there is none; labels : names of the rows.
    shift : of the points within their rows, for several series; look : of `Axes.errorbar`.
    """
    value, n = np.asarray(value), len(labels)
    spans = np.abs([value - low, np.asarray(high) - value])
    look = {"fmt": "o", "capsize": 3, "lw": 1.4} | look
    ax.errorbar(value, np.arange(n) + shift, xerr=spans, **look)
    ax.set(yticks=range(n), yticklabels=labels, ylim=(n - 0.5, -0.5))
    ax.grid(True, axis="x")
    return ax


def by_dimension(series, xlabel, chance=None):
    """Figures with their intervals, valence above arousal, one a row from the top down.

    Parameters
    ----------
    series : dict of a label to a dict of a row's name to {"valence", "arousal"}, each a dict of
        value, low and high. Several series have the same rows; a marker each tells them apart.
    xlabel : text
    chance : {"valence", "arousal"} of dicts of low and high, shaded; optional.

    Returns
    -------
    Figure
    """
    names = list(next(iter(series.values())))
    size = (4.8, 1.4 + 0.5 * len(names))
    figure, axes = plt.subplots(2, 1, figsize=size, sharex=True)
    for ax, d in zip(axes, DIMENSIONS, strict=True):
        for i, (label, found) in enumerate(series.items()):
            ends = ([found[n][d][k] for n in names] for k in ("low", "value", "high"))
            shift = 0.26 * (i - (len(series) - 1) / 2)
            intervals(ax, *ends, names, shift, fmt="osD"[i], label=label)
        if chance:
            ax.axvspan(chance[d]["low"], chance[d]["high"], color=INK, alpha=0.25, lw=0)
        ax.axvline(0, color=INK, lw=0.6)
        ax.set_title(d)
    axes[1].set_xlabel(xlabel)
    if len(series) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def strongest(found, xlabel, count=8):
    """The rows with the highest values, for valence above those for arousal, from the top down.

    Parameters
    ----------
    found : dict of a name to n, of its members, and {"valence", "arousal"}, each a dict of value,
        low and high.
    """
    figure, axes = plt.subplots(2, 1, figsize=(4.8, 6))
    for ax, d in zip(axes, DIMENSIONS, strict=True):
        top = sorted(found, key=lambda name: -found[name][d]["value"])[:count]
        ends = [[found[name][d][k] for name in top] for k in ("low", "value", "high")]
        intervals(ax, *ends, [f"{name} ({found[name]['n']})" for name in top])
        ax.axvline(0, color=INK, lw=0.6)
        ax.set_title(d)
    axes[1].set_xlabel(xlabel)
    return figure


def dependence(curves):
    """What valence (solid) and arousal (dashed) do as one feature changes, a panel a feature.

    Parameters
    ----------
    curves : dict of a feature's name to at (K,), and value, low and high (K, 2).
    """
    rows = -(-len(curves) // 2)
    size = (4.8, 1 + 1.6 * rows)
    figure, axes = plt.subplots(rows, 2, figsize=size, sharey=True, squeeze=False)
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for ax, (name, curve) in zip(axes.flat, curves.items(), strict=False):
        for i, line in enumerate(("-", "--")):
            value, low, high = (np.array(curve[key])[:, i] for key in ("value", "low", "high"))
            ax.plot(curve["at"], value, line, label=DIMENSIONS[i])
            ax.fill_between(curve["at"], low, high, alpha=0.2)
        ax.set_xlabel(name)
        ax.locator_params(axis="x", nbins=3)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def learning(songs, models):
    """R² by the number of songs trained on, valence above arousal.

    Parameters
    ----------
    songs : (K,)
    models : dict of a name to {"valence", "arousal"}, each K dicts of value, low and high.
    """
    figure, axes = plt.subplots(2, 1, figsize=(4.8, 4.6), sharex=True)
    for ax, d in zip(axes, DIMENSIONS, strict=True):
        for (name, by), marker in zip(models.items(), "osD", strict=False):
            value, low, high = (
                np.array([one[k] for one in by[d]]) for k in ("value", "low", "high")
            )
            spans = [value - low, high - value]
            ax.errorbar(songs, value, spans, fmt=f"{marker}-", lw=1.2, label=name)
        ax.set(title=d, ylabel="R²")
    axes[1].set_xlabel("songs")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def by_quadrant(panels):
    """How measurements are spread in each quadrant, a panel each.

    Parameters
    ----------
    panels : dict of a panel's title to a dict of a series' name to an array (5, 4): the 5th, 25th,
        50th, 75th and 95th percentile in Q1 to Q4.
    """
    rows = {"Q1": 0, "Q2": 1, "Q4": 2, "Q3": 3}  # excited above calm, pleasant above unpleasant
    lines = -(-len(panels) // 2)
    size = (4.8, 1 + 2 * lines)
    figure, axes = plt.subplots(lines, 2, figsize=size, sharey=True, squeeze=False)
    for ax, (title, series) in zip(axes.flat, panels.items(), strict=True):
        for i, (name, quantiles) in enumerate(series.items()):
            at = np.array([rows[f"Q{q}"] for q in (1, 2, 3, 4)]) + 0.32 * i - 0.16
            q5, q25, q50, q75, q95 = np.asarray(quantiles, float)
            ax.hlines(at, q5, q95, color=f"C{i}", lw=0.9)
            ax.hlines(at, q25, q75, color=f"C{i}", lw=3)
            ax.plot(q50, at, "oD"[i], color=f"C{i}", ms=6, mec="w", mew=0.8, label=name)
        ax.set_title(title, fontsize=9, loc="center")
        ax.locator_params(axis="x", nbins=3)
        ax.set_yticks(list(rows.values()), [QUADRANTS[q][2].replace(", ", ",\n") for q in rows])
        ax.tick_params(axis="y", length=0, labelsize=9)
    axes[0, 0].set_ylim(3.5, -0.5)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def correlations(matrices, groups):
    """Square matrices of correlations (F, F), one below the other.

    Parameters
    ----------
    matrices : dict of a title to an array.
    groups : dict of a name to how many rows in turn belong to it.
    """
    borders = np.cumsum([0, *groups.values()])
    size = (4.8, 4 * len(matrices))
    figure, axes = plt.subplots(len(matrices), 1, figsize=size, squeeze=False)
    for ax, (title, matrix) in zip(axes.flat, matrices.items(), strict=True):
        shown = ax.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r", rasterized=True)
        ax.set_title(title)
        ax.set_xticks([])
        ax.set_yticks((borders[1:] + borders[:-1]) / 2 - 0.5, groups)
        ax.tick_params(length=0)
        for border in borders[1:-1] - 0.5:
            ax.axhline(border, color="k", lw=0.6)
            ax.axvline(border, color="k", lw=0.6)
        for label, side in zip(ax.get_yticklabels()[-2:], ("bottom", "top"), strict=True):
            label.set_va(side)  # the two smallest families lie close together
    figure.colorbar(shown, ax=axes, label="correlation", location="bottom", shrink=0.7, aspect=25)
    return figure


def pictures(images, columns=None, size=1.1, titles=None):
    """A figure of images (N, H, W, 3) uint8 in rows, without axes."""
    n = len(images)
    columns = columns or n
    rows = -(-n // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(size * columns, size * rows * (1.18 if titles else 1)),
        squeeze=False,
        gridspec_kw={"wspace": 0.03, "hspace": 0.03},
    )
    for ax in axes.ravel():
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.ravel(), images, strict=False)):
        ax.imshow(image)
        if titles:
            ax.set_title(titles[i], fontsize=8, loc="center")
    return figure


def networks(ax, sizes):
    """Draw a generator, downwards, and its critic, upwards: a box for each resolution.

    Parameters
    ----------
    sizes : m2l.gan.networks.Sizes; the boxes carry its resolutions and channels, and a dark edge
        where an ERU stands.
    """
    top = len(sizes.widths)
    eru = sizes.condition == "eru"
    for x, colour, name, end in (
        (0, "C0", "generator", "z, V, A" if eru else "z"),
        (1, "C1", "critic", "score"),
    ):
        ax.text(x, 1.6, name, ha="center", va="center", weight="bold")
        ax.text(x, 0.8, f"{end} ↓" if x == 0 else f"{end} ↑", ha="center", va="center")
        for stage, channels in enumerate(sizes.widths):
            width, side = 0.9 - 0.42 * (1 - stage / max(top - 1, 1)), sizes.resolution(stage)
            ax.barh(-stage, width, 0.84, left=x - width / 2, color=colour, alpha=0.35)
            if eru:  # the generator's come last in a block, the critic's first
                ax.barh(-stage - 0.36, width, 0.12, left=x - width / 2, color=INK)
            text = f"{side}×{side}, {channels}"
            ax.text(x, -stage + 0.05, text, ha="center", va="center", color="black")
    ax.text(0.5, -top, "picture", ha="center", va="center")
    for x, ends in ((0, "->"), (1, "<-")):  # into the picture, out of it
        arrow = {"arrowstyle": ends, "color": INK, "connectionstyle": "angle,angleA=-90,angleB=0"}
        ax.annotate("", (0.5 + (x - 0.5) * 0.36, -top), (x, 0.5 - top), arrowprops=arrow)
    ax.set(xlim=(-0.5, 1.5), ylim=(-top - 0.5, 2))
    ax.axis("off")
    return ax


def training(curve):
    """What the critic tells apart and how much pictures differ, over images shown.

    Parameters
    ----------
    curve : DataFrame with images, gap, diversity and resolution, a line of metrics a row.

    Returns
    -------
    Figure of two axes; a dashed line where a new stage begins.
    """
    figure, axes = plt.subplots(2, 1, figsize=(5.4, 4.4), sharex=True)
    thousands = curve["images"] / 1000
    for ax, key, colour in zip(axes, ("gap", "diversity"), ("C0", "C1"), strict=True):
        ax.plot(thousands, curve[key], color=colour)
        for start in thousands[curve["resolution"].diff() > 0]:
            ax.axvline(start, color=INK, lw=0.8, ls="--", alpha=0.6)
    axes[0].set_ylabel("critic's gap")
    axes[1].set(xlabel="thousand images", ylabel="deviation", ylim=(0, None))
    axes[1].axhline(1, color=INK, lw=0.8, ls=":")
    return figure


def paired(panels, variants):
    """Paired differences of variants from the full model, a panel a measure, a row a variant.

    Parameters
    ----------
    panels : dict of measure to (1 where more is better or −1, dict of a label to differences as
        `m2l.experiments.ablation.differences` gives them).
    variants : names of the rows.

    Returns
    -------
    Figure; to the right is better. Small marks: single seeds. Points with bars: mean and interval.
    """
    height = len(panels) * (0.6 + 0.3 * len(variants))
    # One below the other: side by side, a phone would shrink their letters.
    figure, axes = plt.subplots(len(panels), figsize=(4.6, height), squeeze=False)
    for ax, (measure, (better, gaps_of)) in zip(axes.ravel(), panels.items(), strict=True):
        for i, (label, gaps) in enumerate(gaps_of.items()):
            shift = 0.4 * (i - (len(gaps_of) - 1) / 2)
            ends = better * gaps.reindex(variants)[["low", "value", "high"]].to_numpy(float)
            look = {"fmt": "os"[i], "color": f"C{i + 1}", "ms": 5, "capsize": 0, "label": label}
            intervals(ax, *ends.T[::better], variants, shift, **look)
            for name, each in gaps["each"].items():
                if name in variants:
                    row = [variants.index(name) + shift] * len(each)
                    ax.plot(better * np.array(each), row, "|", color="C0", ms=6)
        ax.axvline(0, color=INK, lw=0.8)
        ax.set_title(measure)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def plane_of_pictures(image, valence, arousal):
    """A tiled plane of pictures with the emotions of its columns and rows, 1–9.

    Parameters
    ----------
    image : ndarray (H, W, 3), square tiles.
    valence, arousal : of the columns from left to right and of the rows from the top down.
    """
    figure, ax = plt.subplots(figsize=(7, 7))
    ax.imshow(image)
    ax.spines[:].set_visible(False)
    side = len(image) / len(arousal)
    ax.set_xticks(side * (np.arange(len(valence)) + 0.5), [f"{v:.1f}" for v in valence])
    ax.set_yticks(side * (np.arange(len(arousal)) + 0.5), [f"{a:.1f}" for a in arousal])
    ax.set(xlabel="valence", ylabel="arousal")
    ax.tick_params(length=0, labelsize=14)
    ax.xaxis.label.set_size(14)
    ax.yaxis.label.set_size(14)
    return figure


class Table:
    """A table that notebooks show, and that the report numbers and can refer to.

    Attributes
    ----------
    frame : DataFrame of text
    caption, name : text; `{numref}` in a page leads to the name.
    """

    def __init__(self, frame, caption, name=None):
        self.frame, self.caption, self.name = frame, caption, name

    def _repr_html_(self):
        return self.frame.style.hide(axis="index").set_caption(self.caption).to_html()

    def _repr_markdown_(self):
        rows = [list(self.frame.columns), *self.frame.to_numpy().tolist()]
        cells = ["* - " + "\n  - ".join(row) for row in rows]
        name = [f":name: {self.name}"] if self.name else []
        # Of tildes, since a caption may hold backticks: {ref}`there`.
        opening = ["~~~~{list-table} " + self.caption, ":header-rows: 1", *name, ""]
        return "\n".join([*opening, *cells, "~~~~"])


def table(frame, caption, decimals=2, name=None):
    """A data frame as a `Table`, without its index.

    Parameters
    ----------
    frame : DataFrame, named as a reader should see it; cells may hold MyST.
    decimals : of the numbers that are not whole.
    caption : text; name : by which the text refers to it, optional.
    """

    def text(value):
        if isinstance(value, float):
            return results.text(value, f",.{decimals}f") if value == value else "–"
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return results.text(value) if whole else str(value)

    return Table(frame.astype(object).map(text), caption, name)


class Gallery:
    """Pictures in rows that break where the screen ends, each above its caption.

    Parameters
    ----------
    groups : dict of a heading, or "", to (images (H, W, 3) uint8, captions).
    width : of a picture at least, in rem.
    """

    def __init__(self, groups, width=6.2):
        self.groups, self.width = groups, width

    def _repr_html_(self):
        columns = f"repeat(auto-fill,minmax({self.width}rem,1fr))"
        style = f"display:grid;gap:0.5rem;grid-template-columns:{columns}"
        parts = []
        for heading, (images, captions) in self.groups.items():
            if heading:
                parts.append(f'<p class="gallery-heading">{heading}</p>')
            tiles = (_tile(*one) for one in zip(images, captions, strict=True))
            parts.append(f'<div class="gallery" style="{style}">{"".join(tiles)}</div>')
        return "".join(parts)


def _tile(image, caption):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "WEBP", quality=90)
    source = f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"
    return (
        f'<div><img src="{source}" alt="{caption}" loading="lazy" '
        f'width="{image.shape[1]}" height="{image.shape[0]}" '  # room for it before it is loaded
        f'style="width:100%;height:auto;display:block"><span>{caption}</span></div>'
    )


def felt(va):
    """Emotions (N, 2) on 1–9 as captions, "V 5.9 A 4.4"."""
    return [f"V\u00a0{v:.1f} A\u00a0{a:.1f}" for v, a in np.reshape(va, (-1, 2))]


def source(*objects):
    """The code of functions or methods, as the package has it, for a page to show.

    Of what they say of themselves, the first paragraph.
    """
    from IPython.display import Markdown

    parts = []
    for one in objects:
        code = textwrap.dedent(inspect.getsource(one)).rstrip()
        told = ast.get_docstring(ast.parse(code).body[0], clean=False) or ""
        parts.append(code.replace(told, told.partition("\n\n")[0]) if "\n\n" in told else code)
    return Markdown("```python\n{}\n```".format("\n\n\n".join(parts)))


def players(sounds, rate=22050):
    """Audio players side by side, their sound inside the page.

    Parameters
    ----------
    sounds : dict of label to ndarray (n,), mono in [-1, 1].
    rate : samples a second.
    """
    import soundfile
    from IPython.display import HTML

    boxes = []
    for label, sound in sounds.items():
        mp3 = io.BytesIO()  # of the small formats, the one that every browser plays
        soundfile.write(mp3, sound, rate, format="MP3", compression_level=0.6)
        data = base64.b64encode(mp3.getvalue()).decode()
        boxes.append(
            f'<div>{label}<audio controls preload="metadata" aria-label="{label}" '
            f'src="data:audio/mpeg;base64,{data}"></audio></div>'
        )
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:0.4rem 1.5rem"
    return HTML(f'<div style="{grid}">{"".join(boxes)}</div>')
