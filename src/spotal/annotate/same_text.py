"""Comparison of texts, ignoring differences that a person does not see."""

from __future__ import annotations

import unicodedata

from spotal.tables.formulas import unescape_formula

__all__ = ["is_same_text", "plain"]


def plain(text: str) -> str:
    """Normalize what programs change when they save a text: spaces, the form of accents, and a formula's quote."""
    return " ".join(unicodedata.normalize("NFC", unescape_formula(text).removeprefix("\ufeff")).split())


def is_same_text(first: str, second: str) -> bool:
    """Return whether two texts are equal after :func:`plain`."""
    return plain(first) == plain(second)
