"""Charts of a project's report, as vector graphics, for light and dark pages."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotal.project.advice import ShareEstimate
from spotal.project.report.facts import Facts, Plane
from spotal.report.plots import Theme, blank

__all__ = ["MOST_COLORS", "balance", "calibration", "confusion", "curve", "plane"]

WIDE, SQUARE = (5.2, 3.0), (4.6, 4.4)
MOST_COLORS = 10
"""Maximum number of classes with their own color and shape on the map. With more classes, all labels look the same."""
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#7B4FBF", "#A0522D", "#5F8A1F", "#C2185B")
LEGEND = 58
"""Characters per line of the map's legend."""
MARKS = "osD^vPX<>*"


def curve(facts: Facts, theme: Theme) -> Figure:
    """Draw accuracy by number of labels with 95 % intervals, and the forecast."""
    figure, axes = blank(theme, WIDE)
    points, ahead = facts.status.curve, facts.status.forecast
    x = [point.labels for point in points]
    y, low, high = (100 * np.asarray([getattr(point, name) for point in points]) for name in ("value", "low", "high"))
    axes.fill_between(x, low, high, color=theme.own, alpha=0.15, linewidth=0)
    axes.plot(x, y, color=theme.own, linewidth=2, marker="o", markersize=5)
    if ahead.gain is not None:
        end = ahead.start + ahead.labels
        gains = 100 * np.asarray([ahead.gain, ahead.low, ahead.high])
        values = np.clip(y[-1] + gains, 0, 100)
        axes.plot([x[-1], end], [y[-1], values[0]], color=theme.own, linewidth=2, linestyle=":")
        axes.vlines(end, values[1], values[2], color=theme.own, linewidth=2, alpha=0.6)
        style: dict[str, Any] = {"textcoords": "offset points", "color": theme.ink, "fontsize": 9, "ha": "right"}
        axes.annotate("forecast", (end, values[0]), (-6, -16), **style)
    axes.set(xlabel="labels trained on", ylabel="accuracy over the pool, %", ylim=(0, 102))
    axes.set_xlim(left=0)
    return figure


def balance(rows: list[tuple[str, float, ShareEstimate | None]], theme: Theme) -> Figure:
    """Draw the classes' shares of the labels, and their estimated shares of the pool with 95 % intervals."""
    figure, axes = blank(theme, (WIDE[0], 0.9 + 0.3 * len(rows)))
    y = np.arange(len(rows))[::-1]
    axes.barh(y + 0.19, [100 * row[1] for row in rows], 0.36, color=theme.base, label="labels")
    pool = [row[2] for row in rows if row[2] is not None]
    if pool:
        axes.barh(y - 0.19, [100 * one.value for one in pool], 0.36, color=theme.own, label="pool, by the random items")
        axes.hlines(
            y - 0.19, [100 * one.low for one in pool], [100 * one.high for one in pool], color=theme.ink, linewidth=1
        )
        place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2}
        axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink, **place)
    axes.set_yticks(y, [_short(row[0]) for row in rows])
    axes.set_xlabel("share, %")
    axes.grid(visible=False, axis="y")
    return figure


def calibration(bins: list[tuple[float, ShareEstimate]], theme: Theme) -> Figure:
    """Draw the share of right predictions by the model's confidence, in bins with 95 % intervals."""
    figure, axes = blank(theme, SQUARE)
    axes.plot([0, 100], [0, 100], color=theme.cloud, linewidth=1, linestyle="--")
    for confidence, right in bins:
        axes.vlines(100 * confidence, 100 * right.low, 100 * right.high, color=theme.own, linewidth=2, alpha=0.5)
    x, y = [100 * confidence for confidence, _ in bins], [100 * right.value for _, right in bins]
    axes.plot(x, y, color=theme.own, linewidth=1.4, marker="o", markersize=6)
    axes.set(xlim=(0, 102), ylim=(-2, 102), aspect="equal", xlabel="model's confidence, %", ylabel="right, %")
    return figure


def confusion(content: tuple[list[str], NDArray[np.float64]], theme: Theme) -> Figure:
    """Draw counts of people's labels (rows) by the model's classes (columns), shaded by the share of the row."""
    names, counts = content
    size = max(4.2, 1.6 + 0.44 * len(names))
    figure, axes = blank(theme, (size, size))
    axes.grid(visible=False)
    total = np.maximum(counts.sum(1, keepdims=True), 1e-12)
    share = counts / total
    edges = np.arange(len(names) + 1) - 0.5
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("own", ["#00000000", theme.own])
    axes.pcolormesh(edges, edges, share, cmap=shades, vmin=0, vmax=1, edgecolors=theme.faint, linewidth=0.5)
    on_own = "white" if theme.ink < "#8" else "#12161c"
    for (row, column), count in np.ndenumerate(counts):
        if count > 0:
            color = on_own if share[row, column] > 0.6 else theme.ink
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=8.5, color=color)
    ticks, words = range(len(names)), [_short(name) for name in names]
    axes.set_xticks(ticks, words)
    if max(map(len, words)) > 3:
        axes.tick_params("x", rotation=45)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, words)
    axes.set(xlabel="model", ylabel="people", xlim=(edges[0], edges[-1]), ylim=(edges[-1], edges[0]), aspect="equal")
    return figure


def plane(content: tuple[Plane, str, tuple[str, ...]], theme: Theme) -> Figure:
    """Draw the pool in gray and its labels colored by class, ``before`` or ``after`` transport."""
    pool, which, classes = content
    points: NDArray[np.float64] = getattr(pool, which)
    figure, axes = blank(theme, (4.8, 4.8))
    free = np.asarray([label is None for label in pool.labels])
    axes.scatter(points[free, 0], points[free, 1], s=5, color=theme.cloud, alpha=0.45, linewidths=0)
    shown = [name for name in classes if name in pool.labels]
    if len(shown) > MOST_COLORS:
        axes.scatter(
            points[~free, 0], points[~free, 1], s=26, color=theme.others[0], edgecolors=theme.ink, linewidths=0.5
        )
    else:
        for k, name in enumerate(shown):
            own = points[[label == name for label in pool.labels]]
            style: dict[str, Any] = {"color": COLORS[k], "marker": MARKS[k], "edgecolors": theme.ink, "linewidths": 0.4}
            axes.scatter(own[:, 0], own[:, 1], s=30, zorder=3, label=_short(name), **style)
        if shown:
            columns = min(5, max(1, LEGEND // (4 + max(len(_short(name)) for name in shown))))
            place: dict[str, Any] = {"ncols": columns, "loc": "outside lower center", "handletextpad": 0.1}
            figure.legend(frameon=False, fontsize=8.5, labelcolor=theme.ink, **place)
    _frame(axes, points, which)
    return figure


def _frame(axes: Axes, points: NDArray[np.float64], which: str) -> None:
    if which == "after":
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        return
    low, high = np.quantile(points, [0.004, 0.996], axis=0)
    margin = 0.08 * (high - low) + 1e-9
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    axes.tick_params(labelbottom=False, labelleft=False)


def _short(name: str) -> str:
    return (name if len(name) <= 18 else name[:17] + "…").replace("$", r"\$")
