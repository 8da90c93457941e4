"""Columns of tables and arrays as ids, texts, numbers and features."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError
from spotal.tables.delimited import is_number
from spotal.tables.numeric import is_numeric, looks_numeric
from spotal.tables.opening import listed, repeated
from spotal.tables.text import note

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EMBEDDING_COLUMNS", "Ids", "column", "features", "ids_of", "is_integer", "is_text", "numbers", "texts_of"]

EMBEDDING_COLUMNS = ("embedding", "embeddings", "X")
"""Names of a column with one list of numbers per row."""
RESERVED = ("id", "label", "mass", "", "__index_level_0__")
"""Names of columns that are never features. The last two are written by pandas for its index."""

Ids = list[str] | NDArray[np.int64]
"""Ids of rows: texts or integers."""


def _row(row: int) -> str:
    return f"row {row}"


def column(table: pa.Table, name: str, argument: str, path: Path) -> pa.ChunkedArray:
    """Return a column without empty cells of an arrow table.

    Raises InputError about ``argument`` if it is missing, DataFileError for empty cells.
    """
    check_column(name, table.column_names, argument, path)
    values = table[name]
    if values.null_count:
        row = values.is_null().to_pylist().index(True)
        raise DataFileError(f"{path} has an empty cell in column {name!r}, row {row}; fill it in or drop the row")
    return values


def check_column(name: str, names: list[str], argument: str, path: Path) -> None:
    """Raise InputError about ``argument`` if ``name`` is not among the columns ``names``."""
    if name not in names:
        remedy = f"its columns are {listed(names)}"
        raise InputError(argument, must=f"name a column of {path}", found=repr(name), remedy=remedy)


def texts_of(
    values: list[object] | pa.ChunkedArray, what: str, path: Path, where: Callable[[int], str] = _row
) -> list[str]:
    """Return texts from an arrow column or a list. Integers and dates are converted to text.

    Bytes are read as UTF-8, with a note. Raises DataFileError with the place for a missing cell, for bytes that are not
    UTF-8, and for any other type.
    """
    if isinstance(values, list):
        cells = values
    else:
        values = _decoded(values, what, path)
        try:
            cells = values.to_pylist()
        except UnicodeDecodeError:
            row = next(row for row, cell in enumerate(values) if not _is_readable(cell))
            raise DataFileError(f"{path} is not UTF-8 in {what}, {where(row)}; write its texts as UTF-8") from None
    texts = []
    for row, cell in enumerate(cells):
        if isinstance(cell, str):
            text = cell
        elif isinstance(cell, bool):
            text = str(cell).lower()
        elif isinstance(cell, int) or type(cell) is datetime.date:
            text = str(cell)
        elif cell is None:
            raise DataFileError(f"{path} has an empty cell in {what}, {where(row)}; fill it in or drop the row")
        elif isinstance(cell, bytes):
            try:
                text = cell.decode()
            except UnicodeDecodeError:
                raise DataFileError(
                    f"{path} has bytes that are no UTF-8 in {what}, {where(row)}; write its texts as UTF-8"
                ) from None
        else:
            raise DataFileError(
                f"{path} must hold text in {what}, found {cell!r:.60} in {where(row)}; convert it to text"
            )
        texts.append(text)
    joined = "".join(texts)
    if not joined.isascii() and not is_text(joined):
        row = next(row for row, text in enumerate(texts) if not is_text(text))
        raise DataFileError(
            f"{path} has half a character (a lone surrogate) in {what}, {where(row)}: {texts[row]!r:.60}; correct it"
        )
    return texts


def _decoded(values: Any, what: str, path: Path) -> Any:
    """Return the column with dictionary codes replaced by values. Notes that bytes are read as text."""
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        note(f"{path} has bytes in {what}, which are read as UTF-8")
    return values


def _is_readable(cell: Any) -> bool:
    try:
        cell.as_py()
    except UnicodeDecodeError:
        return False
    return True


def is_text(text: str) -> bool:
    """Return whether a text can be written as UTF-8, so that it has no lone surrogate (half a character)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def ids_of(values: list[Any] | NDArray[Any] | pa.ChunkedArray, what: str) -> Ids:
    """Return unique ids from a list, an arrow column or a numpy array, as int64 or uint64 (n,) or as a list of str.

    Raises DataFileError, which begins with ``what``, if ids repeat or are neither integers nor text.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataFileError(f"{what} have masked entries; fill them in or drop the rows")
    if isinstance(values, np.ndarray):
        listing = values.tolist()
    else:
        listing = values if isinstance(values, list) else values.to_pylist()
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in listing)
    if not whole and not all(isinstance(value, str) for value in listing):
        odd = next(value for value in listing if not isinstance(value, str))
        raise DataFileError(f"{what} must be integers or text, found {odd!r:.60}; convert them to text")
    if len(set(listing)) < len(listing):
        again = next(repeated(listing))
        raise DataFileError(f"{what} must not repeat, found {again!r} more than once; make them unique")
    if not whole:
        odd = next((name for name in listing if not is_text(name)), None)
        if odd is not None:
            raise DataFileError(
                f"{what} must be text, found half a character (a lone surrogate) in {odd!r}; correct it"
            )
        return list(listing)
    return _integers(listing, what)


def _integers(listing: Sequence[int], what: str) -> NDArray[Any]:
    """Return integers as int64, or else as uint64. Raises DataFileError if neither type is large enough."""
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= min(listing, default=0) and max(listing, default=0) <= np.iinfo(kind).max:
            return np.array(listing, kind)
    raise DataFileError(f"{what} must be integers of 64 bits or text, found other sizes; convert them to text")


def is_integer(kind: pa.DataType) -> bool:
    """Return whether an arrow type is one of integers."""
    from pyarrow import types

    return bool(types.is_integer(kind))


def numbers(values: NDArray[Any] | pa.ChunkedArray, what: str) -> NDArray[np.float64]:
    """Return a column or array of numbers as float64 (n,). Raises DataFileError for anything else."""
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "fuib":
            raise DataFileError(f"{what} must hold numbers, found dtype {values.dtype}; convert them")
        return values.astype(np.float64)
    if not is_numeric(values.type):
        raise DataFileError(f"{what} must hold numbers, found {values.type}; convert them")
    array: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy()
    return array


def features(
    table: pa.Table, path: Path, without: tuple[str | None, ...] = (), where: Callable[[int], str] = _row
) -> NDArray[Any]:
    """Return the feature columns of an arrow table as a float matrix (n, d).

    The features are one column of lists called ``embedding``, ``embeddings`` or ``X`` if it exists, else all numeric
    columns except ``RESERVED`` and ``without``. The type is float32 if every column fits it exactly, else float64.
    Empty cells become NaN.

    Raises
    ------
    DataFileError
        There is no such column, lists differ in length, or a column of numbers also holds text.
    """
    from pyarrow import types

    for name in EMBEDDING_COLUMNS:
        if name in table.column_names and not is_numeric(table.schema.field(name).type):
            return _lists(table[name], name, path)
    numeric = []
    for field in table.schema:
        if field.name in RESERVED or field.name in without:
            continue
        if is_numeric(field.type):
            numeric.append(field.name)
        elif types.is_string(field.type) or types.is_large_string(field.type):
            _refuse_mixed(table[field.name], field.name, path, where)
    if not numeric:
        raise DataFileError(
            f"{path} has no column of features; its columns are {listed(table.column_names)}: add columns of numbers, "
            "or one column 'embedding' of lists; texts are embedded by spotal embed"
        )
    small = all(_is_small(table.schema.field(name).type) for name in numeric)
    matrix = np.empty((table.num_rows, len(numeric)), np.float32 if small else np.float64)
    for place, name in enumerate(numeric):
        matrix[:, place] = numbers(table[name], f"{path}, column {name!r},")
    return matrix


def _is_small(kind: Any) -> bool:
    from pyarrow import types

    if types.is_boolean(kind):
        return True
    return bool(not types.is_decimal(kind) and kind.bit_width <= (32 if types.is_floating(kind) else 16))


def _refuse_mixed(values: Any, name: str, path: Path, where: Callable[[int], str]) -> None:
    """Raise DataFileError for a text column of mostly numbers, which was probably meant as a feature."""
    texts = [(row, text) for row, text in enumerate(values.to_pylist()) if text is not None and text.strip()]
    odd = [(row, text) for row, text in texts if not is_number(text)]
    words = [text for _, text in odd if not looks_numeric(text)]
    if texts and len(words) < len(texts) / 2:
        first = f", first {odd[0][1]!r:.60} in {where(odd[0][0])}" if odd else ""
        raise DataFileError(
            f"{path} has text among the numbers of column {name!r}{first}; repair these cells or remove the column"
        )


def _lists(values: Any, name: str, path: Path) -> NDArray[Any]:
    import pyarrow as pa
    from pyarrow import compute, types

    kind = values.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_list or not is_numeric(kind.value_type):
        raise DataFileError(f"{path} has {kind} in column {name!r}, not lists of numbers; write one list a row")
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    lengths = compute.list_value_length(values).to_pylist()
    width = lengths[0]
    odd = next((row for row, length in enumerate(lengths) if length is None or length != width), None)
    if odd is not None or not width:
        sizes = f"{lengths[odd or 0]} numbers in row {odd or 0}" + (f" and {width} in row 0" if odd else "")
        raise DataFileError(f"{path} has {sizes} of column {name!r}; give every row a list of the same length")
    flat = values.flatten()
    return flat.to_numpy(zero_copy_only=False).reshape(len(lengths), width)  # type: ignore[no-any-return]
