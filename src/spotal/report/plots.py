"""Pictures of a comparison, each drawn for light and for dark pages, with no state shared between figures."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotal.report.maps import QueryMap
from spotal.report.summary import label_of

__all__ = [
    "DARK",
    "LIGHT",
    "Theme",
    "blank",
    "covered",
    "curves",
    "difference",
    "map_after",
    "map_before",
    "png",
    "svg",
]

SIZE = (5.6, 3.9)
SQUARE = (5.2, 5.0)


@dataclass(frozen=True)
class Theme:
    """Colors that are told apart by color-blind readers, after Okabe and Ito, on a page's background."""

    ink: str
    faint: str
    cloud: str
    own: str
    base: str
    others: tuple[str, ...]


LIGHT = Theme("#1c2430", "#d5dae1", "#7d8896", "#0072B2", "#8a6d3b", ("#D55E00", "#009E73", "#CC79A7", "#000000"))
DARK = Theme("#e6e9ee", "#3a424e", "#8b96a5", "#56B4E9", "#d9b36c", ("#f08a4b", "#35c99b", "#e3a6c6", "#ffffff"))


def svg(figure: Figure) -> bytes:
    """The figure as SVG, the same bytes for the same figure."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "spotal"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def png(figure: Figure, *, transparent: bool = True) -> bytes:
    """The figure as PNG, sharp on dense screens."""
    out = io.BytesIO()
    dpi = 180 if transparent else 110
    figure.savefig(out, format="png", dpi=dpi, transparent=transparent, metadata={"Software": None})
    return out.getvalue()


def curves(summary: dict[str, Any], theme: Theme, metric: str = "accuracy") -> Figure:
    """A metric of the test part by number of labels: means over seeds, 95 % intervals, single seeds as thin lines."""
    figure, axes = blank(theme, SIZE)
    labels, ends = summary["labels"], []
    scale = 1 if metric == "log_loss" else 100
    for name, color in _colors(summary, theme).items():
        curve = summary["curves"][name][metric]
        mean = scale * np.array(curve["mean"])
        for run in curve["runs"] if len(curve["runs"]) > 1 else []:
            axes.plot(labels, scale * np.array(run), color=color, linewidth=0.6, alpha=0.35)
        if curve["low"][0] is not None:
            low, high = (scale * np.array(curve[key]) for key in ("low", "high"))
            axes.fill_between(labels, low, high.clip(max=100), color=color, alpha=0.15, linewidth=0)
        axes.plot(labels, mean, color=color, linewidth=2, marker="o", markersize=4)
        ends.append((float(mean[-1]), label_of(name), color))
    axes.set_xlabel("labels")
    axes.set_ylabel(f"test {metric.replace('_', ' ')}" + ", %" * (scale == 100))
    axes.set_xticks(_ticks(labels))
    _name_ends(axes, ends)
    return figure


def difference(summary: dict[str, Any], theme: Theme) -> Figure:
    """The accuracy gained over the baseline, paired by seed: mean, 95 % interval, and single seeds as dots."""
    figure, axes = blank(theme, SIZE)
    labels, gap = np.array(summary["labels"]), summary["difference"]["by_labels"]
    mean, runs = 100 * np.array(gap["mean"]), 100 * np.array(gap["runs"])
    axes.axhline(0, color=theme.ink, linewidth=0.8)
    axes.plot(np.tile(labels, len(runs)), runs.ravel(), ".", color=theme.cloud, markersize=4)
    if gap["low"][0] is not None:
        low, high = (100 * np.array(gap[key]) for key in ("low", "high"))
        axes.vlines(labels, low, high, color=theme.own, linewidth=2, alpha=0.6)
    axes.plot(labels, mean, color=theme.own, marker="o", markersize=5, linewidth=1.2)
    axes.set_xlabel("labels")
    axes.set_ylabel(f"{label_of(summary['difference']['of'])} less {summary['difference']['to']}, points")
    axes.set_xticks(_ticks(summary["labels"]))
    return figure


def covered(distances: dict[str, NDArray[np.float64]], theme: Theme) -> Figure:
    """The share of rows within each distance of the nearest chosen row, for picks and for random rows."""
    figure, axes = blank(theme, SIZE)
    for name, color in (("random", theme.base), ("picks", theme.own)):
        found = distances[name]
        share = 100 * np.arange(1, len(found) + 1) / len(found)
        axes.plot(found, share, color=color, linewidth=2, label=name)
    axes.set(xlabel="distance to the nearest chosen row", ylabel="rows within that distance, %", ylim=(0, 102))
    axes.set_xlim(left=0)
    legend = axes.legend(frameon=False, fontsize=10, loc="lower right")
    for text in legend.get_texts():
        text.set_color(theme.ink)
    return figure


def map_before(picture: QueryMap, theme: Theme) -> Figure:
    """The pool before transport, dots as large as the mass that they carry; labeled rows and picks."""
    figure, axes = blank(theme, SQUARE)
    _points(axes, picture.before, picture, theme)
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")
    low, high = np.quantile(picture.before, [0.002, 0.998], axis=0)
    margin = 0.06 * (high - low) + 1e-9
    chosen = picture.before[picture.picks]
    low, high = np.minimum(low, chosen.min(0)) - margin, np.maximum(high, chosen.max(0)) + margin
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    return figure


def map_after(picture: QueryMap, theme: Theme) -> Figure:
    """The same in the hypercube, with the points of the design as rings."""
    figure, axes = blank(theme, SQUARE)
    _points(axes, picture.after, picture, theme)
    axes.scatter(
        picture.design[:, 0],
        picture.design[:, 1],
        s=90,
        facecolors="none",
        edgecolors=theme.own,
        linewidths=1.4,
        zorder=3,
    )
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.set_xlabel("first coordinate of the cube")
    axes.set_ylabel("second coordinate of the cube")
    return figure


def _points(axes: Axes, points: NDArray[np.float64], picture: QueryMap, theme: Theme) -> None:
    size = 1.0 + 26.0 * picture.mass
    size[picture.labeled] = 0.0
    x, y = points.T
    axes.scatter(x, y, s=size, color=theme.cloud, alpha=0.6, linewidths=0)
    axes.scatter(x[picture.labeled], y[picture.labeled], s=20, marker="x", color=theme.ink, linewidths=1, alpha=0.7)
    axes.scatter(
        x[picture.picks], y[picture.picks], s=42, color=theme.others[0], edgecolors=theme.ink, linewidths=0.6, zorder=4
    )


def blank(theme: Theme, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure of ``size`` inches with one empty pair of axes in the theme's colors."""
    figure = Figure(figsize=size, layout="constrained")
    axes: Axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.faint)
    axes.tick_params(colors=theme.ink, labelsize=9, color=theme.faint)
    axes.xaxis.label.set(color=theme.ink, fontsize=10)
    axes.yaxis.label.set(color=theme.ink, fontsize=10)
    axes.patch.set_alpha(0)
    axes.set_axisbelow(True)
    axes.grid(color=theme.faint, linewidth=0.6)
    return figure, axes


def _colors(summary: dict[str, Any], theme: Theme) -> dict[str, str]:
    base, own = summary["difference"]["to"], summary["difference"]["of"]
    rest = [name for name in summary["curves"] if name not in (base, own)]
    others = {name: theme.others[k % len(theme.others)] for k, name in enumerate(rest)}
    return {base: theme.base, **others, own: theme.own}


def _ticks(labels: list[int]) -> list[int]:
    """All numbers of labels, or every other so many where they would touch."""
    step = -(-len(labels) // 10)
    return labels[::-1][::step][::-1]


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each curve at its right end, pushed apart where they would touch."""
    low, high = axes.get_ylim()
    ends = sorted(ends)
    heights = [(y - low) / (high - low) for y, *_ in ends]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + 0.07)
    for height, (_, text, color) in zip(heights, ends, strict=True):
        axes.annotate(
            text,
            (1.0, height),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            color=color,
            fontsize=10,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
