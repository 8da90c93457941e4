"""Shards: the files that a pool larger than memory is cut into, each read a piece at a time."""

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
from spotal.tables import listed, read_table, reading
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

    path; rows : int; width : int; dtype : numpy dtype of the rows that ``pieces`` gives; stamp : what the file was
    id_column : column of the ids, or None; others : columns of a table that are no features either

    Raises InputError where a column is named that the file does not have.
    """

    path: Path
    rows: int
    width: int
    dtype: np.dtype[Any]

    def __init__(self, path: Path, id_column: str | None, others: tuple[str, ...] = ()) -> None:
        self.path, self.id_column, self.others = path, id_column, others
        self.signature = FileSignature(path)

    def _no_columns(self) -> None:
        name = next((name for name in (self.id_column, *self.others) if name is not None), None)
        if name is not None:
            raise InputError(
                "others" if self.id_column is None else "id_column",
                f"cannot be read from {self.path}, which has none",
                "leave it out",
                subject=f"columns such as {name!r}",
            )

    @abstractmethod
    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        """The rows from ``start`` to before ``stop`` in order, (k, width) at a time, a few MB."""

    @abstractmethod
    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The rows of these numbers, ascending."""

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """The ids of all rows; None where there are none."""
        return None

    def column(self, name: str, argument: str) -> pa.ChunkedArray:
        """A column of all rows, as an arrow column without empty cells. Raises InputError where there is none."""
        raise InputError(argument, f"{name!r} cannot be read from {self.path}, which has no columns", "give a file")


class NpyShard(Shard):
    """A .npy file of a matrix, memory-mapped; its ids, where it has any, are in another file."""

    def __init__(
        self, path: Path, id_column: str | None, others: tuple[str, ...] = (), ids: Path | None = None
    ) -> None:
        super().__init__(path, id_column, others)
        self._no_columns()
        self.ids_file = ids
        self.array = read_npy(path)
        if self.array.ndim != 2 or 0 in self.array.shape or self.array.dtype.kind not in "fuib":
            raise DataFileError(
                f"{path} must hold numbers of shape (rows, features), found {self.array.dtype} of shape "
                f"{self.array.shape}; save a full 2-D array"
            )
        self.rows, self.width = self.array.shape
        self.dtype = self.array.dtype

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        step = block_rows(self.width, self.dtype.itemsize, PIECE_BYTES)
        for at in range(start, stop, step):
            yield self.array[at : min(at + step, stop)]

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self.array[numbers])

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        if self.ids_file is None:
            return None
        found = ids_of(column(read_table(self.ids_file).arrow, "id", "ids", self.ids_file), f"ids in {self.ids_file}")
        if len(found) != self.rows:
            raise DataFileError(
                f"{self.ids_file} must hold {self.rows} ids, found {len(found)}; delete it and run spotal embed again"
            )
        return found


class ZarrShard(Shard):
    """A zarr store of one matrix, read by stretches of its chunks."""

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
            self.array: Any = zarr.open_array(str(path), mode="r")
        except Exception as error:
            raise DataFileError(f"{path} cannot be read as a zarr array ({error}); repair or remove it") from None
        if self.array.ndim != 2 or 0 in self.array.shape or self.array.dtype.kind not in "fuib":
            raise DataFileError(f"{path} must hold numbers of shape (rows, features), found {self.array.shape}")
        self.rows, self.width = self.array.shape
        self.dtype = np.dtype(self.array.dtype)

    def pieces(self, start: int, stop: int) -> Iterator[NDArray[Any]]:
        step = max(1, block_rows(self.width, self.dtype.itemsize, PIECE_BYTES))
        step = max(step // self.array.chunks[0], 1) * self.array.chunks[0]
        while start < stop:
            end = min(stop, (start // step + 1) * step)  # no chunk is read twice
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
            raise DataFileError(f"{self.path} cannot be read from row {row} on ({error}); write it anew") from None


class TableShard(Shard):
    """A Parquet file: the columns of numbers, or one column of lists, as ``read_pool`` reads them.

    Only the row groups are read that hold what is asked for.
    """

    def __init__(self, path: Path, id_column: str | None, others: tuple[str, ...] = ()) -> None:
        super().__init__(path, id_column, others)
        with self._reading():
            names = [field.name for field in self._schema()]
            check_names(names, path)
            for name in (id_column, *others):
                if name is not None and name not in names:
                    argument = "id_column" if name == id_column else "column"
                    raise InputError(
                        argument,
                        must=f"name a column of {path}",
                        found=repr(name),
                        remedy=f"its columns are {listed(names)}",
                    )
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
        """The file, open: in each process by itself."""
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
                        "every row as many"
                    )
                yield piece
                start += len(piece)

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(numbers), self.width), self.dtype)
        group = np.searchsorted(self.ends, numbers, side="right")
        # rows of groups that follow each other are read in one go
        for part in np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(group) > 1) + 1):
            at = int(numbers[part[0]])
            for piece in self.pieces(at, int(numbers[part[-1]]) + 1):
                low, high = np.searchsorted(numbers, (at, at + len(piece)))
                found[low:high] = piece[numbers[low:high] - at]
                at += len(piece)
        return found

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        if self.id_column is None:
            return None
        values = self.column(self.id_column, "id_column")
        if is_integer(values.type):
            return ids_of(values, f"ids in {self.path}")
        return ids_of(texts_of(values, f"column {self.id_column!r}", self.path), f"ids in {self.path}")

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
            said = one_line(error)
            raise DataFileError(f"{self.path} is damaged or cut short ({said}); write it anew") from None

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, memory_map=True)

    def _schema(self) -> Any:
        return self.file.schema_arrow

    def _sizes(self) -> list[int]:
        """Rows of each part that can be read by itself."""
        about = self.file.metadata
        return [about.row_group(k).num_rows for k in range(about.num_row_groups)]

    def _parts(self, first: int, last: int, columns: list[str] | None, rows: int) -> Iterator[Any]:
        """Those parts as record batches, of at most so many rows where that can be asked for."""
        parts = list(range(first, last + 1))
        most = batch_rows(self.file.metadata, rows)
        yield from self.file.iter_batches(batch_size=most, row_groups=parts, columns=columns, use_threads=False)

    def _tables(self, columns: list[str] | None, rows: int, start: int, stop: int) -> Iterator[Any]:
        """The rows from ``start`` to before ``stop`` as tables of at most so many rows."""
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
    """An Arrow (Feather) file, or stream as Hugging Face ``datasets`` saves it, memory-mapped."""

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
