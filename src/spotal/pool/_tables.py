"""Read arrays and tables from files, with one sentence for whatever is wrong with one. Never unpickles."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal._npz import check_members
from spotal.errors import DataFileError, InputError

__all__ = [
    "EMBEDDING_COLUMNS",
    "TABLES",
    "column",
    "features",
    "ids_of",
    "listed",
    "numbers",
    "read_npy",
    "read_npz",
    "read_table",
    "reading",
]

EMBEDDING_COLUMNS = ("embedding", "embeddings", "X")
"""Names of a column that holds one list of numbers a row."""
TABLES = (".csv", ".parquet")
"""Endings of the files that hold tables."""
RESERVED = ("id", "label", "mass", "", "__index_level_0__")
"""Names of columns that are never features; the last two are what pandas calls the index it writes."""

Ids = list[str] | NDArray[np.int64]
"""What rows are called: strings or integers."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the system's refusal to open or read ``path`` into a DataFileError."""
    try:
        yield
    except FileNotFoundError:
        raise DataFileError(f"{path} does not exist; check the path") from None
    except IsADirectoryError:
        raise DataFileError(f"{path} is a folder where a file is needed; name the file in it") from None
    except PermissionError:
        raise DataFileError(f"{path} cannot be read (permission denied); change its permissions") from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read ({_line(error)}); check the file and its disk") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def listed(names: list[str]) -> str:
    """The first ten names, in quotes."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(repr(name) for name in names[:10]) or "none") + more


def _start(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise DataFileError(f"{path} is empty; write it again")
    return start


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file, memory-mapped where it has any entries. Raises DataFileError."""
    if not _start(path).startswith(b"\x93NUMPY"):
        raise DataFileError(f"{path} is not a .npy file; write it by numpy.save")
    try:
        with reading(path):
            try:
                array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
            except ValueError:  # no entries to map, or a real fault, which this finds again
                array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        if isinstance(error, DataFileError):
            raise
        if "bject" in str(error):
            raise DataFileError(
                f"{path} holds pickled Python objects, which are not read; save an array of numbers instead"
            ) from None
        raise DataFileError(f"{path} is truncated or corrupt ({_line(error)}); write it again") from None
    return array


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a ``.npz`` file by name. Raises DataFileError, also for pickled ones."""
    if not _start(path).startswith(b"PK"):
        raise DataFileError(f"{path} is not a .npz file; write it by numpy.savez")
    name = ""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with reading(path):
            check_members(path)
        with reading(path), np.load(path, allow_pickle=False) as file:
            for name in file.files:
                arrays[name] = file[name]
    except DataFileError:
        raise
    except Exception as error:  # a damaged zip fails in any way it likes, zlib.error and struct.error among them
        if "bject" in str(error):
            raise DataFileError(
                f"{path} holds pickled Python objects in {name!r}, which are not read; save an array of numbers or "
                "strings instead"
            ) from None
        raise DataFileError(f"{path} is truncated or corrupt ({_line(error)}); write it again") from None
    strangers = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if strangers:
        raise DataFileError(f"{path} holds {listed(strangers)}, not an array; write it by numpy.savez")
    return arrays


def read_table(path: Path) -> Any:
    """The pyarrow table of a ``.csv`` or ``.parquet`` file; needs at least one row. Raises DataFileError.

    The first line of a CSV holds column names, unless every one of its fields is a number: then columns are called
    f0, f1, ...
    """
    import pyarrow as pa

    _start(path)
    if path.suffix.lower() not in TABLES:
        raise DataFileError(f"{path} must be a table, {' or '.join(TABLES)}; convert it to one of these")
    try:
        with reading(path):
            if path.suffix.lower() == ".csv":
                import pyarrow.csv

                options = pa.csv.ReadOptions(autogenerate_column_names=_no_header(path))
                table = pa.csv.read_csv(path, read_options=options)
            else:
                import pyarrow.parquet

                # one file, whatever the names of the folders above it
                table = pa.parquet.ParquetFile(path).read()
    except pa.ArrowException as error:
        raise DataFileError(f"{path} is truncated or corrupt ({_line(error)}); write it again") from None
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataFileError(f"{path} has more than one column called {listed(twice)}; rename them")
    if table.num_rows == 0:
        raise DataFileError(f"{path} has no rows; write it again with at least one")
    return table


def _no_header(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = next(csv.reader(file), [])
    return bool(first) and all(_is_number(field) for field in first)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def column(table: Any, name: str, argument: str, path: Path) -> Any:
    """The column of that name without empty cells. Raises InputError if it is absent, DataFileError for empty cells."""
    if name not in table.column_names:
        raise InputError(
            f"{argument} must name a column of {path}, found {name!r}; its columns are {listed(table.column_names)}"
        )
    values = table[name]
    if values.null_count:
        row = values.is_null().to_pylist().index(True)
        raise DataFileError(f"{path} has an empty cell in column {name!r}, row {row}; fill it in or drop the row")
    return values


def ids_of(values: Any, what: str) -> Ids:
    """Ids from an arrow column or a numpy array: int64 (n,) or a list of str, all different.

    Raises DataFileError, with ``what`` they are, when they repeat or are neither integers nor text.
    """
    listing = values.tolist() if isinstance(values, np.ndarray) else values.to_pylist()
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in listing)
    if not whole and not all(isinstance(value, str) for value in listing):
        odd = next(value for value in listing if not isinstance(value, str))
        raise DataFileError(f"{what} must be integers or text, found {odd!r}; convert them to text")
    if len(set(listing)) < len(listing):
        seen: set[Any] = set()
        again = next(value for value in listing if value in seen or seen.add(value))  # type: ignore[func-returns-value]
        raise DataFileError(f"{what} must not repeat, found {again!r} more than once; make them unique")
    return np.asarray(listing, np.int64) if whole else listing


def numbers(values: Any, what: str) -> NDArray[np.float64]:
    """A column or array of numbers as float64 (n,). Raises DataFileError for anything else."""
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "fuib":
            raise DataFileError(f"{what} must hold numbers, found dtype {values.dtype}; convert them")
        return values.astype(np.float64)
    if not _is_numeric(values.type):
        raise DataFileError(f"{what} must hold numbers, found {values.type}; convert them")
    found: NDArray[np.float64] = values.cast(pa.float64()).to_numpy()
    return found


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def features(table: Any, path: Path, without: tuple[str | None, ...] = ()) -> NDArray[Any]:
    """The feature columns of a table as a float matrix (n, d).

    One column of lists called ``embedding``, ``embeddings`` or ``X``, if there is one; else all numeric columns except
    ``RESERVED`` and ``without``. float32 where that is enough for every column, else float64; empty cells become NaN.

    Raises
    ------
    DataFileError
        No such column, lists of differing lengths, or a column of numbers that also holds text.
    """
    from pyarrow import types

    for name in EMBEDDING_COLUMNS:
        if name in table.column_names and not _is_numeric(table.schema.field(name).type):
            return _lists(table[name], name, path)
    numeric = []
    for field in table.schema:
        if field.name in RESERVED or field.name in without:
            continue
        if _is_numeric(field.type):
            numeric.append(field.name)
        elif types.is_string(field.type) or types.is_large_string(field.type):
            _refuse_mixed(table[field.name], field.name, path)
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


def _refuse_mixed(values: Any, name: str, path: Path) -> None:
    """A column of text that is mostly numbers was meant as a feature."""
    texts = [(row, text) for row, text in enumerate(values.to_pylist()) if text is not None and text.strip()]
    odd = [(row, text) for row, text in texts if not _is_number(text)]
    if texts and len(odd) < len(texts) / 2:
        where = f", first {odd[0][1]!r} in row {odd[0][0]}" if odd else ""
        raise DataFileError(
            f"{path} has text among the numbers of column {name!r}{where}; repair these cells or remove the column"
        )


def _lists(values: Any, name: str, path: Path) -> NDArray[Any]:
    import pyarrow as pa
    from pyarrow import compute, types

    kind = values.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_list or not _is_numeric(kind.value_type):
        raise DataFileError(f"{path} has {kind} in column {name!r}, not lists of numbers; write one list a row")
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    lengths = compute.list_value_length(values).to_pylist()
    width = lengths[0]
    odd = next((row for row, length in enumerate(lengths) if length is None or length != width), None)
    if odd is not None or not width:
        found = f"{lengths[odd or 0]} numbers in row {odd or 0}" + (f" and {width} in row 0" if odd else "")
        raise DataFileError(f"{path} has {found} of column {name!r}; give every row a list of the same length")
    flat = values.flatten()
    return flat.to_numpy(zero_copy_only=False).reshape(len(lengths), width)  # type: ignore[no-any-return]
