r"""Cells of CSV files that a spreadsheet would run as a formula, such as ``=cmd|' /C calc'!A0``.

They are written with a quote before them, which shows as text and runs nothing, and read without it. The pair is exact:
what is written comes back. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

__all__ = ["escape_formula", "unescape_formula"]

FORMULA = re.compile(r"[\s']*(?:[=@＝＠]|[-+－＋](?!\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\Z))|'*[\t\r\n]")
"""What is run, whatever quotes and spaces are before it; a number with a sign is none."""


def escape_formula(text: str) -> str:
    """Put a quote before a text that would be run.

    Examples
    --------
    >>> escape_formula("=1+1"), escape_formula("-5"), escape_formula("cat")
    ("'=1+1", '-5', 'cat')
    """
    return f"'{text}" if FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Take the quote away that :func:`escape_formula` put there."""
    return text[1:] if text[:1] == "'" and FORMULA.match(text[1:]) else text
