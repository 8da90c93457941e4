"""Pictures of a pool: a map on a plane, distances to the picks, and a learning curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spotal.numeric.arrays import to_numpy
from spotal.pool import Pool
from spotal.reduce import PCA
from spotal.report.plots import Theme, blank, plane

__all__ = ["PoolMap", "covered", "curve", "draw_map", "frame", "pool_map", "rows_drawn", "scatter"]

WIDE, SQUARE = (5.6, 3.9), (5.2, 5.0)
MOST_DRAWN = 4_000
"""Number of evenly spaced rows drawn of a larger pool; picks and labeled rows are always drawn."""
DOT = 7.5
"""Size of a row's dot, square points."""


@dataclass(frozen=True)
class PoolMap:
    """Rows of a pool on a plane.

    points : float (m, 2); picks, labeled : positions among the m rows of the picks and of the labeled rows
    """

    points: NDArray[np.float64]
    picks: NDArray[np.int64]
    labeled: NDArray[np.int64]


def pool_map(pool: Pool, picks: NDArray[np.int64], labeled: NDArray[np.int64]) -> PoolMap:
    """Map a pool (N, D) on its first two principal components.

    Only the m drawn rows are read, and the components are computed from them. O(m D min(m, D)).
    """
    rows = rows_drawn(len(pool), picks, labeled)
    points = to_numpy(pool.rows(rows).float())
    if pool.dim > 2:
        points = PCA(2, random_state=0).fit_transform(points)
    return PoolMap(plane(points), np.searchsorted(rows, picks), np.searchsorted(rows, labeled))


def rows_drawn(n: int, picks: NDArray[np.int64], labeled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows to draw of a pool of n rows, ascending: all, or evenly spaced rows, picks and labeled rows."""
    if n <= MOST_DRAWN:
        return np.arange(n)
    even = np.linspace(0, n - 1, MOST_DRAWN).astype(np.int64)
    return np.unique(np.concatenate([even, picks, labeled]))


def draw_map(content: PoolMap, theme: Theme) -> Figure:
    """Draw the pool, its labeled rows and the picks."""
    figure, axes = blank(theme, SQUARE)
    scatter(axes, content.points, content.picks, content.labeled, np.full(len(content.points), DOT), theme)
    frame(axes, content.points, content.picks)
    return figure


def scatter(
    axes: Axes,
    points: NDArray[np.float64],
    picks: NDArray[np.int64],
    labeled: NDArray[np.int64],
    size: NDArray[np.float64],
    theme: Theme,
) -> None:
    """Draw rows (m, 2) as dots of ``size`` (m,) square points, labeled rows as crosses, picks in color."""
    size = size.copy()
    size[labeled] = 0.0
    x, y = points.T
    axes.scatter(x, y, s=size, color=theme.cloud, alpha=0.6, linewidths=0)
    axes.scatter(x[labeled], y[labeled], s=20, marker="x", color=theme.ink, linewidths=1, alpha=0.7)
    axes.scatter(x[picks], y[picks], s=42, color=theme.others[0], edgecolors=theme.ink, linewidths=0.6, zorder=4)


def frame(axes: Axes, points: NDArray[np.float64], picks: NDArray[np.int64]) -> None:
    """Name the axes, and limit them to the bulk of the points and all picks."""
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    margin = 0.06 * (high - low) + 1e-9
    if len(picks):
        low, high = np.minimum(low, points[picks].min(0)), np.maximum(high, points[picks].max(0))
    low, high = low - margin, high + margin
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def curve(labels: list[int], values: list[float], name: str, theme: Theme) -> Figure:
    """Draw a metric by number of labels; ``name`` is the axis label."""
    figure, axes = blank(theme, WIDE)
    axes.plot(labels, values, color=theme.own, linewidth=2, marker="o", markersize=4)
    axes.set_xlabel("labels")
    axes.set_ylabel(name)
    return figure


def covered(distances: dict[str, NDArray[np.float64]], theme: Theme) -> Figure:
    """Draw the share of rows within each distance of the nearest chosen row, for picks and for random rows."""
    figure, axes = blank(theme, WIDE)
    for name, color in (("random", theme.base), ("picks", theme.own)):
        ascending = distances[name]
        share = 100 * np.arange(1, len(ascending) + 1) / len(ascending)
        axes.plot(ascending, share, color=color, linewidth=2, label=name)
    axes.set(xlabel="distance to the nearest chosen row", ylabel="rows within that distance, %", ylim=(0, 102))
    axes.set_xlim(left=0)
    legend = axes.legend(frameon=False, fontsize=10, loc="lower right")
    for text in legend.get_texts():
        text.set_color(theme.ink)
    return figure
