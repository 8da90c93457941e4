"""Kept: rows worked out for items, on disk by item number, so that only what is new or changed is worked out again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import blocks
from spotal._files import atomic_path, save_array
from spotal.errors import OutputError

if TYPE_CHECKING:
    from spotal.project.records import Item

__all__ = ["Kept"]

BATCH = 256


class Kept:
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
        array: NDArray[Any] = np.load(self.path, mmap_mode="r")
        return array

    def _marks(self, top: int) -> NDArray[np.uint64]:
        """Marks of the rows that there are; all 0 where a file is gone or damaged, so that they are computed again."""
        marks = np.zeros(top, np.uint64)
        rows, known = _load(self.path), _load(self.marks_path)
        if rows is None or known is None or known.dtype != np.uint64 or known.ndim != 1:
            return marks
        known = known[: len(rows)]
        return np.concatenate([known, marks[len(known) :]])

    def _write(self, numbers: NDArray[np.int64], values: NDArray[Any], top: int) -> None:
        old = _load(self.path)
        if old is not None and old.shape[1:] != values.shape[1:]:
            old = None
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


def _load(path: Path) -> NDArray[Any] | None:
    """Return the array in a file, memory-mapped; None where there is none that can be read."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return array if array.ndim else None
    except (OSError, ValueError, EOFError, TypeError, SyntaxError, AttributeError):
        return None


def _mark(content: str) -> int:
    return int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "big") or 1
