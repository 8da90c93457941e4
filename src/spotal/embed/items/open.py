"""Find the items that a source holds."""

from __future__ import annotations

import os
from pathlib import Path

from spotal.datasets import names
from spotal.datasets.parquet_images import parquet_parts
from spotal.embed.items.base import Items
from spotal.embed.items.folder import FolderItems
from spotal.embed.items.named import NamedItems
from spotal.embed.items.table import SUFFIXES, TableItems
from spotal.errors import DataFileError, InputError
from spotal.images import suffixes
from spotal.tables import PLAIN, Dialect, reading

__all__ = ["open_items"]


def open_items(
    source: str | os.PathLike[str],
    *,
    column: str | None = None,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
    strict: bool = False,
) -> Items:
    """The images or texts of a source.

    Parameters
    ----------
    source : path or str
        A dataset's name; a file .parquet, .arrow, .csv or .jsonl; a folder of Parquet files (the pool's part of them,
        there or in ``data``), of images, or else of other tables. A name counts before a path.
    column : str or None
        Of a table: the column of images or text; None for the first of the usual names.
    id_column : str or None
        Of a table: the column of ids; None for ``id`` where there is one, else rows go by number.
    dialect : Dialect
        Of CSV and JSON Lines: encoding and delimiter.
    strict : bool
        Whether a file of a folder of images that cannot be read as one is an error; else it is left out with a
        ``SpotalWarning``.

    Raises
    ------
    DataFileError
        It is missing, corrupt, or holds nothing of the kind; or, if strict, an image is left out.
    InputError
        A column is named that is not there, or there are none to name.
    """
    path = Path(source)
    if os.fspath(source) in names():
        _no_columns(column, id_column, "a dataset")
        return NamedItems(os.fspath(source))
    if path.is_dir():
        parquet, _ = parquet_parts(path)
        if parquet:
            return TableItems(parquet, column, id_column, path, dialect)
        tables = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != ".")
        arrow = [file for file in tables if not file.name.lower().endswith(".json")]  # those describe, as a rule
        if arrow and not _has_images(path):
            kinds = {file.suffix.lower() for file in arrow}
            if len(kinds) > 1:
                raise InputError(
                    "source",
                    must="be a folder of one kind of table",
                    found=f"{', '.join(sorted(kinds))} in {path}",
                    remedy="name one file",
                )
            return TableItems(arrow, column, id_column, path, dialect)
        _no_columns(column, id_column, "a folder of images")
        return FolderItems(path, strict)
    with reading(path):
        path.stat()
    if path.suffix.lower() in SUFFIXES:
        return TableItems([path], column, id_column, path, dialect)
    remedy = "give its folder" if path.suffix.lower() in suffixes() else f"give one of {' '.join(SUFFIXES)}"
    raise DataFileError(f"{path} is no folder and no table of images or text; {remedy}")


def _has_images(folder: Path) -> bool:
    return any(
        name.lower().endswith(suffixes())
        for _, _, files in os.walk(folder, followlinks=False)
        for name in files
        if not name.startswith(".")
    )


def _no_columns(column: str | None, id_column: str | None, what: str) -> None:
    for argument, name in (("column", column), ("id_column", id_column)):
        if name is not None:
            raise InputError(argument, f"{name!r} cannot be read from {what}, which has no columns", "leave it out")
