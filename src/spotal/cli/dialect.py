"""The options --encoding and --delimiter, which every command has that reads tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spotal.tables import Dialect

__all__ = ["Delimiter", "Encoding", "dialect_of"]

Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoding of text files without a byte-order mark, such as cp1252; UTF-8 by default.",
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="What separates the columns of .csv files whose first line has it; found by default.",
        show_default=False,
    ),
]


def dialect_of(encoding: str | None, delimiter: str | None) -> Dialect:
    """Return what the two options mean. Raises InputError."""
    from spotal.tables import Dialect

    return Dialect(encoding, delimiter)
