"""The options --encoding and --delimiter of the commands that read tables."""

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
        help="Encoding of text files, such as cp1252. Default: UTF-8, or the file's byte-order mark.",
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="Character between the columns of .csv files. Default: detected from the file's first line.",
        show_default=False,
    ),
]


def dialect_of(encoding: str | None, delimiter: str | None) -> Dialect:
    """Return the dialect of the two options. Raises InputError."""
    from spotal.tables import Dialect

    return Dialect(encoding, delimiter)
