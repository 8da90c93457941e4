"""Pictures of a benchmark, each drawn for light and for dark pages, with no state shared between figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spotal.report.plots import Theme, blank

__all__ = ["CURVES", "critical_difference", "curves", "penalty", "ticks"]

CURVES = (5.8, 3.9)
"""Inches of a picture of curves."""
OWN, BASE = "spot", "random"
_STYLES = ("-", "--", ":", "-.")
_NAMED = 5
"""Curves that are drawn in color; the others are gray, for all are in the table."""


def curves(
    cell: dict[str, Any],
    theme: Theme,
    x: str = "labels asked for",
    y: str = "balanced accuracy, %",
    *,
    runs: bool = False,
) -> Figure:
    """Mean learning curves with their intervals as bands: SPOT, random and the best others in color.

    x, y : names of the axes; runs : draw the curve of each seed as a thin line
    """
    figure, axes = blank(theme, CURVES)
    found, asked = cell["strategies"], cell["asked"]
    leaders = [name for name in found if name not in (OWN, BASE)][: _NAMED - 2]
    colors = dict(zip(leaders, theme.others, strict=False)) | {OWN: theme.own, BASE: theme.base}
    ends: list[tuple[float, str, str]] = []
    for name in sorted(found, key=lambda name: name in colors):
        curve, color = found[name]["curve"], colors.get(name)
        mean = 100 * np.array(curve["mean"])
        if color is None:
            axes.plot(asked, mean, color=theme.cloud, linewidth=0.8, alpha=0.6)
            continue
        low, high = (100 * np.array(curve[key]) for key in ("low", "high"))
        axes.fill_between(asked, low, high.clip(max=100), color=color, alpha=0.13, linewidth=0)
        for run in curve["runs"] if runs and len(curve["runs"]) > 1 else []:
            axes.plot(asked, 100 * np.array(run), color=color, linewidth=0.6, alpha=0.35)
        style = "-" if name == OWN else _STYLES[1 + len(ends) % 3]
        axes.plot(asked, mean, style, color=color, linewidth=2.2 if name == OWN else 1.5)
        ends.append((float(mean[-1]), "SPOT" if name == OWN else name, color))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xticks(ticks(asked))
    _name_ends(axes, ends)
    return figure


def ticks(asked: list[int]) -> list[int]:
    """All numbers of labels, or every other so many where they would touch."""
    step = -(-len(asked) // 10)
    return asked[::-1][::step][::-1]


def penalty(found: dict[str, Any], theme: Theme) -> Figure:
    """The pairwise penalty matrix as shades; row beats column."""
    names, matrix = found["strategies"], np.array(found["matrix"])
    size = 2.0 + 0.36 * len(names)
    figure, axes = blank(theme, (size, size))
    axes.grid(visible=False)
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=max(found["most"], 1), alpha=0.9)
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if value > 0:
                dark = value > 0.6 * found["most"]
                axes.text(
                    j, i, f"{value:.1f}", ha="center", va="center", fontsize=7, color="white" if dark else "#1c2430"
                )
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("is beaten")
    axes.set_ylabel("beats")
    return figure


def critical_difference(found: dict[str, Any], theme: Theme) -> Figure:
    """Average ranks on a line, the best at the left; bars join strategies that do not differ at .05."""
    names, ranks = list(found["mean"]), list(found["mean"].values())
    half = (len(names) + 1) // 2
    groups = _groups(ranks, found["critical"])
    figure, axes = blank(theme, (7.6, 1.3 + 0.24 * half + 0.1 * len(groups)))
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_yticks([])
    low, high = 1, len(names)
    depth = 0.35 * len(groups)
    axes.hlines(0, low, high, color=theme.ink, linewidth=1)
    for tick in range(low, high + 1):
        axes.vlines(tick, 0, 0.15, color=theme.ink, linewidth=0.8)
        axes.text(tick, 0.3, str(tick), ha="center", va="bottom", fontsize=8, color=theme.ink)
    width = high - low or 1
    for k, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        left = k < half
        line = -(depth + 0.9 + (k if left else len(names) - 1 - k))
        edge = low - 0.03 * width if left else high + 0.03 * width
        color = {OWN: theme.own, BASE: theme.base}.get(name, theme.ink)
        axes.plot([rank, rank, edge], [0, line, line], color=color, linewidth=0.9)
        label = f"{name}  {rank:.1f}" if left else f"{rank:.1f}  {name}"
        axes.text(
            edge + (-0.01 if left else 0.01) * width, line, label, ha="right" if left else "left", va="center",
            fontsize=8.5, color=color,
        )  # fmt: skip
    for k, (first, last) in enumerate(groups):
        axes.hlines(-0.35 * (k + 1), first - 0.03, last + 0.03, color=theme.others[0], linewidth=3)
    if found["critical"] is not None:
        axes.hlines(1.5, low, low + found["critical"], color=theme.others[0], linewidth=2)
        axes.text(low, 1.65, f"critical difference {found['critical']:.1f}", fontsize=8, va="bottom", color=theme.ink)
    axes.tick_params(bottom=False, labelbottom=False)
    axes.set(xlim=(low - 0.32 * width, high + 0.32 * width), ylim=(-(depth + half + 0.6), 2.8))
    return figure


def _groups(ranks: list[float], critical: float | None) -> list[tuple[float, float]]:
    """First and last rank of each largest run of strategies within the critical difference; ranks ascend."""
    if critical is None:
        return []
    found: list[tuple[int, int]] = []
    for i, rank in enumerate(ranks):
        last = max(j for j in range(i, len(ranks)) if ranks[j] - rank <= critical)
        if last > i and (not found or last > found[-1][1]):
            found.append((i, last))
    return [(ranks[i], ranks[j]) for i, j in found]


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each curve at its right end, pushed apart where they would touch, and down again from above the picture."""
    low, high = axes.get_ylim()
    ends = sorted(ends)
    heights = [(y - low) / (high - low) for y, *_ in ends]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + 0.06)
    over = max(0.0, heights[-1] - 1) if heights else 0.0
    for height, (_, text, color) in zip(heights, ends, strict=True):
        axes.annotate(
            text, (1.0, height - over), xycoords="axes fraction", xytext=(5, 0), textcoords="offset points",
            color=color, fontsize=9, fontweight="bold" if text == "SPOT" else "normal", va="center",
            annotation_clip=False,
        )  # fmt: skip
