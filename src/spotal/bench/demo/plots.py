"""Pictures of a demo: the learning curves, the paired difference, and the pool before and after transport."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotal.bench import plots
from spotal.bench.demo.query_map import QueryMap
from spotal.bench.plots import CURVES, ticks
from spotal.report.plots import Theme, blank
from spotal.report.pool_map import SQUARE, frame, scatter

__all__ = ["curves", "difference", "map_after", "map_before"]


def curves(summary: dict[str, Any], theme: Theme) -> Figure:
    """Draw test accuracy by number of labels: means over seeds, 95 % intervals of the mean, seeds as thin lines."""
    strategies = {}
    for name, measures in summary["curves"].items():
        curve = measures["accuracy"]
        one = {} if curve["low"][0] is not None else {"low": curve["mean"], "high": curve["mean"]}
        strategies[name] = {"curve": {**curve, **one}}
    cell = {"strategies": strategies, "asked": summary["labels"]}
    return plots.curves(cell, theme, "labels", "test accuracy, %", runs=True)


def difference(summary: dict[str, Any], theme: Theme) -> Figure:
    """Draw the gain in accuracy over the baseline, paired by seed: mean, 95 % interval, and seeds as dots."""
    figure, axes = blank(theme, CURVES)
    labels, gap = np.array(summary["labels"]), summary["difference"]["by_labels"]
    mean, runs = 100 * np.array(gap["mean"]), 100 * np.array(gap["runs"])
    axes.axhline(0, color=theme.ink, linewidth=0.8)
    axes.plot(np.tile(labels, len(runs)), runs.ravel(), ".", color=theme.cloud, markersize=4)
    if gap["low"][0] is not None:
        low, high = (100 * np.array(gap[key]) for key in ("low", "high"))
        axes.vlines(labels, low, high, color=theme.own, linewidth=2, alpha=0.6)
    axes.plot(labels, mean, color=theme.own, marker="o", markersize=5, linewidth=1.2)
    axes.set_xlabel("labels")
    axes.set_ylabel("SPOT less random, points")
    axes.set_xticks(ticks(summary["labels"]))
    return figure


def map_before(picture: QueryMap, theme: Theme) -> Figure:
    """Draw the pool before transport with labeled rows and picks; the size of a dot is its row's mass."""
    figure, axes = blank(theme, SQUARE)
    _points(axes, picture.before, picture, theme)
    frame(axes, picture.before, picture.picks)
    return figure


def map_after(picture: QueryMap, theme: Theme) -> Figure:
    """Draw the same in the unit hypercube, with the points of the design as rings."""
    figure, axes = blank(theme, SQUARE)
    _points(axes, picture.after, picture, theme)
    x, y = picture.design.T
    axes.scatter(x, y, s=90, facecolors="none", edgecolors=theme.own, linewidths=1.4, zorder=3)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axes.set_xlabel("first coordinate of the cube")
    axes.set_ylabel("second coordinate of the cube")
    return figure


def _points(axes: Axes, points: NDArray[np.float64], picture: QueryMap, theme: Theme) -> None:
    scatter(axes, points, picture.picks, picture.labeled, 1.0 + 26.0 * picture.mass, theme)
