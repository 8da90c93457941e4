"""Reports: strategies compared on real data, as numbers, as pictures, and as one page that opens anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.lazy import lazily

_HOMES = {
    "Comparison": "spotal.report.comparison",
    "FillDistance": "spotal.report.covering",
    "ComparisonSettings": "spotal.report.comparison",
    "compare": "spotal.report.comparison",
    "coverage": "spotal.report.covering",
    "prepare": "spotal.report.comparison",
    "summarize": "spotal.report.summary",
    "write_report": "spotal.report.html",
}

__all__ = [
    "Comparison",
    "ComparisonSettings",
    "FillDistance",
    "compare",
    "coverage",
    "prepare",
    "summarize",
    "write_report",
]

if TYPE_CHECKING:
    from spotal.report.comparison import Comparison, ComparisonSettings, compare, prepare
    from spotal.report.covering import FillDistance, coverage
    from spotal.report.html import write_report
    from spotal.report.summary import summarize

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
