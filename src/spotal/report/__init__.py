"""Reports: strategies compared on real data, as numbers, as pictures, and as one page that opens anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal._lazy import lazily

_HOMES = {
    "Comparison": "spotal.report.comparison",
    "Coverage": "spotal.report.covering",
    "Settings": "spotal.report.comparison",
    "compare": "spotal.report.comparison",
    "coverage": "spotal.report.covering",
    "prepare": "spotal.report.comparison",
    "summarize": "spotal.report.summary",
    "write_report": "spotal.report.html",
}

__all__ = [
    "Comparison",
    "Coverage",
    "Settings",
    "compare",
    "coverage",
    "prepare",
    "summarize",
    "write_report",
]

if TYPE_CHECKING:
    from spotal.report.comparison import Comparison, Settings, compare, prepare
    from spotal.report.covering import Coverage, coverage
    from spotal.report.html import write_report
    from spotal.report.summary import summarize

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
