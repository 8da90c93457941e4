"""The results of a run as one HTML page without scripts, other files or network access."""

from __future__ import annotations

import json
import os
from html import escape
from typing import Any

from spotal.bench import plots
from spotal.bench.gallery import gallery
from spotal.bench.results import Cell
from spotal.bench.tables import HEAD, NOTE, first_labels, harness, origin_lines, penalty_rows, rank_rows, rows
from spotal.report.parts import document, table, themed
from spotal.storage.files import write_text

__all__ = ["page", "write_page"]


def write_page(cells: list[Cell], summary: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the page to a temporary file and rename it. Raises OutputError if it cannot be written."""
    write_text(path, page(cells, summary))


def page(cells: list[Cell], summary: dict[str, Any]) -> str:
    """Return the HTML of the page."""
    parts = zip(cells, summary["cells"], strict=True)
    sections = [_overall(summary), *(_section(cell, part) for cell, part in parts), _origin(summary)]
    title = f"spotal bench: {len(summary['cells'])} benchmark{'s' * (len(summary['cells']) != 1)}"
    return document(title, _headline(summary), sections)


def _headline(summary: dict[str, Any]) -> str:
    ranks = summary["ranks"]
    names = {name for cell in summary["cells"] for name in cell["strategies"]}
    text = f"{len(names)} strategies on {len(summary['cells'])} benchmarks"
    if ranks is not None:
        best = next(iter(ranks["mean"]))
        text += f"; best average rank: {best}, {ranks['mean'][best]:.1f} over {ranks['n']} {ranks['blocks']}"
    return text


def _overall(summary: dict[str, Any]) -> str:
    text = ""
    ranks, matrix = summary["ranks"], summary["penalty"]
    if ranks is not None:
        p = "" if ranks["friedman"] is None else f" Friedman's test of equal ranks: p = {ranks['friedman']:.2g}."
        text += (
            f"<h2>Average ranks</h2><div class=wide>{themed(plots.critical_difference, ranks, 'Average ranks')}</div>"
            f'<p class="note">Ranks by mean of curve, 1 the best, over {ranks["n"]} {ranks["blocks"]}. '
            f"Strategies joined by a bar do not differ significantly at .05 (Nemenyi test).{p} Pools of one benchmark "
            "are not independent data sets.</p>"
            f"<details><summary>The ranks</summary>{table(['strategy', 'rank'], rank_rows(ranks))}</details>"
        )
    if matrix is not None:
        head, body = penalty_rows(matrix)
        text += (
            f"<h2>Pairwise penalty matrix</h2><div class=wide>{themed(plots.penalty, matrix, 'Penalty matrix')}</div>"
            f'<p class="note">Number of benchmarks, of {matrix["most"]}, in which the row is significantly better than '
            "the column. Each benchmark counts by its share of compared queries (the 1st, 2nd, 4th, 8th, ...) at which "
            "this is so: paired t test over seeds at .05 (Ash et al. 2020). The strategies are ordered by the mean of "
            f"their column, the lowest first.</p><details><summary>The numbers</summary>{table(head, body)}</details>"
        )
    return text


def _section(cell: Cell, summary: dict[str, Any]) -> str:
    protocol = cell.protocol
    missing = f" {summary['missing']} jobs are not finished." if summary["missing"] else ""
    seeds = sorted({len(strategy["seeds"]) for strategy in summary["strategies"].values()})
    count = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    about = (
        f"{summary['name']}, a {summary['role']} benchmark. Pool of {protocol.pool.size or 'all'} rows of "
        f"{protocol.dataset}, learner {protocol.learner.kind}, {summary['asked'][0]} first labels "
        f"({first_labels(protocol.initial)}), then {protocol.rounds} batches of {protocol.batch_size}; {count} seeds."
        f"{missing}"
    )
    pictures = gallery(cell)
    more = f"<details><summary>Picks of each strategy</summary>{pictures}</details>" if pictures else ""
    settings = escape(json.dumps(summary["protocol"], indent=1))
    return (
        f"<h2>{escape(summary['title'])}</h2><p>{escape(about)}</p>"
        f"<div class=wide>{themed(plots.curves, summary, 'Learning curves')}</div>"
        '<p class="note">Means over seeds with bootstrap 95 % bands. SPOT, random and the three best other strategies '
        f'are in color, the rest is in gray.</p><div class="scroll">{table(list(HEAD), rows(summary))}</div>'
        f'<p class="note">{escape(NOTE)}</p>'
        f"{more}<details><summary>The protocol</summary><pre>{settings}</pre></details>"
    )


def _origin(summary: dict[str, Any]) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in origin_lines(summary))
    return (
        f"<h2>Origin of the results</h2>{lines}<p>{escape(harness(summary['time']))}</p>"
        f"<p>SHA-256 of all results: <code>{summary['digest']}</code></p>"
    )
