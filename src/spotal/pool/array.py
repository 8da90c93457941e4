"""A pool in an array: numpy, a memory map, or a torch tensor on any device."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import block_rows, blocks, is_tensor, to_numpy, to_tensor
from spotal.pool.base import Batch
from spotal.pool.file_signature import FileSignature, mapped_file

if TYPE_CHECKING:
    import torch

__all__ = ["ArrayPool"]

HASHED_WHOLE = 256 << 20
"""A pool up to this many bytes is hashed whole; of a larger one, HASHED_ROWS evenly spaced rows are."""
HASHED_ROWS = 16_384


class ArrayPool:
    """Rows of a checked (n, d) array or tensor; a ``np.memmap`` is read batch by batch and never held whole.

    The file of a ``np.memmap`` is compared with what it was before and after each pass, and before rows are read: where
    it changed, that is a DataFileError. ``index`` names the rows, such as that of a pandas DataFrame; ``frame`` is the
    DataFrame, to be shown.
    """

    def __init__(self, array: NDArray[Any] | torch.Tensor, index: Any = None, frame: Any = None) -> None:
        self.array: Any = array
        self.index, self.frame = index, frame
        file = mapped_file(array)
        self._signature = None if file is None else FileSignature(file)

    @property
    def dim(self) -> int:
        """Width of a row."""
        return int(self.array.shape[1])

    def __len__(self) -> int:
        return int(self.array.shape[0])

    def batches(self, start: int = 0, stop: int | None = None) -> Iterator[Batch]:
        """Rows in order, about 32 MB a batch. Raises DataFileError where the file they lie in has changed."""
        self._check_unchanged()
        stop = len(self) if stop is None else stop
        for part in blocks(stop - start, block_rows(self.dim)):
            rows = slice(start + part.start, start + part.stop)
            yield Batch(rows.start, to_tensor(self.array[rows]))
        self._check_unchanged()

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """The rows of these numbers, in this order; a float tensor (k, d)."""
        self._check_unchanged()
        if is_tensor(self.array):
            import torch

            return to_tensor(self.array[torch.from_numpy(numbers).to(self.array.device)])
        return to_tensor(self.array[numbers])

    def _check_unchanged(self) -> None:
        if self._signature is not None:
            self._signature.check()

    def where(self, row: int) -> str:
        """The row's number."""
        return str(row)

    def ids(self) -> Any:
        """The names of all rows; None where they have none but their numbers."""
        return self.index

    def fingerprint(self, whole_bytes: int = HASHED_WHOLE, some_rows: int = HASHED_ROWS) -> dict[str, Any]:
        """Shape, dtype and BLAKE2 hash of the content: all rows up to ``whole_bytes``, else evenly spaced ones."""
        n, dim = self.array.shape
        itemsize = self.array.element_size() if is_tensor(self.array) else self.array.dtype.itemsize
        whole = n * dim * itemsize <= whole_bytes
        digest = hashlib.blake2b(digest_size=16)
        rows = np.arange(n) if whole else np.linspace(0, n - 1, some_rows).astype(np.int64)
        for part in blocks(len(rows), block_rows(dim, itemsize)):
            block = self.array[part] if whole else self.array[rows[part]]
            digest.update(np.ascontiguousarray(to_numpy(block)).data)
        dtype = str(self.array.dtype).removeprefix("torch.")
        return {"rows": n, "dim": dim, "dtype": dtype, "hashed_rows": len(rows), "blake2b": digest.hexdigest()}
