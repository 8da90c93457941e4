"""The pictures of a run as files, for papers and slides: SVG and PDF."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from spotal.bench import plots
from spotal.report.plots import LIGHT, svg
from spotal.storage.files import atomic_path
from spotal.storage.outputs import check_unnamed

__all__ = ["figures_of", "write_pictures"]


def figures_of(summary: dict[str, Any]) -> dict[str, Figure]:
    """Draw the pictures of a summary for light pages. Keys are "ranks", "penalty" and the benchmarks' names."""
    figures: dict[str, Figure] = {}
    if summary["ranks"] is not None:
        figures["ranks"] = plots.critical_difference(summary["ranks"], LIGHT)
    if summary["penalty"] is not None:
        figures["penalty"] = plots.penalty(summary["penalty"], LIGHT)
    for cell in summary["cells"]:
        figures[cell["name"].replace("/", "-")] = plots.curves(cell, LIGHT)
    return figures


def write_pictures(summary: dict[str, Any], folder: str | os.PathLike[str]) -> list[Path]:
    """Write each picture as ``NAME.svg`` and ``NAME.pdf``; the same summary gives the same bytes.

    Returns
    -------
    list of Path, the files

    Raises
    ------
    OutputError
        The folder cannot be written, or it has a file of the same name that spotal did not write.
    """
    place, written = Path(folder), []
    figures = figures_of(summary)
    for name in figures:
        for ending in ("svg", "pdf"):
            check_unnamed(place / f"{name}.{ending}", "name another folder by --plots")
    for name, figure in figures.items():
        for ending in ("svg", "pdf"):
            with atomic_path(place / f"{name}.{ending}") as part:
                if ending == "svg":
                    part.write_bytes(svg(figure))
                else:
                    figure.savefig(
                        part, format="pdf", metadata={"CreationDate": None, "Producer": None, "Creator": "spotal"}
                    )
            written.append(place / f"{name}.{ending}")
    return written
