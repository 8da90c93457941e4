"""Ablation of SPOT's default: the gain by each part, and the effect of its settings. Writes docs/evidence/ablation.md.

spotal bench benchmarks/research/ablation-*.toml --out RUN --kept benchmarks/research
python -m benchmarks.ablation RUN
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

from benchmarks.pages import cells_of, write_page

from spotal.bench.compare import paired
from spotal.bench.results import Cell
from spotal.bench.summary import METRIC


def main(run: str) -> None:
    """Write the page."""
    cells, origins = cells_of(run, "ablation-")
    lines = [
        "# Effect of each part",
        "",
        f"Written by `python -m benchmarks.ablation` on {datetime.now(UTC):%Y-%m-%d}, on development tasks. The "
        "numbers are the mean of the curve of balanced accuracy, in points. Differences are paired over seeds, with "
        "95 % Student intervals. The first table of each task begins with SPOT as published (`literal`), and each row "
        "adds one part. In the second table, each row changes one setting of the default, or is another strategy.",
        "",
        *origins,
    ]
    for cell in cells:
        default = next(name for name in cell.curves if name.endswith("the default"))
        steps = [name for name in cell.curves if name == "literal" or name.startswith("+ ")]
        peers = [choice.label for choice in cell.protocol.strategies if choice.label == choice.name]
        rest = [name for name in cell.curves if name not in (*steps, *peers)]
        lines += ["", f"## {cell.protocol.title}", "", f"`{cell.protocol.name}`, seeds {cell.seeds()}."]
        lines += ["", "| part | mean of curve | gain |", "| --- | ---: | ---: |"]
        lines += _rows(cell, [(steps[0], None), *((now, before) for before, now in pairwise(steps))])
        lines += ["", "| setting or strategy | mean of curve | to the default |", "| --- | ---: | ---: |"]
        lines += _rows(cell, [(name, default) for name in (*rest, *peers)])
    write_page("ablation.md", lines)


def _rows(cell: Cell, compared: Iterable[tuple[str, str | None]]) -> list[str]:
    rows = []
    for name, base in compared:
        own = cell.values(name, METRIC, cell.seeds()).mean(1)
        gain = ""
        if base is not None:
            result = paired(own, cell.values(base, METRIC, cell.seeds()).mean(1))
            gain = f"{100 * result.mean:+.1f} [{100 * result.low:+.1f}, {100 * result.high:+.1f}]"
        rows.append(f"| {name} | {100 * own.mean():.1f} | {gain} |")
    return rows


if __name__ == "__main__":
    main(sys.argv[1])
