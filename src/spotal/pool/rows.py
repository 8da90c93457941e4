"""Rows for models and strategies from every supported kind of data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spotal.errors import InputError
from spotal.numeric.arrays import blocks
from spotal.pool import sparse
from spotal.pool.array import ArrayPool
from spotal.pool.frames import index_of, is_frame, numbers_of
from spotal.pool.items import hugging_face_rows, is_hugging_face, is_torch_dataset, torch_rows
from spotal.pool.opening import as_array
from spotal.pool.sparse import is_sparse
from spotal.pool.texts import as_texts

__all__ = ["as_rows", "count", "fingerprint", "has_columns", "stack", "take"]

BLOCK_ROWS = 4096


def as_rows(X: Any, name: str = "X", column: str | None = None) -> tuple[Any, Any]:
    """Return rows to train a model on, and the names of the rows.

    Parameters
    ----------
    X : one of
        - an array, tensor, memory map, path, glob, URI or pool: see :func:`spotal.pool.as_array`;
        - a scipy sparse matrix, which is returned in CSR form;
        - a pandas or polars DataFrame, which is returned whole or as its ``column``;
        - texts in a list, array or Series, which are returned as an object array (n,);
        - a torch ``Dataset`` or a Hugging Face ``Dataset`` of vectors, images or texts.
    name : str, the argument, for errors
    column : str or None, the part of an item of a data set, or the column of a frame

    Returns
    -------
    rows : array (n, ...), CSR matrix, DataFrame or object array of texts
    index : pandas Index (n,), or None if rows have only numbers

    Raises
    ------
    InputError
        X is none of these, or does not have ``column``.

    Examples
    --------
    >>> import scipy.sparse
    >>> from spotal.pool.rows import as_rows
    >>> rows, index = as_rows(scipy.sparse.eye(3, format="coo"))
    >>> rows.format, index
    ('csr', None)
    """
    index = index_of(X)
    if is_hugging_face(X):
        return hugging_face_rows(X, name, column), None
    if is_torch_dataset(X):
        return torch_rows(X, name, column), None
    if is_frame(X):
        if column is None:
            return X, index
        if column not in list(X.columns):
            raise InputError("column", must=f"be one of {', '.join(map(str, X.columns))}", found=repr(column))
        texts = as_texts(X[column].to_numpy())
        return (numbers_of(X, name, column) if texts is None else texts), index
    if column is not None:
        raise InputError(
            "column", must="be left out unless X is a DataFrame or a data set", found=repr(column), remedy="drop it"
        )
    if is_sparse(X):
        return sparse.as_rows(X, name), None
    texts = as_texts(X)
    return (as_array(X) if texts is None else texts), index


def has_columns(X: object) -> bool:
    """Return whether :func:`as_rows` takes ``column`` for X."""
    return is_frame(X) or is_hugging_face(X) or is_torch_dataset(X)


def count(rows: Any) -> int:
    """Return the number of rows."""
    return int(rows.shape[0])


def take(rows: Any, numbers: ArrayLike | slice) -> Any:
    """Return the given rows, as the same kind of object."""
    if is_frame(rows) and hasattr(rows, "iloc"):
        return rows.iloc[numbers]
    return rows[numbers]


def stack(first: Any, second: Any) -> Any:
    """Return rows of one kind, the second below the first; lists become arrays."""
    if is_sparse(first) or is_sparse(second):
        from scipy.sparse import vstack

        return vstack([first, second], format="csr")
    if is_frame(first) and is_frame(second):
        return import_module("pandas").concat([first, second]) if hasattr(first, "iloc") else first.vstack(second)
    return np.concatenate([np.asarray(first), np.asarray(second)])


def fingerprint(rows: object) -> dict[str, Any]:
    """Return the shape and a hash of all rows, or of evenly spaced rows of a large array, as JSON types."""
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        return ArrayPool(rows.reshape(len(rows), -1)).fingerprint()
    digest = hashlib.blake2b(digest_size=16)
    for part in _content(rows):
        digest.update(part)
    return {"rows": count(rows), "blake2b": digest.hexdigest()}


def _content(rows: Any) -> Iterable[Any]:
    if is_sparse(rows):
        for array in (rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data):
            yield np.ascontiguousarray(array).data
        return
    if is_frame(rows):
        yield repr([str(name) for name in rows.columns]).encode()
    for part in blocks(count(rows), BLOCK_ROWS):
        block = take(rows, part)
        cells = block.to_numpy() if hasattr(block, "to_numpy") else block
        yield repr(cells.tolist()).encode(errors="surrogateescape")
