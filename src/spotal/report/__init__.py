"""Parts that all reports share: colors and frames of pictures, pieces of HTML, thumbnails, coverage."""

from __future__ import annotations

from spotal.report.covering import FillDistance, coverage

__all__ = ["FillDistance", "coverage"]
