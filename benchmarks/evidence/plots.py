"""Pictures of the evidence, drawn from the JSON files. Figures share no state."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, which color-blind readers can distinguish
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK, GRAY = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#8C8C8C",
)
CYCLE = (GRAY, BLUE, RED, GREEN, ORANGE, PINK, SKY, BLACK)
CURVES = {
    "random": (GRAY, "o"),
    "nearest, sliced loose": (SKY, "s"),
    "nearest, sliced": (BLUE, "s"),
    "nearest, sliced, weighted": (RED, "D"),
    "nearest, PP": (PINK, "v"),
    "default (cells), weighted": (GREEN, "^"),
    "default, weighted": (ORANGE, "^"),
    "nearest, true map, weighted": (BLACK, "x"),
}


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", labelsize=8)


def save(figure: Figure, path: Path) -> str:
    """Write the figure; return its name for the document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, facecolor="white", metadata={"Software": None})
    return path.name


def label_ends(axes: Axes, ends: list[tuple[float, str, str]], x: float, *, gap: float, log: bool = False) -> None:
    """Write each curve's name at its right end; names are at least ``gap`` apart (share of the axis)."""
    low, high = axes.get_ylim()
    scale = np.log10 if log else np.asarray
    span = float(scale(high) - scale(low))
    placed: list[list[Any]] = sorted([float((scale(y) - scale(low)) / span), text, color] for y, text, color in ends)
    for below, above in pairwise(placed):
        above[0] = max(above[0], below[0] + gap)
    over = max(0.0, placed[-1][0] - 1.0)
    for position, text, color in placed:
        axes.annotate(
            text, (1.0, position - over), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points",
            color=color, fontsize=8, va="center", annotation_clip=False,
        )  # fmt: skip


def maps(pictures: list[dict[str, Any]], path: Path) -> str:
    """Draw the pool before transport with the picks, and after it with design and picks; one row a cloud."""
    rows = len(pictures)
    figure = Figure(figsize=(8.2, 4.1 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False)
    for (before, after), item in zip(grid, pictures, strict=True):
        pool, carried, design = (np.array(item[key]) for key in ("pool", "carried", "design"))
        picks = item["picks"]
        before.scatter(*pool.T, s=5, color=GRAY, alpha=0.5, linewidths=0)
        before.scatter(*pool[picks].T, s=26, color=RED, edgecolors="white", linewidths=0.6)
        before.set_aspect("equal", "datalim")
        before.set_title(f"{item['cloud']}: pool (gray), {len(picks)} picks (red)", fontsize=9, loc="left")
        after.scatter(*carried.T, s=5, color=GRAY, alpha=0.5, linewidths=0)
        after.scatter(*design.T, s=42, facecolors="none", edgecolors=BLUE, linewidths=1)
        after.scatter(*carried[picks].T, s=14, color=RED, linewidths=0)
        after.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        after.set_title("in the cube: pool (gray), design (blue rings), picks (red)", fontsize=9, loc="left")
        for axes in (before, after):
            _plain(axes)
    return save(figure, path)


def convergence(rows: list[dict[str, Any]], sizes: list[int], path: Path) -> str:
    """Draw RMSE against the number of picks, one panel a dimension."""
    dims = sorted({row["dim"] for row in rows})
    figure = Figure(figsize=(4.6 * len(dims), 4.4), layout="constrained")
    shown = {name: style for name, style in CURVES.items() if any(row["method"] == name for row in rows)}
    low = min(min(row["rmse"]) for row in rows if row["method"] in shown)
    high = max(max(row["rmse"]) for row in rows if row["method"] in shown)
    for axes, dim in zip(figure.subplots(1, len(dims), squeeze=False)[0], dims, strict=True):
        ends = []
        for name, (color, marker) in shown.items():
            row = next(r for r in rows if r["dim"] == dim and r["method"] == name)
            axes.fill_between(sizes, *row["rmse_interval"], color=color, alpha=0.18, linewidth=0)
            axes.plot(sizes, row["rmse"], color=color, marker=marker, markersize=4, linewidth=1.4)
            ends.append((row["rmse"][-1], f"{name.removeprefix('nearest, ')}  {row['slope']:.2f}", color))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_ylim(low * 0.8, high * 1.25)
        axes.set_xlabel("picks", fontsize=9)
        axes.set_title(f"d = {dim}", fontsize=10, loc="left")
        if dim == dims[0]:
            axes.set_ylabel("RMSE of the mean / sd of the function", fontsize=9)
        _plain(axes)
        label_ends(axes, ends, sizes[-1], gap=0.055, log=True)
    return save(figure, path)


def dots(panels: dict[str, dict[str, dict[str, tuple[float, float]]]], xlabel: str, path: Path) -> str:
    """Draw ratios with their standard errors: panel -> row -> method -> (mean, se); one color a method."""
    figure = Figure(figsize=(4.3 * len(panels), 0.62 * max(map(len, panels.values())) + 1.5), layout="constrained")
    methods = list(next(iter(next(iter(panels.values())).values())))
    colors = dict(zip(methods, (BLUE, ORANGE, GREEN, RED, PINK, SKY), strict=False))
    marks = dict(zip(methods, "s^voDx", strict=False))
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, rows) in zip(grid, panels.items(), strict=True):
        axes.axvline(1, color=GRAY, linewidth=1)
        for height, values in enumerate(rows.values()):
            for shift, (method, (mean, se)) in enumerate(values.items()):
                at = -height + 0.13 * ((len(methods) - 1) / 2 - shift)
                axes.errorbar(mean, at, xerr=se, color=colors[method], marker=marks[method], markersize=5, linewidth=1)
        axes.set_yticks([-k for k in range(len(rows))], list(rows))
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_xlabel(xlabel, fontsize=9)
        _plain(axes)
    handles = [grid[0].plot([], [], color=colors[m], marker=marks[m], linestyle="none", label=m)[0] for m in methods]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(methods), fontsize=8, frameon=False)
    return save(figure, path)


def curves(panels: dict[str, dict[str, tuple[list[int], list[float], list[float]]]], path: Path) -> str:
    """Draw learning curves: panel -> strategy -> (labels, mean, standard error)."""
    count = len(panels)
    figure = Figure(figsize=(5.4 * min(2, count), 3.9 * ((count + 1) // 2)), layout="constrained")
    grid = figure.subplots((count + 1) // 2, min(2, count), squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_visible(False)
    strategies = sorted({name for panel in panels.values() for name in panel}, key=lambda s: (s != "random", s))
    colors = {name: CYCLE[k % len(CYCLE)] for k, name in enumerate(strategies)}
    for axes, (title, lines) in zip(grid, panels.items(), strict=False):
        ends = []
        for name, (x, mean, se) in lines.items():
            y, e = np.array(mean), np.array(se)
            axes.fill_between(x, y - e, y + e, color=colors[name], alpha=0.18, linewidth=0)
            axes.plot(x, y, color=colors[name], linewidth=1.5, marker="o", markersize=3)
            ends.append((mean[-1], name, colors[name]))
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel("labels", fontsize=9)
        axes.set_ylabel("balanced accuracy", fontsize=9)
        _plain(axes)
        label_ends(axes, ends, 0, gap=0.06)
    return save(figure, path)
