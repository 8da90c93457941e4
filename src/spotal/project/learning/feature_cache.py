"""Cache of features on disk, by item number, so that only new and changed items are computed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, OutputError
from spotal.numeric.arrays import blocks
from spotal.storage.files import atomic_path, save_array, unwritable
from spotal.tables.arrays import read_npy

if TYPE_CHECKING:
    from spotal.project.records import Item

__all__ = ["FeatureCache"]

BATCH = 256


class FeatureCache:
    """An .npy file with a row for each item number, and a second file with a hash of each row's content (its mark).

    The mark is written after the row. If the process is killed in between, the row is computed again. The file is
    sparse, and its number of rows is a power of two, so that it is rarely copied to grow.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path, self.marks_path = folder / f"{name}.npy", folder / f"{name}.marks.npy"

    def update(
        self,
        items: Sequence[Item],
        compute: Callable[[list[Item]], tuple[list[int], NDArray[Any]]],
        progress: Callable[[int, int], object],
    ) -> NDArray[np.int64]:
        """Compute the rows of items whose present content has no row yet; return the numbers of items with rows.

        ``compute`` is called with up to 256 items and returns the positions of those that succeeded, and their rows.
        ``progress`` is called after each batch with the numbers of items done and to do. Raises OutputError.
        """
        numbers = np.asarray([item.number for item in items], np.int64)
        wanted = np.asarray([_mark(item.content) for item in items], np.uint64)
        top = int(numbers.max()) + 1 if len(numbers) else 0
        marks = self._marks(top)
        todo = np.flatnonzero(marks[numbers] != wanted)
        try:
            for part in blocks(len(todo), BATCH):
                rows = todo[part]
                done, values = compute([items[row] for row in rows])
                if done:
                    self._write(numbers[rows[done]], values, top)
                    marks[numbers[rows[done]]] = wanted[rows[done]]
                    with atomic_path(self.marks_path) as new:
                        save_array(new, marks)
                progress(part.stop, len(todo))
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise unwritable(self.path, error, "free disk space") from None
        return np.asarray(numbers[marks[numbers] == wanted])

    def rows(self) -> NDArray[Any]:
        """Return all rows (n, ...), memory-mapped. Only rows whose numbers ``update`` returned have content."""
        return read_npy(self.path)

    def _marks(self, top: int) -> NDArray[np.uint64]:
        """Read the marks; zeros if a file is missing or damaged, so that all rows are computed again."""
        marks = np.zeros(top, np.uint64)
        try:
            rows, stored = self.rows(), read_npy(self.marks_path)
        except DataFileError:
            return marks
        if rows.ndim < 2 or stored.ndim != 1 or stored.dtype != np.uint64 or len(stored) > len(rows):
            return marks
        return np.concatenate([stored, marks[len(stored) :]])

    def _old(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """Return the stored rows; None if the shape or type of ``values`` differs or nothing is stored."""
        try:
            rows = self.rows()
        except DataFileError:
            return None
        return rows if rows.shape[1:] == values.shape[1:] and rows.dtype.kind == values.dtype.kind else None

    def _write(self, numbers: NDArray[np.int64], values: NDArray[Any], top: int) -> None:
        old = self._old(values)
        if old is None or len(old) < top:
            capacity = 1 << max(8, (top - 1).bit_length())
            with atomic_path(self.path) as part:
                new = np.lib.format.open_memmap(part, "w+", values.dtype, (capacity, *values.shape[1:]))
                with part.open("r+b") as file:  # not through the memory map, where a full disk is a crash
                    for some in blocks(0 if old is None else len(old), 4096):
                        if old is not None and old[some].any():  # the file stays sparse
                            file.seek(new.offset + some.start * values[0].nbytes)
                            file.write(old[some].tobytes())
                    file.flush()
                    os.fsync(file.fileno())
        array = self.rows()
        offset, width = getattr(array, "offset"), values[0].nbytes  # noqa: B009
        with self.path.open("r+b") as file:
            for number, row in zip(numbers.tolist(), values.astype(array.dtype, copy=False), strict=True):
                file.seek(offset + number * width)
                file.write(row.tobytes())
            file.flush()
            os.fsync(file.fileno())


def _mark(content: str) -> int:
    return int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "big") or 1
