"""Shards: the files of a pool that may be larger than memory, each read one piece at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError, one_line
from spotal.numeric.arrays import block_rows
from spotal.pool.file_signature import FileSignature
from spotal.pool.manifest import id_cells
from spotal.tables import listed, reading
from spotal.tables.arrays import read_npy
from spotal.tables.arrow import ArrowFile
from spotal.tables.columns import column, features, ids_of, is_integer, texts_of
from spotal.tables.opening import check_names
from spotal.tables.unpacked import batch_rows, bounded

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Shard"]

PIECE_BYTES = 8 << 20


class Shard(ABC):
    """A file of rows.

    path; rows : int; width : int; dtype : of the rows; signature : state of the file at opening
    id_column : column of the ids, or None; others : other columns of a table that are not features

    Raises InputError if the file does not have a named column.
    """

    path: Path
    rows: int
    width: int
    dtype: np.dtype[Any]
    array: Any

    def __init__(self, path: Path, id_column: str | None, others: tuple[str, ...] = ()) -> None:
        self.path, self.id_column, self.others = path, id_column, others
        self.signature = FileSignature(path)

    def _no_columns(self) -> None:
        name = next((name for name in (self.id_column, *self.others) if name is not None), None)
        if name is not None:
            argument = "others" if self.id_column is None else "id_column"
            problem, subject = f"cannot be read from {self.path}, which has none", f"columns such as {name!r}"
            raise InputError(argument, problem, "leave it out", subject=subject)

    def _set_array(self, array: Any) -> None:
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fuib":
            raise DataFileError(
                f"{self.path} must hold numbers of shape (rows, features), found {array.dtype} of shape {array.shape}; "
                "save a full 2-D array"
            )
        self.array, self.dtype = array, np.dtype(array.dtype)
        self.rows, self.width = array.shape

    @abstractmethod
    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """Yield the rows from ``start`` to before ``stop`` in order, in pieces (k, width) of a few MB."""

    @abstractmethod
    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows of ascending numbers."""

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """Return the ids of all rows; None if there are none."""
        return None

    def column(self, name: str, argument: str) -> pa.ChunkedArray:
        """Return a column of all rows without empty cells. Raises InputError if there is no such column."""
        raise InputError(argument, f"{name!r} cannot be read from {self.path}, which has no columns", "give a file")


class NpyShard(Shard):
    """A .npy file of a matrix, memory-mapped, with its ids in another file or without ids."""

    def __init__(
        self, path: Path, id_column: str | None, others: tuple[str, ...] = (), ids: Path | None = None
    ) -> None:
        super().__init__(path, id_column, others)
        self._no_columns()
        self.ids_file = ids
        self._set_array(read_npy(path))

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        step = block_rows(self.width, self.dtype.itemsize, PIECE_BYTES)
        for at in range(start, stop, step):
            yield self.array[at : min(at + step, stop)]

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self.array[numbers])

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        if self.ids_file is None:
            return None
        return ids_of(id_cells(self.ids_file, self.rows), f"ids in {self.ids_file}")


class ZarrShard(Shard):
    """A zarr store of one matrix, read by whole chunks."""

    def __init__(self, path: Path, id_column: str | None, others: tuple[str, ...] = ()) -> None:
        super().__init__(path, id_column, others)
        self._no_columns()
        try:
            import zarr
        except ImportError:
            raise DataFileError(
                f"{path} is a zarr store, and zarr is not installed: pip install spotal[zarr]"
            ) from None
        try:
            array: Any = zarr.open_array(str(path), mode="r")
        except Exception as error:
            raise DataFileError(f"{path} cannot be read as a zarr array ({error}); repair or remove it") from None
        self._set_array(array)

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        step = max(1, block_rows(self.width, self.dtype.itemsize, PIECE_BYTES))
        step = max(step // self.array.chunks[0], 1) * self.array.chunks[0]
        while start < stop:
            end = min(stop, (start // step + 1) * step)  # read no chunk twice
            with self._reading(start):
                piece = np.asarray(self.array[start:end])
            yield piece
            start = end

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        with self._reading(int(numbers[0])):
            return np.asarray(self.array.get_orthogonal_selection((numbers, slice(None))))

    @contextmanager
    def _reading(self, row: int) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            raise DataFileError(f"{self.path} cannot be read from row {row} on ({error}); write it again") from None


class TableShard(Shard):
    """A Parquet file, read by row groups; its features are the same as in ``read_pool``."""

    def __init__(self, path: Path, id_column: str | None, others: tuple[str, ...] = ()) -> None:
        super().__init__(path, id_column, others)
        with self._reading():
            names = [field.name for field in self._schema()]
            check_names(names, path)
            for name in (id_column, *others):
                if name is not None and name not in names:
                    must, remedy = f"name a column of {path}", f"its columns are {listed(names)}"
                    argument = "id_column" if name == id_column else "column"
                    raise InputError(argument, must=must, found=repr(name), remedy=remedy)
            self.id_column = id_column or ("id" if "id" in names else None)
            self.ends = np.cumsum(self._sizes(), dtype=np.int64)
            self.rows = int(self.ends[-1]) if len(self.ends) else 0
            first = next(self._tables(None, 1, 0, self.rows), None)
        if first is None:
            raise DataFileError(f"{path} has no rows; remove it")
        sample = self._features(first)
        self.width, self.dtype = sample.shape[1], sample.dtype

    @cached_property
    def file(self) -> Any:
        """The open file, which each process opens by itself."""
        return self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "file"}

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        with self._reading():
            for table in self._tables(None, block_rows(self.width, self.dtype.itemsize, PIECE_BYTES), start, stop):
                piece = self._features(table)
                if piece.shape[1] != self.width:
                    raise DataFileError(
                        f"{self.path} has {piece.shape[1]} numbers in row {start} and {self.width} in row 0; give "
                        "all rows the same width"
                    )
                yield piece
                start += len(piece)

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        rows = np.empty((len(numbers), self.width), self.dtype)
        group = np.searchsorted(self.ends, numbers, side="right")
        # rows of consecutive groups are read together
        for part in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(group) > 1) + 1):
            at = int(numbers[part[0]])
            for piece in self.pieces(at, int(numbers[part[-1]]) + 1):
                low, high = np.searchsorted(numbers, (at, at + len(piece)))
                rows[low:high] = piece[numbers[low:high] - at]
                at += len(piece)
        return rows

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        if self.id_column is None:
            return None
        values: Any = self.column(self.id_column, "id_column")
        if not is_integer(values.type):
            values = texts_of(values, f"column {self.id_column!r}", self.path)
        return ids_of(values, f"ids in {self.path}")

    def column(self, name: str, argument: str) -> pa.ChunkedArray:
        import pyarrow as pa

        with self._reading():
            parts = list(bounded(self.path, self._tables([name], 1 << 16, 0, self.rows)))
        return column(pa.concat_tables(parts), name, argument, self.path)

    def _features(self, table: Any) -> NDArray[Any]:
        return features(table, self.path, (self.id_column, *self.others))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            with reading(self.path):
                yield
        except (pa.ArrowException, EOFError) as error:
            reason = one_line(error)
            raise DataFileError(f"{self.path} is damaged or cut short ({reason}); write it again") from None

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, memory_map=True)

    def _schema(self) -> Any:
        return self.file.schema_arrow

    def _sizes(self) -> list[int]:
        """Return the numbers of rows of the parts, which can be read separately."""
        metadata = self.file.metadata
        return [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]

    def _parts(self, first: int, last: int, columns: list[str] | None, rows: int) -> Iterator[Any]:
        """Yield parts as record batches, of at most ``rows`` rows if the format can limit them."""
        parts = list(range(first, last + 1))
        most = batch_rows(self.file.metadata, rows)
        yield from self.file.iter_batches(batch_size=most, row_groups=parts, columns=columns, use_threads=False)

    def _tables(self, columns: list[str] | None, rows: int, start: int, stop: int) -> Iterator[Any]:
        """Yield the rows from ``start`` to before ``stop`` as tables of at most ``rows`` rows."""
        import pyarrow as pa

        if start >= stop:
            return
        first, last = (int(k) for k in np.searchsorted(self.ends, (start, stop - 1), side="right"))
        at = int(self.ends[first - 1]) if first else 0
        for batch in self._parts(first, last, columns, rows):
            for low in range(max(start - at, 0), min(stop - at, batch.num_rows), rows):
                yield pa.Table.from_batches([batch.slice(low, min(rows, stop - at - low))])
            at += batch.num_rows


class ArrowShard(TableShard):
    """An Arrow (Feather) file, or a stream file of Hugging Face ``datasets``, memory-mapped."""

    def _open(self) -> Any:
        return ArrowFile(self.path)

    def _schema(self) -> Any:
        return self.file.schema

    def _sizes(self) -> list[int]:
        return [self.file.get_batch(k).num_rows for k in range(self.file.num_record_batches)]

    def _parts(self, first: int, last: int, columns: list[str] | None, rows: int) -> Iterator[Any]:
        for k in range(first, last + 1):
            batch = self.file.get_batch(k)
            yield batch if columns is None else batch.select(columns)
