"""Tables with a column of images or texts: Parquet, Arrow, CSV and JSON Lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from spotal.embed.items.base import Content
from spotal.errors import DataFileError, InputError
from spotal.images import suffixes
from spotal.tables import PLAIN, TABLES, Dialect, Table, listed, read_table, reading
from spotal.tables.columns import column, ids_of, is_integer, is_text, texts_of
from spotal.tables.opening import check_names
from spotal.tables.unpacked import read_parquet

__all__ = ["SUFFIXES", "TableItems"]

SUFFIXES = (*TABLES, ".json")
IMAGE_COLUMNS = ("image", "img", "images", "image_path", "file", "file_name", "filename", "path")
TEXT_COLUMNS = ("text", "sentence", "content", "document", "body")


class TableItems:
    """One column of one table, or of several tables of the same kind.

    A column has images if its cells are bytes, structs with ``bytes`` and ``path`` as Hugging Face writes images, or
    names of image files relative to the table's folder. Other text columns have texts. Parquet is read by row groups,
    and Arrow is memory-mapped. CSV and JSON Lines are read whole. Without ids, the ids are row numbers, or ``file:row``
    for several files, relative to ``root``. Other arguments and errors are those of :func:`~spotal.embed.open_items`.
    """

    sizes: list[int] | None = None

    def __init__(
        self, files: list[Path], column_name: str | None, id_column: str | None, root: Path, dialect: Dialect = PLAIN
    ) -> None:
        self.files, self.dialect = files, dialect
        names = self._names(files[0])
        self.column = _choose(names, column_name, files[0])
        key = id_column or ("id" if "id" in names and self.column != "id" else None)
        counts: list[int] = []
        ids: list[Any] = []
        for file in files:
            names = self._names(file)
            missing = [name for name in (self.column, key) if name is not None and name not in names]
            if missing:
                raise InputError(
                    "column", must="name columns of every file", found=f"no {missing[0]!r} in {file}",
                    remedy=f"its columns are {listed(names)}", subject="column and id_column",
                )  # fmt: skip
            with self._opened(file) as part:
                counts.append(part.rows)
                if key is not None:
                    ids += part.ids(key)
        self.ends = list(accumulate(counts))
        if not self.ends[-1]:
            raise DataFileError(f"{files[0]} has no rows; write it again with at least one")
        if key is not None:
            integers = all(isinstance(name, int) for name in ids)
            self.ids = ids_of(ids if integers else [str(name) for name in ids], f"ids in {root}")
        elif len(files) == 1:
            self.ids = np.arange(self.ends[-1])
        else:
            titles = [file.relative_to(root).as_posix() for file in files]
            self.ids = [f"{name}:{row}" for name, count in zip(titles, counts, strict=True) for row in range(count)]
        self.takes = "text"  # until _holds_images has read some cells
        self.takes = "images" if self._holds_images() else "text"
        self.source: dict[str, Any] = {
            "kind": "table", "name": root.resolve().name, "column": self.column, "id_column": key,
            "rows": {file.relative_to(root).as_posix() if file != root else file.name: count
                     for file, count in zip(files, counts, strict=True)},
        }  # fmt: skip

    def _holds_images(self) -> bool:
        from pyarrow import types

        with self._opened(self.files[0]) as part:
            kind = part.type(self.column)
        if types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind):
            return True
        if not types.is_string(kind) and not types.is_large_string(kind) and not types.is_string_view(kind):
            raise DataFileError(
                f"{self.files[0]} has {kind} in column {self.column!r}, not images or text; name another by --column"
            )
        cells = self.read(range(min(100, self.ends[0])))
        first = next((text for text in cells if isinstance(text, str) and text), "")
        return first.lower().endswith(suffixes())

    def read(self, rows: Sequence[int]) -> list[Content]:
        """Return the contents of the rows; an empty cell is a DataFileError."""
        contents: list[Content] = []
        for row in rows:
            number = bisect_right(self.ends, row)
            start = self.ends[number - 1] if number else 0
            try:
                with self._opened(self.files[number]) as part:
                    cell = part.cell(self.column, row - start)
            except UnicodeDecodeError:
                cell = DataFileError(f"{self.ids[row]} is not UTF-8; write its text as UTF-8")
            contents.append(self._content(cell, self.files[number], row))
        return contents

    def _content(self, cell: Any, file: Path, row: int) -> Content:
        value: Any = cell
        path: str | None = None
        if isinstance(cell, dict):
            value, path = cell.get("bytes"), cell.get("path")
        elif isinstance(cell, str) and self.takes == "images":
            value, path = None, cell
        if value is None and path:
            return file.parent / path
        if value is None:
            return DataFileError(f"{self.ids[row]} is empty; fill it in or drop the row")
        if isinstance(value, str) and not is_text(value):
            return DataFileError(f"{self.ids[row]} holds half a character (a lone surrogate); correct it")
        if isinstance(value, (bytes, str, DataFileError)):
            return value
        return DataFileError(f"{self.ids[row]} holds {value!r:.40}, no bytes and no text; repair it")

    def _names(self, file: Path) -> list[str]:
        with self._opened(file) as part:
            return part.names

    @contextmanager
    def _opened(self, file: Path) -> Iterator[_Part]:
        """Open a file; errors of pyarrow within the block become a DataFileError."""
        import pyarrow as pa

        try:
            with reading(file):
                state = file.stat()
                yield _open(file, self.dialect, (state.st_mtime_ns, state.st_size))
        except pa.ArrowException as error:
            raise DataFileError(
                f"{file} is truncated or corrupt ({' '.join(str(error).split())[:200]}); write it again"
            ) from None


def _choose(names: list[str], wanted: str | None, file: Path) -> str:
    if wanted is not None:
        if wanted not in names:
            remedy = f"its columns are {listed(names)}"
            raise InputError("column", must=f"name a column of {file}", found=repr(wanted), remedy=remedy)
        return wanted
    usual = next((name for name in (*IMAGE_COLUMNS, *TEXT_COLUMNS) if name in names), None)
    if usual is None:
        must = f"name the column of images or text in {file}, whose columns are {listed(names)}"
        raise InputError("column", must=must)
    return usual


class _Part:
    """One table, in memory or memory-mapped."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = table.names
        self.rows = len(table)
        self._cells: dict[str, list[Any]] = {}

    def type(self, name: str) -> Any:
        import pyarrow as pa

        if self.table.arrow is not None:
            return _plain(self.table.arrow.schema.field(name).type)
        is_dict = any(isinstance(cell, dict) for cell in self.table.cells(name))
        return pa.struct([]) if is_dict else pa.string()

    def ids(self, name: str) -> list[Any]:
        ids = self.table.ids(name, "id_column")
        return ids if isinstance(ids, list) else ids.tolist()

    def cell(self, name: str, row: int) -> Any:
        if self.table.arrow is not None:
            return self.table.arrow[name][row].as_py()
        if name not in self._cells:
            self._cells[name] = self.table.cells(name)
        return self._cells[name][row]


class _Parquet(_Part):
    """A Parquet file; the column of the last row group is cached."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self.file: Any = pq.ParquetFile(path)
        meta = self.file.metadata
        self.names = self.file.schema_arrow.names
        check_names(self.names, path)
        self.rows = meta.num_rows
        self.ends = list(accumulate(meta.row_group(k).num_rows for k in range(meta.num_row_groups)))
        self.cached: tuple[str, int, Any] = ("", -1, None)

    def type(self, name: str) -> Any:
        return _plain(self.file.schema_arrow.field(name).type)

    def ids(self, name: str) -> list[Any]:
        values = column(read_parquet(self.file, self.path, [name]), name, "id_column", self.path)
        if is_integer(values.type):
            return list(values.to_pylist())
        return texts_of(values, f"column {name!r}", self.path)

    def cell(self, name: str, row: int) -> Any:
        group = bisect_right(self.ends, row)
        if self.cached[:2] != (name, group):
            self.cached = name, group, read_parquet(self.file, self.path, [name], [group])[name]
        return self.cached[2][row - (self.ends[group - 1] if group else 0)].as_py()


def _plain(kind: Any) -> Any:
    """Return the type of a column's values, also for a dictionary column."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


@lru_cache(maxsize=8)
def _open(file: Path, dialect: Dialect, state: tuple[int, int]) -> _Part:
    """Open a file, once for each process and ``state`` (time of change and size)."""
    return _Parquet(file) if file.suffix.lower() == ".parquet" else _Part(read_table(file, dialect))
