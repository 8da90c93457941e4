"""Shards: the files that a pool larger than memory is cut into, each read a piece at a time."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import block_rows
from spotal.errors import DataFileError
from spotal.pool._tables import column, features, ids_of, read_npy, read_table, reading

__all__ = ["SHARD_SUFFIXES", "Shard", "open_shard"]

PIECE_BYTES = 8 << 20
STAMPED = 1 << 16
"""Bytes at the beginning and at the end of a file that are hashed to notice that it changed."""


class Shard(ABC):
    """A file of rows.

    path; rows : int; width : int; dtype : numpy dtype of the rows that ``pieces`` gives
    """

    path: Path
    rows: int
    width: int
    dtype: np.dtype[Any]

    def __init__(self, path: Path, id_column: str | None) -> None:
        self.path, self.id_column = path, id_column
        self._stamp = self.stamp()

    @abstractmethod
    def pieces(self) -> Iterator[NDArray[Any]]:
        """All rows in order, (k, width) at a time, a few MB."""

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The rows of these numbers, ascending. Reads the file up to the last of them."""
        found, first = [np.empty((0, self.width), self.dtype)], 0
        for piece in self.pieces():
            low, high = np.searchsorted(numbers, (first, first + len(piece)))
            found.append(piece[numbers[low:high] - first])
            first += len(piece)
            if high == len(numbers):
                break
        return np.concatenate(found)

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """The ids of all rows; None where there are none."""
        return None

    def stamp(self) -> tuple[int, int, str]:
        """Size, time of change and a hash of both ends of the file."""
        with reading(self.path):
            state = os.stat(self.path)
            with open(self.path, "rb") as file:
                digest = hashlib.blake2b(file.read(STAMPED), digest_size=16)
                file.seek(max(0, state.st_size - STAMPED))
                digest.update(file.read(STAMPED))
        return state.st_size, state.st_mtime_ns, digest.hexdigest()

    def check_unchanged(self) -> None:
        """Raise DataFileError where the file is not what it was when it was opened."""
        try:
            same = self.stamp() == self._stamp
        except DataFileError as error:
            raise DataFileError(
                f"{self.path} is gone, though it was there when the pool was opened ({error})"
            ) from None
        if not same:
            raise DataFileError(
                f"{self.path} changed while the pool was read; wait until it is written, then begin again"
            )


class NpyShard(Shard):
    """A .npy file of a matrix, memory-mapped; its ids, where it has any, are in another file."""

    def __init__(self, path: Path, id_column: str | None, ids: Path | None = None) -> None:
        super().__init__(path, id_column)
        self.ids_file = ids
        self.array = read_npy(path)
        if self.array.ndim != 2 or 0 in self.array.shape or self.array.dtype.kind not in "fuib":
            raise DataFileError(
                f"{path} must hold numbers of shape (rows, features), found {self.array.dtype} of shape "
                f"{self.array.shape}; save a full 2-D array"
            )
        self.rows, self.width = self.array.shape
        self.dtype = self.array.dtype

    def pieces(self) -> Iterator[NDArray[Any]]:
        step = block_rows(self.width, self.dtype.itemsize, PIECE_BYTES)
        for start in range(0, self.rows, step):
            yield self.array[start : start + step]

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self.array[numbers])

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        if self.ids_file is None:
            return None
        found = ids_of(read_table(self.ids_file)["id"], f"ids in {self.ids_file}")
        if len(found) != self.rows:
            raise DataFileError(
                f"{self.ids_file} must hold {self.rows} ids, found {len(found)}; delete it and run spotal embed again"
            )
        return found


class ZarrShard(Shard):
    """A zarr store of one matrix, read by stretches of its chunks."""

    def __init__(self, path: Path, id_column: str | None) -> None:
        super().__init__(path, id_column)
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

    def pieces(self) -> Iterator[NDArray[Any]]:
        step = max(1, block_rows(self.width, self.dtype.itemsize, PIECE_BYTES))
        step = max(step // self.array.chunks[0], 1) * self.array.chunks[0]
        for start in range(0, self.rows, step):
            try:
                yield np.asarray(self.array[start : start + step])
            except (OSError, ValueError, RuntimeError) as error:
                raise DataFileError(
                    f"{self.path} cannot be read from row {start} on ({error}); write it anew"
                ) from None

    def stamp(self) -> tuple[int, int, str]:
        size, latest, names = 0, 0, []
        for place, _, files in sorted(os.walk(self.path)):
            for name in sorted(files):
                state = os.stat(os.path.join(place, name))
                size, latest = size + state.st_size, max(latest, state.st_mtime_ns)
                names.append(name)
        return size, latest, hashlib.blake2b("\0".join(names).encode(), digest_size=16).hexdigest()


class TableShard(Shard):
    """A Parquet or Arrow file: the columns of numbers, or one column of lists, as ``read_pool`` reads them."""

    def __init__(self, path: Path, id_column: str | None) -> None:
        super().__init__(path, id_column)
        with self._reading():
            self.file = self._open()
            names = [field.name for field in self._schema()]
            self.id_column = id_column or ("id" if "id" in names else None)
            first = next(self._tables(None, 1), None)
        if first is None:
            raise DataFileError(f"{path} has no rows; remove it")
        self.rows = self._count()
        sample = features(first, path, (self.id_column,))
        self.width, self.dtype = sample.shape[1], sample.dtype

    def pieces(self) -> Iterator[NDArray[Any]]:
        with self._reading():
            for table in self._tables(None, block_rows(self.width, self.dtype.itemsize, PIECE_BYTES)):
                yield features(table, self.path, (self.id_column,))

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        import pyarrow as pa

        if self.id_column is None:
            return None
        with self._reading():
            parts = list(self._tables([self.id_column], 1 << 16))
        return ids_of(column(pa.concat_tables(parts), self.id_column, "id_column", self.path), f"ids in {self.path}")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            with reading(self.path):
                yield
        except (pa.ArrowException, EOFError) as error:
            said = " ".join(str(error).split())[:200]
            raise DataFileError(f"{self.path} is damaged or cut short ({said}); write it anew") from None

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.path, memory_map=True)

    def _schema(self) -> Any:
        return self.file.schema_arrow

    def _count(self) -> int:
        return int(self.file.metadata.num_rows)

    def _tables(self, columns: list[str] | None, rows: int) -> Iterator[Any]:
        """The file as tables of at most so many rows."""
        import pyarrow as pa

        for batch in self.file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


class ArrowShard(TableShard):
    """An Arrow (Feather) file, memory-mapped."""

    def _open(self) -> Any:
        import pyarrow as pa

        return pa.ipc.open_file(pa.memory_map(str(self.path)))

    def _schema(self) -> Any:
        return self.file.schema

    def _count(self) -> int:
        return sum(self.file.get_batch(k).num_rows for k in range(self.file.num_record_batches))

    def _tables(self, columns: list[str] | None, rows: int) -> Iterator[Any]:
        import pyarrow as pa

        for k in range(self.file.num_record_batches):
            table = pa.Table.from_batches([self.file.get_batch(k)])
            table = table if columns is None else table.select(columns)
            for start in range(0, table.num_rows, rows):
                yield table.slice(start, rows)


_KINDS: dict[str, type[Shard]] = {
    ".npy": NpyShard,
    ".parquet": TableShard,
    ".arrow": ArrowShard,
    ".feather": ArrowShard,
    ".zarr": ZarrShard,
}
SHARD_SUFFIXES = tuple(_KINDS)


def open_shard(path: Path, id_column: str | None = None) -> Shard:
    """The file as a shard, by its ending. Raises DataFileError where it is missing, damaged or holds no matrix."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise DataFileError(f"{path} is no shard of a pool; its name must end in {', '.join(SHARD_SUFFIXES)}")
    return kind(path, id_column)
