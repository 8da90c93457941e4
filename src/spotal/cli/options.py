"""The options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Delimiter", "Encoding", "Folder", "KeepFormulas", "RayAddress", "Strict"]

Folder = Annotated[Path, typer.Argument(help="The project.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Encoding of text files, such as cp1252. Default: UTF-8, or the file's byte-order mark."
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="Character between the columns of .csv files. Default: detected from the file's first line.",
    ),
]
KeepFormulas = Annotated[
    bool,
    typer.Option(
        "--keep-formulas",
        help="Write texts such as =1+1 unchanged to .csv. Without this, a quote is put before them, so that "
        "spreadsheets do not run them.",
    ),
]
RayAddress = Annotated[
    str | None, typer.Option(help="With --engine ray: address of a running cluster. By default a local one is started.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at an image that cannot be read.")]
