"""Spooling: batches are written to a temporary file, which is then memory-mapped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError, OutputError
from spotal.numeric.arrays import check_matrix, is_tensor, to_numpy
from spotal.tables.columns import EMBEDDING_COLUMNS, features

__all__ = ["is_array", "spool"]

DATASET_ROWS = 4096
"""Rows to read at a time from a Hugging Face data set."""


def is_array(x: object) -> bool:
    """Return whether x is one array, and not an iterable of batches."""
    return is_tensor(x) or hasattr(x, "__array__") or hasattr(x, "toarray") or hasattr(x, "__array_interface__")


def spool(batches: Iterable[Any]) -> NDArray[Any]:
    """Write batches to a temporary file and memory-map it, so that data that can be read only once, or in a random
    order, can be read again in the same order.

    Parameters
    ----------
    batches : iterable of arrays or tensors (k, d); of rows (d,); of dicts with one of these under ``embedding``; or of
        tuples that start with one, as from a PyTorch ``DataLoader``. Or a Hugging Face ``datasets`` object, whose
        features are chosen as in a Parquet file (:func:`~spotal.pool.files.read_pool`)

    Returns
    -------
    np.memmap (n, d), of the float type of the batches, or float32 for integers. The file is deleted with the array.

    Raises
    ------
    InputError
        There is no batch, or a batch has another width or dtype than the first.
    OutputError
        The disk is full.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import spool
    >>> spool(np.full((2, 3), k) for k in range(4)).shape
    (8, 3)
    """
    shape: tuple[int, np.dtype[Any]] | None = None
    rows = 0
    # no buffer: closing the file would write the rest of a buffer again and fail again
    with tempfile.TemporaryFile(prefix="spotal-", buffering=0) as file:
        for number, batch in enumerate(_parts(batches)):
            block = check_matrix(np.atleast_2d(to_numpy(_features(batch))), f"batch {number}", finite=False)
            if block.dtype.kind != "f":
                block = block.astype(np.float32)
            if shape is not None and (block.shape[1], block.dtype) != shape:
                must = f"have width {shape[0]} and dtype {shape[1]}, like the first batch"
                kind, subject = f"width {block.shape[1]} and dtype {block.dtype}", f"batch {number}"
                raise InputError("batches", must=must, found=kind, remedy="make them alike", subject=subject)
            shape = block.shape[1], block.dtype
            rows += len(block)
            remaining = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            try:
                while remaining:
                    remaining = remaining[file.write(remaining) :]
            except OSError as error:
                raise OutputError(
                    f"{tempfile.gettempdir()} cannot take the pool's batches ({str(error.strerror).lower()} after "
                    f"{rows:,} rows); make room or set TMPDIR"
                ) from None
        if shape is None:
            raise InputError("pool", must="have at least one batch", found="none", remedy="check the loader")
        return np.memmap(file, dtype=shape[1], mode="r+", shape=(rows, shape[0]))


def _parts(batches: Iterable[Any]) -> Iterable[Any]:
    """Return the batches; a Hugging Face data set is read as tables, in which numbers keep their precision."""
    if not (hasattr(batches, "with_format") and hasattr(batches, "iter")):
        return batches
    name = Path("the data set")
    return (features(table, name) for table in batches.with_format("arrow").iter(DATASET_ROWS))


def _features(batch: Any) -> Any:
    if isinstance(batch, dict):
        name = next((name for name in EMBEDDING_COLUMNS if name in batch), None)
        if name is None:
            raise InputError("batches", must="have 'embedding' among their names", found=", ".join(map(str, batch)))
        batch = batch[name]
    return batch[0] if isinstance(batch, tuple) or (isinstance(batch, list) and is_array(batch[0])) else batch
