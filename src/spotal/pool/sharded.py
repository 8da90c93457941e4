"""A pool in many files, read one batch at a time, which may be larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.numeric.arrays import block_rows, to_tensor
from spotal.pool.base import Batch
from spotal.pool.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

__all__ = ["ShardedPool"]


class ShardedPool:
    """The rows of several shards, in the given order, as one pool.

    Batches do not depend on the sizes of the shards. Before and after each pass, the files are compared with
    their state at opening (size, time, hash of both ends). A change raises DataFileError.

    Parameters
    ----------
    shards : at least one, all of the same width and dtype
    skip : int64 (k,) ascending, rows to leave out, counted over all shards

    Raises
    ------
    DataFileError
        Shards differ in width or dtype.
    """

    def __init__(self, shards: Sequence[Shard], skip: NDArray[np.int64] | None = None) -> None:
        self.shards = list(shards)
        first = self.shards[0]
        for shard in self.shards[1:]:
            for what in ("width", "dtype"):
                value, expected = getattr(shard, what), getattr(first, what)
                if value != expected:
                    raise DataFileError(
                        f"{shard.path} has {what} {value} where {first.path} has {expected}; shards of a pool must "
                        "agree"
                    )
        self.skip = np.empty(0, np.int64) if skip is None else skip
        self.starts = np.concatenate([[0], np.cumsum([shard.rows for shard in self.shards])])
        # number of rows of the pool before each skipped row
        self._rows_before = self.skip - np.arange(len(self.skip))

    @property
    def dim(self) -> int:
        """Width of a row."""
        return self.shards[0].width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the rows in the files."""
        return self.shards[0].dtype

    def __len__(self) -> int:
        return int(self.starts[-1]) - len(self.skip)

    def source_rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Convert row numbers of the pool to row numbers over all shards, which count skipped rows; int64."""
        return numbers + np.searchsorted(self._rows_before, numbers, side="right")

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Yield rows in order, in batches of about 32 MB. Raises DataFileError if a file is damaged or has changed."""
        size, stop = block_rows(self.dim), len(self) if stop is None else stop
        if start >= stop:
            return
        first, last = (int(row) for row in self.source_rows(np.array([start, stop - 1])))
        self._check_unchanged(first, last)
        parts: list[NDArray[Any]] = []
        waiting, done = 0, start
        for piece in self._pieces(first, last):
            parts.append(piece)
            waiting += len(piece)
            while waiting >= size:
                joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
                yield Batch(done, to_tensor(joined[:size]))
                parts, waiting, done = [joined[size:]], waiting - size, done + size
        if waiting:
            yield Batch(done, to_tensor(np.concatenate(parts)))
        self._check_unchanged(first, last)

    def _pieces(self, first: int, last: int) -> Iterator[NDArray[Any]]:
        """Yield the rows of the shards from first to last, without the skipped rows."""
        for shard, start in self._shards(first, last):
            at, stop = max(first - start, 0), min(last + 1 - start, shard.rows)
            for piece in shard.pieces(at, stop):
                low, high = np.searchsorted(self.skip, (start + at, start + at + len(piece)))
                yield np.delete(piece, self.skip[low:high] - start - at, axis=0) if high > low else piece
                at += len(piece)
            if at != stop:
                raise DataFileError(
                    f"{shard.path} has {at} rows where it had {shard.rows}; begin again when it is whole"
                )

    def _shards(self, first: int, last: int) -> Iterator[tuple[Shard, int]]:
        """Yield the shards with rows from first to last, and the first row of each."""
        for shard, start in zip(self.shards, self.starts.tolist(), strict=False):
            if start <= last and first < start + shard.rows:
                yield shard, start

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """Return the given rows, in the given order, as a float tensor (k, d).

        .npy and zarr read these rows only. Tables read the row groups or batches that contain them.
        """
        order = np.argsort(numbers, kind="stable")
        source = self.source_rows(numbers[order])
        rows = np.empty((len(numbers), self.dim), self.dtype)
        for shard, start in zip(self.shards, self.starts, strict=False):
            low, high = np.searchsorted(source, (start, start + shard.rows))
            if high > low:
                shard.signature.check()
                rows[order[low:high]] = shard.take(source[low:high] - start)
        return to_tensor(rows)

    def where(self, row: int) -> str:
        """Return a row's number in its shard, and the path of the shard."""
        source = int(self.source_rows(np.array([row]))[0])
        place = int(np.searchsorted(self.starts, source, side="right")) - 1
        return f"{source - int(self.starts[place])} of {self.shards[place].path}"

    def fingerprint(self) -> dict[str, Any]:
        """Return shape, dtype, and a hash of the signatures of the shards."""
        digest = hashlib.blake2b(digest_size=16)
        for shard in self.shards:
            digest.update(f"{shard.path.name} {shard.signature.size} {shard.signature.ends}\n".encode())
        shape = {"rows": len(self), "dim": self.dim, "dtype": str(self.dtype)}
        return {**shape, "shards": len(self.shards), "skipped": len(self.skip), "blake2b": digest.hexdigest()}

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """Return the ids of all rows; None if the shards have none.

        Raises DataFileError if ids repeat or only some shards have ids.
        """
        parts = [shard.ids() for shard in self.shards]
        if all(part is None for part in parts):
            return None
        for shard, part in zip(self.shards, parts, strict=True):
            if part is None:
                raise DataFileError(f"{shard.path} has no ids where other shards do; give all of them ids or none")
        numbers = [part for part in parts if isinstance(part, np.ndarray)]
        if len(numbers) == len(parts) and len({part.dtype for part in numbers}) == 1:
            return self._numbers(np.concatenate(numbers))
        seen: dict[Any, Any] = {}
        merged: list[Any] = []
        for shard, part in zip(self.shards, parts, strict=True):
            for value in part.tolist() if isinstance(part, np.ndarray) else part or []:
                value = str(value)
                if value in seen:
                    raise DataFileError(
                        f"ids must not repeat, found {value!r} in {seen[value]} and in {shard.path}; make them unique"
                    )
                seen[value] = shard.path
                merged.append(value)
        return list(np.delete(np.asarray(merged, object), self.skip).tolist())

    def column(self, name: str, argument: str) -> pa.ChunkedArray:
        """Return a column of all rows of the pool, without empty cells.

        Raises InputError about ``argument`` if the shards have no such column, and DataFileError if cells are empty or
        the type differs between shards.
        """
        import pyarrow as pa

        parts = [shard.column(name, argument) for shard in self.shards]
        odd = next((k for k, part in enumerate(parts) if part.type != parts[0].type), None)
        if odd is not None:
            raise DataFileError(
                f"{self.shards[odd].path} has {parts[odd].type} in column {name!r} where {self.shards[0].path} has "
                f"{parts[0].type}; shards of a pool must agree"
            )
        values = pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)
        return values.take(np.delete(np.arange(len(values)), self.skip)) if len(self.skip) else values

    def _numbers(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return integer ids without skipped rows. Raises DataFileError if ids repeat."""
        order = np.argsort(ids, kind="stable")
        again = np.flatnonzero(np.diff(ids[order]) == 0)
        if len(again):
            rows = order[again[0] : again[0] + 2]
            places = np.searchsorted(self.starts, rows, side="right") - 1
            paths = " and in ".join(str(self.shards[place].path) for place in places)
            raise DataFileError(f"ids must not repeat, found {ids[rows[0]]} in {paths}; make them unique")
        return np.delete(ids, self.skip)

    def _check_unchanged(self, first: int, last: int) -> None:
        for shard, _ in self._shards(first, last):
            shard.signature.check()
