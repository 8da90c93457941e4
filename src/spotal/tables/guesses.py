"""Check for tables of predicted labels, as ``spotal predict`` writes them."""

from __future__ import annotations

from spotal.errors import DataFileError
from spotal.tables.table import Table

__all__ = ["refuse_guesses"]


def refuse_guesses(table: Table) -> None:
    """Raise DataFileError if a label table has predictions, marked by "model" in column ``by``."""
    sources = table.cells("by") if "by" in table.names else []
    guessed = [row for row, by in enumerate(sources) if str(by).strip().casefold() == "model"]
    if guessed:
        raise DataFileError(
            f"{table.path} has {len(guessed):,} labels that a model guessed (by=model), the first in "
            f"{table.where(guessed[0])}, and a guess is no answer; leave these rows out"
        )
