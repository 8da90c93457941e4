"""Data frames of pandas and polars as arrays of numbers, and their indices."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError

__all__ = ["check_order", "index_of", "is_frame", "numbers_of"]


def is_frame(x: object) -> bool:
    """Return whether x is a pandas or polars DataFrame, without importing either."""
    return type(x).__name__ == "DataFrame" and type(x).__module__.split(".")[0] in ("pandas", "polars")


def index_of(x: object) -> Any:
    """Return the index of a pandas DataFrame or Series; None for the index 0, 1, 2, ... and for other objects."""
    index: Any = getattr(x, "index", None) if type(x).__module__.split(".")[0] == "pandas" else None
    plain = type(index).__name__ == "RangeIndex" and (index.start, index.step, index.name) == (0, 1, None)
    return None if plain else index


def check_order(rows: object, **named: Any) -> None:
    """Check that the arguments ``named`` have the order of ``rows``, since values are joined by position.

    Only pandas objects with one entry for each row are compared. Raises InputError for an argument whose index has the
    entries of the other, each once, in another order.
    """
    index = _pandas_index(rows)
    for name, value in named.items():
        other = None if index is None else _pandas_index(value)
        if other is None or len(other) != len(index) or other.equals(index) or other.has_duplicates:
            continue
        if bool(other.isin(index).all()):
            raise InputError(
                name,
                "has an index in another order than the DataFrame's",
                f"align it by {name}.reindex(frame.index), or pass {name}.to_numpy()",
            )


def _pandas_index(x: Any) -> Any:
    is_pandas = type(x).__name__ in ("DataFrame", "Series") and type(x).__module__.split(".")[0] == "pandas"
    return x.index if is_pandas else None


def numbers_of(frame: Any, name: str, column: str | None = None) -> NDArray[Any]:
    """Return the columns of a frame as a matrix (n, d), or one ``column`` of lists of equal length.

    The result is float32 if all columns are, else float64. Missing cells become NaN. Raises InputError if a column does
    not have numbers or booleans, if there is no such column, or if its lists differ in length.
    """
    columns = [str(key) for key in frame.columns]
    if column is not None:
        if column not in columns:
            raise InputError("column", must=f"be one of {', '.join(columns)}", found=repr(column))
        cells = frame[column].to_numpy()
        if cells.dtype.kind in "fiub":
            return _plain(frame[column])[:, None]
        try:
            return np.stack([np.asarray(cell, np.float32) for cell in cells])
        except (TypeError, ValueError):
            raise InputError(
                "column", must="hold lists of numbers, all of one length", found=f"others in {column!r}"
            ) from None
    if len(set(columns)) < len(columns):
        raise InputError(name, must="have columns of different names", found=", ".join(columns))
    arrays = [_plain(frame[key]) for key in frame.columns]
    odd = [key for key, values in zip(columns, arrays, strict=True) if values.dtype.kind not in "fiub"]
    if odd:
        listed = ", ".join(map(repr, odd[:5])) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
        vectors = next((key for key in odd if _holds_vectors(frame[key])), None)
        remedy = "drop them, or encode them as numbers first, with scikit-learn's OneHotEncoder or TfidfVectorizer"
        if vectors is not None:
            remedy = f"drop them, or take the vectors in one by column={vectors!r}"
        raise InputError(name, must="have columns of numbers only", found=f"others in {listed}", remedy=remedy)
    if not arrays:
        raise InputError(name, must="have columns of numbers", found="no column")
    small = all(values.dtype == np.float32 for values in arrays)
    return np.stack(arrays, 1, dtype=np.float32 if small else np.float64, casting="unsafe")


def _holds_vectors(series: Any) -> bool:
    cells = series.to_numpy()
    return bool(len(cells)) and np.ndim(cells[0]) == 1


def _plain(series: Any) -> NDArray[Any]:
    """Return a column as an array; numbers with missing cells as float64 with NaN."""
    nullable = type(series).__module__.split(".")[0] == "pandas" and not isinstance(series.dtype, np.dtype)
    if nullable and str(series.dtype) != "category" and getattr(series.dtype, "kind", "O") in "fiub":
        values: NDArray[Any] = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return values
    array = np.asarray(series.to_numpy())
    if array.dtype == object and len(array):
        cells = [np.nan if cell is None else cell for cell in array]
        with suppress(TypeError, ValueError):  # numbers and None that pandas stores as objects
            if not any(isinstance(cell, str | bytes) for cell in cells):
                values = np.array(cells, np.float64)
                return values if values.ndim == 1 else array
    return array
