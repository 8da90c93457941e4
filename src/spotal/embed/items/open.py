"""Opening of the items in a source."""

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
from spotal.pool.keys import no_columns
from spotal.tables import PLAIN, TABLES, Dialect, reading

__all__ = ["open_items"]


def open_items(
    source: str | os.PathLike[str],
    *,
    column: str | None = None,
    id_column: str | None = None,
    dialect: Dialect = PLAIN,
    strict: bool = False,
) -> Items:
    """Open the images or texts of a source.

    Parameters
    ----------
    source : path or str
        A dataset's name; a .parquet, .arrow, .csv or .jsonl file; a folder of Parquet files in the layout of Hugging
        Face, whose pool part is read; a folder of images; or a folder of other tables of one kind. A dataset's name
        has precedence over a path.
    column : str or None
        Column of images or texts in a table; None for the first column with a common name.
    id_column : str or None
        Column of ids in a table; None for ``id`` if there is one, else row numbers are the ids.
    dialect : Dialect
        Encoding and delimiter of CSV and JSON Lines.
    strict : bool
        Whether a file in a folder of images that cannot be read is an error; if False, it is skipped with a
        ``SpotalWarning``.

    Raises
    ------
    DataFileError
        The source is missing, corrupt, or has no images or texts; or ``strict`` and an image cannot be read.
    InputError
        A named column does not exist, or the source has no columns.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from spotal.embed import open_items
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "texts.csv").write_text(chr(10).join(["id,text", "a,first", "b,second"]))
    ...     print(open_items(Path(folder, "texts.csv")).takes)
    text
    """
    path, named = Path(source), {"column": column, "id_column": id_column}
    if os.fspath(source) in names():
        no_columns(named, "a dataset")
        return NamedItems(os.fspath(source))
    if path.is_dir():
        parquet, _ = parquet_parts(path)
        if parquet:
            return TableItems(parquet, column, id_column, path, dialect)
        tables = sorted(file for file in path.iterdir() if file.suffix.lower() in TABLES and file.name[0] != ".")
        if tables and not _has_images(path):
            kinds = {file.suffix.lower() for file in tables}
            if len(kinds) > 1:
                listing = f"{', '.join(sorted(kinds))} in {path}"
                raise InputError(
                    "source", must="be a folder of one kind of table", found=listing, remedy="name one file"
                )
            return TableItems(tables, column, id_column, path, dialect)
        no_columns(named, "a folder of images")
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
