"""The report of a demo as one HTML page without scripts, other files or network access."""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path
from typing import Any

from spotal.bench.demo import plots
from spotal.bench.demo.query_map import QueryMap, query_map
from spotal.bench.demo.run import BASE, OWN, Demo
from spotal.bench.demo.summary import summarize
from spotal.report.gallery import thumbnails
from spotal.report.parts import document, table, themed
from spotal.storage.files import atomic_path, write_text

__all__ = ["HEAD", "LABELS", "page", "table_rows", "write_report"]

LABELS = {BASE: "random", OWN: "SPOT"}
HEAD = ("labels", *LABELS.values(), "SPOT less random")
MOST_SHOWN = 60
"""Maximum number of images shown of one round."""


def write_report(demo: Demo, folder: str | os.PathLike[str]) -> tuple[dict[str, Any], Path, Path]:
    """Write ``report.html`` and ``curves.json`` to a folder, which is created if it is missing.

    Returns
    -------
    summary : dict, the content of ``curves.json``: :func:`spotal.bench.demo.summary.summarize`
    page, numbers : Path, of the two files

    Raises
    ------
    OutputError
        The folder cannot be created or written. Existing files are then unchanged.
    """
    summary = summarize(demo)
    place = Path(folder)
    html = page(demo, summary)
    with atomic_path(place / "curves.json") as numbers:
        numbers.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        write_text(place / "report.html", html)  # both or none
    return summary, place / "report.html", place / "curves.json"


def page(demo: Demo, summary: dict[str, Any]) -> str:
    """Return the whole page as HTML."""
    verdict = summary["verdict"]
    curves = themed(plots.curves, summary, "Learning curves: test accuracy by number of labels")
    gap = themed(plots.difference, summary, "Paired difference in test accuracy by number of labels")
    means = [[summary["curves"][name]["accuracy"]["mean"][k] for name in LABELS] for k in range(len(summary["labels"]))]
    best = [1 + values.index(max(values)) if k else None for k, values in enumerate(means)]
    sections = [
        f'<h2>Accuracy by number of labels</h2><div class="pair"><figure>{curves}</figure><figure>{gap}</figure></div>'
        f'<p class="note">{_curves_caption(demo.settings.seeds)}</p>',
        f"<h2>The numbers</h2>{table(HEAD, table_rows(summary), best)}"
        '<p class="note">Test accuracy in percent, mean ± standard deviation over seeds; in brackets the 95 % interval '
        "of the mean paired difference, in points; the higher mean is bold. Every number, seed by seed, is in "
        "<code>curves.json</code> beside this page.</p>",
        f"<h2>The map, before and after transport</h2>{_map(query_map(demo.query))}",
        '<h2>What was picked, round by round</h2><p class="note">The first seed\'s run. The class under each image was '
        f"not known when it was picked.</p><h3>SPOT</h3>{_gallery(demo, OWN)}"
        f"<details><summary>The same for random</summary>{_gallery(demo, BASE)}</details>",
        f"<h2>Where this comes from</h2>{_provenance(summary)}",
    ]
    badge = f'<span class="badge {verdict.replace(" ", "-")}">{escape(verdict)}</span><p>{escape(_question(demo))}</p>'
    return document(f"spotal: SPOT against random on {demo.data.name}", summary["headline"], sections, lead=badge)


def table_rows(summary: dict[str, Any]) -> list[list[str]]:
    """Return the rows below ``HEAD``: accuracies in percent, and the difference with its interval in points."""
    gap, rows = summary["difference"]["by_labels"], []
    for k, labels in enumerate(summary["labels"]):
        cells = [str(labels)]
        for curve in (summary["curves"][name]["accuracy"] for name in LABELS):
            spread = f" ± {100 * curve['sd'][k]:.1f}" if len(curve["runs"]) > 1 else ""
            cells.append(f"{100 * curve['mean'][k]:.1f}{spread}")
        low, high = gap["low"][k], gap["high"][k]
        spread = "" if low is None or k == 0 else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
        rows.append([*cells, f"{100 * gap['mean'][k]:+.1f}{spread}"])
    return rows


def _question(demo: Demo) -> str:
    settings, data = demo.settings, demo.data
    sizes = sorted({len(pool.rows) for pool in demo.pools})
    pool = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    tail = f", the rarest class made {settings.imbalance:g} times rarer than the largest" * (settings.imbalance != 1)
    seeds = "This is one run."
    if settings.seeds > 1:
        seeds = f"All of it is done under {settings.seeds} seeds; in each, both start from the same random images."
    learner = "a linear probe on features of the images" if demo.on_features else "the same small network"
    return (
        f"SPOT and random picking each choose {settings.budget} images to label, {settings.rounds} times, from {pool} "
        f"images of {data.name} in {data.n_classes} classes{tail}. After each time {learner} is trained "
        f"from scratch and tested on {demo.n_test:,} other images. {seeds}"
    )


def _curves_caption(seeds: int) -> str:
    if seeds == 1:
        return "One run; more seeds (--seeds) are needed to tell a difference from chance."
    return (
        f"First picture: mean of {seeds} seeds (thick), single seeds (thin), and the 95 % Student interval of the mean "
        "(band). Second: the difference seed by seed (dots), its mean and 95 % interval; the first point is the shared "
        "random batch. A difference whose interval holds zero may be chance."
    )


def _gallery(demo: Demo, strategy: str) -> str:
    """One block a round: its picks in order with their classes, and the number of classes with a label so far."""
    data, pool, blocks = demo.data, demo.pools[0], []
    seen: set[int] = set()
    for done in demo.rounds[strategy, demo.protocol.first_seed]:
        if not done["picks"]:
            continue
        rows = pool.rows[done["picks"]]
        seen |= set(data.y[rows].tolist())
        shares = demo.shares.get((strategy, done["round"]))
        shown = []
        for k, row in enumerate(rows[:MOST_SHOWN]):
            share = "" if shares is None else f", its cell has {shares[k]:.1%} of the mass"
            shown.append((data.X[row], data.class_names[data.y[row]], f"pick {k + 1}, row {row}{share}"))
        more = f", the first {MOST_SHOWN} are shown" if len(rows) > MOST_SHOWN else ""
        title = f"Round {done['round']}" if done["round"] else "First batch, random"
        blocks.append(
            f'<section class="round"><h4>{title} <span>{len(rows)} images{more} · {len(seen)} of {data.n_classes} '
            f"classes have a label by now</span></h4>{thumbnails(shown)}</section>"
        )
    return "\n".join(blocks)


def _map(picture: QueryMap) -> str:
    """Both maps with captions."""
    before = themed(plots.map_before, picture, "Pool before transport", raster=True)
    after = themed(plots.map_after, picture, "Pool after transport", raster=True)
    return (
        f'<div class="pair"><figure>{before}<figcaption>Before: the network\'s embeddings</figcaption></figure>'
        f"<figure>{after}<figcaption>After: the hypercube</figcaption></figure></div>"
        f'<p class="note">{escape(_map_caption(picture))}</p>'
    )


def _map_caption(picture: QueryMap) -> str:
    drawn = "" if len(picture.before) == picture.n else f" ({len(picture.before):,} of {picture.n:,} are drawn)"
    shown = "all coordinates" if picture.dim <= 2 else f"the first two of {picture.dim} coordinates"
    text = (
        f"Round 1 of the first seed. Gray dots are unlabeled images{drawn}, crosses are images labeled before, "
        f"orange dots the {len(picture.picks)} picked in this round. Both pictures show {shown}. Before: principal "
        "components of the embeddings. After: the positions to which transport maps them in the unit hypercube, where "
        "equal volumes have equal mass. "
    )
    if len(picture.design):
        return text + "Rings are the points of the design."
    return text + (
        "The cube is fitted for this picture alone: SPOT measures distance in units of mass on the graph of nearest "
        "neighbors, in all coordinates, and prefers images whose class the network is unsure about."
    )


def _provenance(summary: dict[str, Any]) -> str:
    """Settings, parameters and versions as lists."""
    data = summary["data"]
    counts = dict(zip(data["class_names"], data["class_counts"][0], strict=True))
    about = {
        "name": data["name"],
        "height, width, channels": data["shape"],
        "images in the pool": data["pool_sizes"] if len(set(data["pool_sizes"])) > 1 else data["pool_sizes"][0],
        "test images": data["test_size"],
        "images by class in the first seed's pool": counts,
    }
    blocks = {
        "Data": about,
        "Settings and seeds": summary["settings"],
        "Parameters of SPOT": summary["parameters"],
        "Diagnostics of its last query, first seed": {k: float(f"{v:.4g}") for k, v in summary["diagnostics"].items()},
        "Time": {
            "seconds in all": round(summary["seconds"], 1),
            **{
                f"processor seconds a query, {LABELS[k]}": float(f"{v:.3g}")
                for k, v in summary["query_seconds"].items()
            },
        },
        "Versions": summary["versions"],
    }
    return "\n".join(
        f"<h4>{escape(title)}</h4><dl>"
        + "".join(
            f"<dt>{escape(str(key).replace('_', ' '))}</dt><dd>{escape(_plain(value))}</dd>"
            for key, value in block.items()
        )
        + "</dl>"
        for title, block in blocks.items()
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "not set" if value is None else str(value)
