"""A pool in many files, read a batch at a time and never held: larger than memory, as long as the disk is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import block_rows, to_tensor
from spotal.errors import DataFileError
from spotal.pool.base import Batch
from spotal.pool.shards import Shard

if TYPE_CHECKING:
    import torch

__all__ = ["ShardedPool"]

MOST_IDS = 1 << 26
"""Rows up to which ids are checked for repetition before anything is chosen; 8 bytes each."""


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
        """Of the rows in the files."""
        return self.shards[0].dtype

    def __len__(self) -> int:
        return int(self.starts[-1]) - len(self.skip)

    def source_rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers among all rows of the shards, those skipped among them; int64, as given."""
        return numbers + np.searchsorted(self._kept_before, numbers, side="right")

    def batches(self) -> Iterator[Batch]:
        """All rows in order, about 32 MB a batch. Raises DataFileError where a file is damaged or has changed."""
        size = block_rows(self.dim)
        self._check_unchanged()
        parts: list[NDArray[Any]] = []
        held, done = 0, 0
        for piece in self._pieces():
            parts.append(piece)
            held += len(piece)
            while held >= size:
                joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
                yield Batch(done, to_tensor(joined[:size]))
                parts, held, done = [joined[size:]], held - size, done + size
        if held:
            yield Batch(done, to_tensor(np.concatenate(parts)))
        self._check_unchanged()

    def _pieces(self) -> Iterator[NDArray[Any]]:
        """The rows in the files, without those skipped."""
        for shard, start in zip(self.shards, self.starts, strict=False):
            first = int(start)
            for piece in shard.pieces():
                low, high = np.searchsorted(self.skip, (first, first + len(piece)))
                yield np.delete(piece, self.skip[low:high] - first, axis=0) if high > low else piece
                first += len(piece)
            if first != start + shard.rows:
                raise DataFileError(
                    f"{shard.path} has {first - start} rows where it had {shard.rows}; begin again when it is whole"
                )

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, in this order, as a float tensor (k, d).

        Ascending numbers are read shard by shard: .npy and zarr only where they lie, tables up to the last.
        """
        return to_tensor(self._take(numbers))

    def _take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        order = np.argsort(numbers, kind="stable")
        source = self.source_rows(numbers[order])
        found = np.empty((len(numbers), self.dim), self.dtype)
        for shard, start in zip(self.shards, self.starts, strict=False):
            low, high = np.searchsorted(source, (start, start + shard.rows))
            if high > low:
                shard.check_unchanged()
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
            size, _, ends = shard.stamp()
            digest.update(f"{shard.path.name} {size} {ends}\n".encode())
        shape = {"rows": len(self), "dim": self.dim, "dtype": str(self.dtype)}
        return {**shape, "shards": len(self.shards), "skipped": len(self.skip), "blake2b": digest.hexdigest()}

    def ids(self) -> list[str] | NDArray[np.int64] | None:
        """The ids of all rows, all different; None where the shards have none.

        Raises DataFileError for ids that repeat, that only some shards have, or for more than 2^26 rows.
        """
        parts = [shard.ids() for shard in self.shards]
        if all(part is None for part in parts):
            return None
        for shard, part in zip(self.shards, parts, strict=True):
            if part is None:
                raise DataFileError(f"{shard.path} has no ids where other shards do; give all of them ids or none")
        seen: dict[Any, Any] = {}
        merged: list[Any] = []
        for shard, part in zip(self.shards, parts, strict=True):
            for value in part.tolist() if isinstance(part, np.ndarray) else part or []:
                if value in seen:
                    raise DataFileError(
                        f"ids must not repeat, found {value!r} in {seen[value]} and in {shard.path}; make them unique"
                    )
                seen[value] = shard.path
                merged.append(value)
        kept = np.delete(np.asarray(merged, object), self.skip).tolist()
        whole = all(isinstance(value, int) for value in kept)
        return np.asarray(kept, np.int64) if whole else [str(value) for value in kept]

    def _check_unchanged(self) -> None:
        for shard in self.shards:
            shard.check_unchanged()
