"""A pool in many files, read a batch at a time and never held: larger than memory, as long as the disk is."""

from __future__ import annotations

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
    """The rows of several shards, in the order given, as one pool.

    Batches are cut by row number alone, so it does not matter which shard holds a row. Before and after each pass the
    files are compared with what they were (size, time, hash of both ends): a pool that changed is an error.

    Parameters
    ----------
    shards : of one width and dtype, one at least
    skip : int64 (k,) ascending, numbers of rows, counted over all shards, that are left out

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
                here, there = getattr(shard, what), getattr(first, what)
                if here != there:
                    raise DataFileError(
                        f"{shard.path} has {what} {here} where {first.path} has {there}; shards of a pool must agree"
                    )
        self.skip = np.empty(0, np.int64) if skip is None else skip
        self.starts = np.concatenate([[0], np.cumsum([shard.rows for shard in self.shards])])
        # how many rows are kept before each that is skipped
        self._kept_before = self.skip - np.arange(len(self.skip))

    @property
    def dim(self) -> int:
        """Width of a row."""
        return self.shards[0].width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers in the files."""
        return self.shards[0].dtype

    def __len__(self) -> int:
        return int(self.starts[-1]) - len(self.skip)

    def source_rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers among all rows of the shards, those skipped among them; int64, as given."""
        return numbers + np.searchsorted(self._kept_before, numbers, side="right")

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Rows in order, about 32 MB a batch. Raises DataFileError where a file is damaged or has changed."""
        size, stop = block_rows(self.dim), len(self) if stop is None else stop
        if start >= stop:
            return
        first, last = (int(row) for row in self.source_rows(np.array([start, stop - 1])))
        self._check_unchanged(first, last)
        parts: list[NDArray[Any]] = []
        held, done = 0, start
        for piece in self._pieces(first, last):
            parts.append(piece)
            held += len(piece)
            while held >= size:
                joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
                yield Batch(done, to_tensor(joined[:size]))
                parts, held, done = [joined[size:]], held - size, done + size
        if held:
            yield Batch(done, to_tensor(np.concatenate(parts)))
        self._check_unchanged(first, last)

    def _pieces(self, first: int, last: int) -> Iterator[NDArray[Any]]:
        """The rows in the files from the first to the last, without those skipped."""
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
        """The shards that hold rows from the first to the last, and where each begins."""
        for shard, start in zip(self.shards, self.starts.tolist(), strict=False):
            if start <= last and first < start + shard.rows:
                yield shard, start

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, in this order, as a float tensor (k, d).

        Ascending numbers are read shard by shard: .npy and zarr where they lie, tables by row groups and batches.
        """
        return to_tensor(self._take(numbers))

    def _take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        order = np.argsort(numbers, kind="stable")
        source = self.source_rows(numbers[order])
        found = np.empty((len(numbers), self.dim), self.dtype)
        for shard, start in zip(self.shards, self.starts, strict=False):
            low, high = np.searchsorted(source, (start, start + shard.rows))
            if high > low:
                shard.signature.check()
                found[order[low:high]] = shard.take(source[low:high] - start)
        return found

    def where(self, row: int) -> str:
        """A row's number in its shard, and the shard."""
        source = int(self.source_rows(np.array([row]))[0])
        place = int(np.searchsorted(self.starts, source, side="right")) - 1
        return f"{source - int(self.starts[place])} of {self.shards[place].path}"

    def fingerprint(self) -> dict[str, Any]:
        """Shape, dtype, and a hash of the shards' stamps."""
        import hashlib

        digest = hashlib.blake2b(digest_size=16)
        for shard in self.shards:
            digest.update(f"{shard.path.name} {shard.signature.size} {shard.signature.ends}\n".encode())
        shape = {"rows": len(self), "dim": self.dim, "dtype": str(self.dtype)}
        return {**shape, "shards": len(self.shards), "skipped": len(self.skip), "blake2b": digest.hexdigest()}

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """The ids of all rows, all different; None where the shards have none.

        Raises DataFileError for ids that repeat or that only some shards have.
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
        kept = np.delete(np.asarray(merged, object), self.skip).tolist()
        return [str(value) for value in kept]

    def column(self, name: str, argument: str) -> pa.ChunkedArray:
        """A column of all rows, those skipped left out, as an arrow column without empty cells.

        Raises InputError, in the words of ``argument``, where the shards have no such column, DataFileError for empty
        cells and for columns of other types in other shards.
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
        """Ids that are integers, int64 (n,), those skipped left out. Raises DataFileError where they repeat."""
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
