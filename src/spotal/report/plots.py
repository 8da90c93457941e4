"""Colors of pictures on light and on dark pages, and empty figures in them. Figures share no state."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["DARK", "LIGHT", "Theme", "blank", "plane", "png", "svg"]


@dataclass(frozen=True)
class Theme:
    """Colors on a light or dark page that color-blind readers can distinguish, after Okabe and Ito."""

    ink: str
    faint: str
    cloud: str
    own: str
    base: str
    others: tuple[str, ...]


LIGHT = Theme("#1c2430", "#d5dae1", "#7d8896", "#0072B2", "#8a6d3b", ("#D55E00", "#009E73", "#CC79A7", "#000000"))
DARK = Theme("#e6e9ee", "#3a424e", "#8b96a5", "#56B4E9", "#d9b36c", ("#f08a4b", "#35c99b", "#e3a6c6", "#ffffff"))


def svg(figure: Figure) -> bytes:
    """Return the figure as SVG, the same bytes for the same figure."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "spotal"}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": "spotal"})
    return out.getvalue()


def png(figure: Figure, *, transparent: bool = True) -> bytes:
    """Return the figure as PNG: transparent at 180 dpi for pages, or on its background at 110 dpi for notebooks."""
    out = io.BytesIO()
    dpi = 180 if transparent else 110
    figure.savefig(out, format="png", dpi=dpi, transparent=transparent, metadata={"Software": None})
    return out.getvalue()


def blank(theme: Theme, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Make a figure of ``size`` inches with one empty pair of axes in the theme's colors."""
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


def plane(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the first two columns of points (n, d); the second is .5 if d = 1."""
    wide = np.asarray(points, np.float64)
    return wide[:, :2] if wide.shape[1] > 1 else np.column_stack([wide[:, 0], np.full(len(wide), 0.5)])
