"""The results of a run as a Markdown document with pictures, for the docs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from spotal.bench.picture_files import figures_of
from spotal.bench.results import Cell
from spotal.bench.tables import HEAD, NOTE, first_labels, harness, origin_lines, penalty_rows, rank_rows, rows
from spotal.storage.files import atomic_path, write_text

__all__ = ["markdown", "write_markdown"]


def write_markdown(cells: list[Cell], summary: dict[str, Any], path: str | os.PathLike[str]) -> list[Path]:
    """Write the document, and its pictures to the folder ``images`` beside it. Returns the paths, the document last.

    The pictures' names begin with the document's name.
    """
    target = Path(path)
    images = target.parent / "images"
    stem = target.stem
    written = []
    for title, figure in figures_of(summary).items():
        name = _picture(stem, title)
        with atomic_path(images / f"{name}.png") as part:
            figure.savefig(part, format="png", dpi=130, facecolor="white", metadata={"Software": None})
        written.append(images / f"{name}.png")
    write_text(target, markdown(cells, summary, datetime.now(UTC).strftime("%Y-%m-%d"), stem))
    return [*written, target]


def markdown(cells: list[Cell], summary: dict[str, Any], date: str, stem: str) -> str:
    """Return the text of the document. ``stem`` is its file name without the ending, and makes its title."""
    names = " ".join(cell["name"] for cell in summary["cells"])
    text = [f"# {stem.replace('-', ' ').capitalize()}"]
    if summary["ranks"] is not None:
        ranks = summary["ranks"]
        text += [
            "## Average ranks",
            f"![Average ranks](images/{stem}-ranks.png)",
            f"Ranks by mean of curve over {ranks['n']} {ranks['blocks']}; 1 is the best. Only seeds that all "
            "strategies have are used. Strategies joined by a bar do not differ significantly at .05 (Nemenyi test).",
            _table(["strategy", "rank"], rank_rows(ranks)),
        ]
    if summary["penalty"] is not None:
        text += [
            "## Pairwise penalty matrix",
            f"![Penalty matrix](images/{stem}-penalty.png)",
            f"Number of benchmarks, of {summary['penalty']['most']}, in which the row is significantly better than "
            "the column. Each benchmark counts by its share of compared queries (the 1st, 2nd, 4th, 8th, ...) at "
            "which this is so: paired t test over seeds at .05 (Ash et al. 2020). The last row is the mean of each "
            "column: lower is better.",
            _table(*penalty_rows(summary["penalty"])),
        ]
    for cell, part in zip(cells, summary["cells"], strict=True):
        text += [f"## {part['title']}", _about(cell, part), f"![Curves](images/{_picture(stem, part['name'])}.png)"]
        text += [_table(list(HEAD), rows(part))]
    text += [
        "## How it was measured",
        NOTE,
        f"Written by `spotal report RUN --markdown` on {date} from the results of `spotal bench {names}`. The same "
        "command gives the same numbers again.",
        *(f"- {line}" for line in origin_lines(summary)),
        f"- {harness(summary['time'])}",
        f"- SHA-256 of all results: `{summary['digest']}`",
    ]
    return _joined(text)


def _about(cell: Cell, summary: dict[str, Any]) -> str:
    protocol = cell.protocol
    done = {name: sorted(strategy["seeds"]) for name, strategy in summary["strategies"].items()}
    seeds = sorted({seed for some in done.values() for seed in some})
    fewer = {name: some for name, some in done.items() if some != seeds}
    less = f" Fewer seeds: {'; '.join(f'{name} {_listed(some)}' for name, some in fewer.items())}." if fewer else ""
    missing = f" **{summary['missing']} jobs are not finished.**" if summary["missing"] else ""
    return (
        f"`{summary['name']}` ({summary['role']}): a pool of {protocol.pool.size or 'all'} rows, {summary['asked'][0]} "
        f"first labels ({first_labels(protocol.initial)}), {protocol.rounds} batches of {protocol.batch_size}, seeds "
        f"{_listed(seeds)}.{less}{missing}"
    )


def _listed(seeds: list[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _joined(blocks: list[str]) -> str:
    """Join blocks by an empty line, and items of a list by a line break."""
    text = blocks[0]
    for before, block in pairwise(blocks):
        text += ("\n" if before.startswith("- ") and block.startswith("- ") else "\n\n") + block
    return text + "\n"


def _picture(stem: str, name: str) -> str:
    return f"{stem}-{name.removeprefix(stem + '-')}"
