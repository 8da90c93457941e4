"""Functions shared by scripts that write pages from a benchmark's run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.evidence.common import ROOT

from spotal.bench.results import Cell, read
from spotal.bench.store import Store
from spotal.bench.summary import summarize
from spotal.bench.tables import origin_lines

__all__ = ["cells_of", "write_page"]


def cells_of(run: str, prefix: str) -> tuple[list[Cell], list[str]]:
    """Return a run's protocols whose names begin with ``prefix``, and lines about their code and machine."""
    with Store(Path(run)) as store:
        cells = [cell for cell in read(store) if cell.protocol.name.startswith(prefix)]
        return cells, [f"- {line}" for line in origin_lines(summarize(cells, store))]


def write_page(name: str, lines: Iterable[str]) -> None:
    """Write docs/evidence/NAME and print its path."""
    page = ROOT / "docs" / "evidence" / name
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {page}")
