"""Pictures of a benchmark, for light and for dark pages. Figures share no state."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spotal.report.plots import Theme, blank

__all__ = ["CURVES", "critical_difference", "curves", "penalty", "ticks"]

CURVES = (5.8, 3.9)
"""Size in inches of a picture of curves."""
OWN, BASE = "spot", "random"
_STYLES = ("-", "--", ":", "-.")
_NAMED = 5
"""Number of curves in color; the others are gray."""


def curves(
    cell: dict[str, Any],
    theme: Theme,
    x: str = "labels asked for",
    y: str = "balanced accuracy, %",
    *,
    runs: bool = False,
) -> Figure:
    """Draw mean learning curves with their intervals as bands: SPOT, random and the best others in color.

    x, y : names of the axes; runs : draw the curve of each seed as a thin line
    """
    figure, axes = blank(theme, CURVES)
    strategies, asked = cell["strategies"], cell["asked"]
    leaders = [name for name in strategies if name not in (OWN, BASE)][: _NAMED - 2]
    colors = dict(zip(leaders, theme.others, strict=False)) | {OWN: theme.own, BASE: theme.base}
    ends: list[tuple[float, str, str]] = []
    for name in sorted(strategies, key=lambda name: name in colors):
        curve, color = strategies[name]["curve"], colors.get(name)
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
    """Return at most 10 of the numbers of labels, evenly spaced, the last one included."""
    step = -(-len(asked) // 10)
    return asked[::-1][::step][::-1]


def penalty(summary: dict[str, Any], theme: Theme) -> Figure:
    """Draw the pairwise penalty matrix as shades; the row beats the column."""
    names, matrix = summary["strategies"], np.array(summary["matrix"])
    size = 2.0 + 0.36 * len(names)
    figure, axes = blank(theme, (size, size))
    axes.grid(visible=False)
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=max(summary["most"], 1), alpha=0.9)
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if value > 0:
                dark = value > 0.6 * summary["most"]
                axes.text(
                    j, i, f"{value:.1f}", ha="center", va="center", fontsize=7, color="white" if dark else "#1c2430"
                )
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("is beaten")
    axes.set_ylabel("beats")
    return figure


def critical_difference(summary: dict[str, Any], theme: Theme) -> Figure:
    """Draw average ranks on a line, the best at the left. Bars join strategies that do not differ at .05."""
    names, ranks = list(summary["mean"]), list(summary["mean"].values())
    half = (len(names) + 1) // 2
    groups = _groups(ranks, summary["critical"])
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
    if summary["critical"] is not None:
        axes.hlines(1.5, low, low + summary["critical"], color=theme.others[0], linewidth=2)
        axes.text(low, 1.65, f"critical difference {summary['critical']:.1f}", fontsize=8, va="bottom", color=theme.ink)
    axes.tick_params(bottom=False, labelbottom=False)
    axes.set(xlim=(low - 0.32 * width, high + 0.32 * width), ylim=(-(depth + half + 0.6), 2.8))
    return figure


def _groups(ranks: list[float], critical: float | None) -> list[tuple[float, float]]:
    """First and last rank of each longest run of strategies within the critical difference; ranks ascend."""
    if critical is None:
        return []
    groups: list[tuple[int, int]] = []
    for i, rank in enumerate(ranks):
        last = max(j for j in range(i, len(ranks)) if ranks[j] - rank <= critical)
        if last > i and (not groups or last > groups[-1][1]):
            groups.append((i, last))
    return [(ranks[i], ranks[j]) for i, j in groups]


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write each curve's name at its right end; names that would touch are moved apart, within the picture."""
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
