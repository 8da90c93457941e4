r"""Cells of CSV files that a spreadsheet would run as a formula, such as ``=cmd|' /C calc'!A0``.

A quote is written before them, so that spreadsheets show them as text, and removed on reading. Reading returns exactly
the text that was written. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

__all__ = ["escape_formula", "unescape_formula"]

FORMULA = re.compile(r"[\s']*(?:[=@＝＠]|[-+－＋](?!\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\Z))|'*[\t\r\n]")
"""Text that is run as a formula, even after quotes and spaces. Signed numbers are not formulas."""


def escape_formula(text: str) -> str:
    """Put a quote before a text that would run as a formula.

    Examples
    --------
    >>> escape_formula("=1+1"), escape_formula("-5"), escape_formula("cat")
    ("'=1+1", '-5', 'cat')
    """
    return f"'{text}" if FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Remove the quote that :func:`escape_formula` added."""
    return text[1:] if text[:1] == "'" and FORMULA.match(text[1:]) else text
