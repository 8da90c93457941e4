"""Whether two texts are the same for a person."""

from __future__ import annotations

import unicodedata

from spotal.tables.formulas import unescape_formula

__all__ = ["is_same_text", "plain"]


def plain(text: str) -> str:
    """The text without what programs change as they save it: spaces, the form of accents, and a formula's quote."""
    return " ".join(unicodedata.normalize("NFC", unescape_formula(text).removeprefix("\ufeff")).split())


def is_same_text(first: str, second: str) -> bool:
    """Whether two texts differ at most in spaces and the form of accents."""
    return plain(first) == plain(second)
