"""A pool in a numpy array, a memory map, or a torch tensor on any device."""

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
"""Largest pool in bytes whose rows are all hashed; of a larger pool, ``HASHED_ROWS`` evenly spaced rows are hashed."""
HASHED_ROWS = 16_384


class ArrayPool:
    """The rows of a checked (n, d) array or tensor. A ``np.memmap`` is read batch by batch.

    array : (n, d)
    index : names of the rows, such as the index of a pandas DataFrame; None for row numbers
    frame : the DataFrame that the rows come from, for display

    If the file of a ``np.memmap`` changes while the pool is used, reading it raises DataFileError.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import ArrayPool
    >>> pool = ArrayPool(np.eye(3))
    >>> len(pool), pool.dim, pool.rows(np.array([1])).tolist()
    (3, 3, [[0.0, 1.0, 0.0]])
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
        """Yield rows in order, in batches of about 32 MB. Raises DataFileError if their file has changed."""
        self._check_unchanged()
        stop = len(self) if stop is None else stop
        for part in blocks(stop - start, block_rows(self.dim)):
            rows = slice(start + part.start, start + part.stop)
            yield Batch(rows.start, to_tensor(self.array[rows]))
        self._check_unchanged()

    def rows(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        """Return the given rows, in the given order, as a float tensor (k, d)."""
        self._check_unchanged()
        if is_tensor(self.array):
            import torch

            return to_tensor(self.array[torch.from_numpy(numbers).to(self.array.device)])
        return to_tensor(self.array[numbers])

    def _check_unchanged(self) -> None:
        if self._signature is not None:
            self._signature.check()

    def where(self, row: int) -> str:
        """Return the row number as text, for error messages."""
        return str(row)

    def ids(self) -> Any:
        """Return the names of all rows; None if they have only numbers."""
        return self.index

    def fingerprint(self, whole_bytes: int = HASHED_WHOLE, some_rows: int = HASHED_ROWS) -> dict[str, Any]:
        """Return shape, dtype and BLAKE2 hash of all rows, or of evenly spaced rows of a pool above ``whole_bytes``."""
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
