"""Reduction of sparse matrices, such as TF-IDF, to dense rows of few numbers by a truncated SVD."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import LARGEST, blocks

__all__ = ["is_sparse", "reduced"]

COMPONENTS = 128
"""Width of a reduced row."""
FITTED_ROWS = 20_000
"""Maximum number of rows to fit the SVD on."""
FITTED_COLUMNS = 100_000
"""Maximum number of columns to fit the SVD on: the columns of greatest sum of squares."""
BLOCK_ROWS = 8_192
IN_MEMORY = 1 << 30
"""Maximum bytes of reduced rows that stay in memory; larger results are written to a temporary file."""


def is_sparse(x: object) -> bool:
    """Return whether x is a scipy sparse matrix or array, without importing scipy."""
    module = sys.modules.get("scipy.sparse")
    return module is not None and bool(module.issparse(x))


def as_rows(matrix: Any, name: str) -> Any:
    """Return a scipy sparse matrix in CSR form, checked. Raises InputError unless it holds finite numbers."""
    if len(matrix.shape) != 2 or 0 in matrix.shape:
        raise InputError(name, must="have rows and columns", found=f"shape {tuple(matrix.shape)}")
    csr = matrix.tocsr()
    if csr.dtype.kind not in "fuib":
        raise InputError(name, must="hold real numbers", found=f"dtype {csr.dtype}")
    wrong = np.flatnonzero(~(np.abs(csr.data) <= LARGEST)) if csr.dtype.kind == "f" else np.empty(0, np.int64)
    if len(wrong):
        row = int(np.searchsorted(csr.indptr, wrong[0], side="right")) - 1
        raise InputError(name, must="be finite", found=f"{csr.data[wrong[0]]} in row {row}", remedy="repair this row")
    return csr


def reduced(matrix: object, name: str, random_state: int = 0) -> NDArray[np.float32]:
    """Project a scipy sparse matrix on its leading right singular vectors (latent semantic analysis for TF-IDF).

    Parameters
    ----------
    matrix : scipy sparse (n, d), of any format
    name : str, the argument, for errors
    random_state : int, of the sample of rows to fit on and of the randomized solver

    Returns
    -------
    float32 (n, k), k at most 128; a matrix with at most 128 columns that are not empty is not projected

    Raises
    ------
    InputError
        The matrix has no rows or columns, or values that are not finite numbers.

    Notes
    -----
    The matrix is never made dense. scikit-learn's randomized ``TruncatedSVD`` is fitted on a random sample of at most
    20,000 rows, and on the 100,000 columns of greatest sum of squares in the sample. Then all rows are projected, 8,192
    at a time. In addition to the matrix and the result, this takes up to about 300 MB and 16 bytes per column. A result
    of more than 1 GB is written to a temporary file. Cost: O(z k) for z stored numbers and k = 128.
    """
    csr = as_rows(matrix, name)
    n, d = csr.shape
    if d <= COMPONENTS:
        return _joined((csr[part].toarray() for part in blocks(n, BLOCK_ROWS)), n, d)
    from sklearn.decomposition import TruncatedSVD

    rows: Any = slice(None)
    if n > FITTED_ROWS:
        rows = np.sort(np.random.default_rng(random_state).choice(n, FITTED_ROWS, replace=False))
    sample = csr[rows].astype(np.float32)
    weight = np.bincount(sample.indices, weights=sample.data.astype(np.float64) ** 2, minlength=d)
    columns = np.flatnonzero(weight)
    if len(columns) > FITTED_COLUMNS:
        columns = np.sort(np.argsort(-weight, kind="stable")[:FITTED_COLUMNS])
    if len(columns) <= COMPONENTS:  # the other columns are empty
        columns = columns if len(columns) else np.arange(1)
        return _joined((csr[part][:, columns].toarray() for part in blocks(n, BLOCK_ROWS)), n, len(columns))
    svd = TruncatedSVD(min(COMPONENTS, len(sample.indptr) - 1), random_state=random_state % (1 << 32))
    axes = svd.fit(sample[:, columns]).components_.T.astype(np.float32)
    parts = (csr[part][:, columns].astype(np.float32) @ axes for part in blocks(n, BLOCK_ROWS))
    return _joined(parts, n, axes.shape[1])


def _joined(parts: Iterator[Any], n: int, width: int) -> NDArray[np.float32]:
    """Return the concatenated parts, in memory or in a temporary file."""
    if n * width * 4 > IN_MEMORY:
        from spotal.pool.spooling import spool

        return spool(np.asarray(part, np.float32) for part in parts)
    out = np.empty((n, width), np.float32)
    start = 0
    for part in parts:
        out[start : start + len(part)] = part
        start += len(part)
    return out
