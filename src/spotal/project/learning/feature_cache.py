"""Rows worked out for items, on disk by item number, so that only what is new or changed is worked out again."""

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
from spotal.storage.files import atomic_path, save_array
from spotal.tables.arrays import read_npy

if TYPE_CHECKING:
    from spotal.project.records import Item

__all__ = ["FeatureCache"]

BATCH = 256


class FeatureCache:
    """An .npy file with a row for each item number, and beside it a mark of the content that each row was made from.

    A row counts once its mark is written, after the row: whoever is killed in between works the row out again. The file
    is sparse and as long as a power of two, so that it grows by copying now and then only.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path, self.marks_path = folder / f"{name}.npy", folder / f"{name}.marks.npy"

    def update(
        self,
        items: Sequence[Item],
        compute: Callable[[list[Item]], tuple[list[int], NDArray[Any]]],
        progress: Callable[[int, int], object],
    ) -> NDArray[np.int64]:
        """Work out the rows of those items that have none yet of their present content.

        Parameters
        ----------
        items : sequence of Item
        compute : from up to 256 items to the positions of those that could be done, and their rows
        progress : called with items done and items to do, after each batch

        Returns
        -------
        int64, numbers of those of the items that have rows now

        Raises
        ------
        OutputError
            The files cannot be written.
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
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"{self.path} cannot be written ({reason}); make room for it") from None
        found: NDArray[np.int64] = numbers[marks[numbers] == wanted]
        return found

    def rows(self) -> NDArray[Any]:
        """All rows (n, ...), memory-mapped; only those that ``update`` named hold anything."""
        return read_npy(self.path)

    def _marks(self, top: int) -> NDArray[np.uint64]:
        """The marks of the rows; none where a file is missing or damaged, so that all is worked out again."""
        marks = np.zeros(top, np.uint64)
        try:
            rows, known = self.rows(), read_npy(self.marks_path)
        except DataFileError:
            return marks
        if rows.ndim < 2 or known.ndim != 1 or known.dtype != np.uint64 or len(known) > len(rows):
            return marks
        return np.concatenate([known, marks[len(known) :]])

    def _old(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """The rows written before, None where there are none that such values can be added to."""
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
                kept = blocks(0 if old is None else len(old), 4096)
                with part.open("r+b") as file:  # not through the map: a full disk is an error then, not a crash
                    for some in kept:
                        if old is not None and old[some].any():  # holes stay holes
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
