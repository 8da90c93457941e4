"""The report of a project: one HTML page without other files."""

from spotal.project.report.facts import Facts, gather
from spotal.project.report.page import numbers, page, write_page

__all__ = ["Facts", "gather", "numbers", "page", "write_page"]
