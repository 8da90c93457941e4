"""The section on active-learning rounds, from loop.json: its records are
{dataset, shape, strategy, seed, n_labeled, accuracy, balanced_accuracy}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.evidence import defaults, plots
from benchmarks.evidence.tables import distinct, mean_se, pick, table
from scipy.stats import t as student

MEASURE = "balanced_accuracy"


def _by_seed(records: list[dict[str, Any]], measure: str) -> tuple[dict[int, float], dict[int, float]]:
    """Mean of the learning curve over the labels (trapezoid rule) and final value, by seed."""
    means, finals = {}, {}
    for seed in distinct(records, "seed"):
        curve = sorted((r["n_labeled"], r[measure]) for r in pick(records, seed=seed))
        x, y = np.array(curve, dtype=float).T
        means[seed] = float(np.trapezoid(y, x) / (x[-1] - x[0])) if len(x) > 1 and x[-1] > x[0] else float(y.mean())
        finals[seed] = float(y[-1])
    return means, finals


def _paired(own: dict[int, float], base: dict[int, float]) -> str:
    """Mean difference over the seeds that both have, with a 95 % Student interval."""
    gaps = [own[seed] - base[seed] for seed in own if seed in base]
    if not gaps:
        return ""
    mean, se = mean_se(gaps)
    if len(gaps) < 2:
        return f"{mean:+.3f}"
    half = float(student.ppf(0.975, len(gaps) - 1)) * se
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


def _commits(records: list[dict[str, Any]]) -> list[str]:
    """The commit of each strategy, unless all ran at the same commit."""
    at = {(r.get("commit", ""), r["strategy"]) for r in records}
    commits = sorted({commit for commit, _ in at})
    if len(commits) < 2:
        return []
    said = [f"{', '.join(sorted(s for c, s in at if c == commit))} at `{commit[:12]}`" for commit in commits]
    return [f"Strategies were run at these commits: {'; '.join(said)}."]


def _protocol(s: dict[str, Any]) -> str:
    """A sentence about the protocol."""
    return (
        f"Pools of up to {s['pool']:,} training images, balanced or thinned to a long tail of 100:1 by class; "
        f"{s['test']:,} test images. A small convolutional network ({s['width']} channels in its first block, at least "
        f"{s['steps']} steps) is trained from scratch after each {s['batch']} labels, up to {s['labels']:,} labels. "
        "With the same seed, all strategies have the same pool, test images and network seeds. Each strategy selects "
        "the first batch itself, from principal components of the pixels. Margin and entropy need a model, so their "
        "first batch is random."
    )


def _verdict(level: dict[str, float]) -> list[str]:
    """The best strategy, and SPOT's distance from it."""
    best = max(level, key=lambda name: level[name])
    if "spot" not in level:
        return []
    if best == "spot":
        second = max((name for name in level if name != "spot"), key=lambda name: level[name], default="spot")
        return [f"SPOT's default is the best, {level['spot'] - level[second]:.3f} ahead of {second}."]
    return [f"SPOT's default is not the best here: {best} is ahead by {level[best] - level['spot']:.3f}."]


def section(result: dict[str, Any], images: Path, origin_line: str) -> list[str]:
    """Return paragraphs, tables and one picture."""
    records = result["records"]
    text = [
        defaults.heading("Rounds of active learning", result["origin"]),
        origin_line,
        *_commits(records),
        _protocol(result["settings"]),
        "The tables give the balanced accuracy on the test set. The mean of the curve is over the number of labels "
        "(trapezoid rule). ± is the standard error over seeds. Differences to random are paired by seed, with a 95 % "
        "Student interval.",
    ]
    before_tables = len(text)
    panels: dict[str, Any] = {}
    for dataset in distinct(records, "dataset"):
        for shape in distinct(pick(records, dataset=dataset), "shape"):
            own = pick(records, dataset=dataset, shape=shape)
            base_mean, base_final = _by_seed(pick(own, strategy="random"), MEASURE)
            rows, lines, level = [], {}, {}
            for strategy in distinct(own, "strategy"):
                mine = pick(own, strategy=strategy)
                means, finals = _by_seed(mine, MEASURE)
                level[strategy] = mean_se(list(means.values()))[0]
                accuracy = mean_se(list(_by_seed(mine, "accuracy")[1].values()))
                cells = [f"{m:.3f} ± {e:.3f}" for m, e in (mean_se(list(v.values())) for v in (means, finals))]
                against = ["", ""]
                if strategy != "random":
                    against = [_paired(means, base_mean), _paired(finals, base_final)]
                rows.append(
                    [strategy, cells[0], against[0], cells[1], against[1], f"{accuracy[0]:.3f} ± {accuracy[1]:.3f}"]
                )
                x = sorted(set(distinct(mine, "n_labeled")))
                at = [mean_se([r[MEASURE] for r in pick(mine, n_labeled=n)]) for n in x]
                lines[strategy] = (x, [m for m, _ in at], [e for _, e in at])
            seeds = len(distinct(own, "seed"))
            text += [f"### {dataset}, {shape} ({seeds} seeds)"]
            head = ["strategy", "mean of curve", "to random", "final", "to random", "final accuracy"]
            text += [table(head, rows)]
            text += _verdict(level)
            panels[f"{dataset}, {shape}"] = lines
    name = plots.curves(panels, images / "evidence-loop.png")
    text.insert(before_tables, f"![Learning curves](images/{name})")
    return text
