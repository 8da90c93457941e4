"""Arrays from .npy and .npz files, with a plain error for damaged ones. Pickles are never loaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, one_line
from spotal.tables.npz import check_members, read_header
from spotal.tables.opening import check_names, listed, reading

__all__ = ["read_npy", "read_npz"]


def _start(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise DataFileError(f"{path} is empty; write it again")
    return start


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file, memory-mapped if it is not empty. Raises DataFileError."""
    if not _start(path).startswith(b"\x93NUMPY"):
        raise DataFileError(f"{path} is not a .npy file; write it by numpy.save")
    try:
        with reading(path):
            entries = _entries(path)
            array: NDArray[Any] = np.load(path, mmap_mode="r" if entries else None, allow_pickle=False)
    except DataFileError:
        raise
    except Exception as error:  # a damaged header raises many types, such as errors of tokenize and struct
        if "bject" in str(error):
            raise DataFileError(
                f"{path} holds pickled Python objects, which are not read; save an array of numbers instead"
            ) from None
        raise DataFileError(f"{path} is truncated or corrupt ({one_line(error)}); write it again") from None
    return array


def _entries(path: Path) -> int:
    """Return the number of bytes that the header announces. Raises ValueError if the file is shorter."""
    with path.open("rb") as file:
        shape, dtype = read_header(file)
        start = file.tell()
    if dtype.hasobject:
        raise ValueError("Object arrays")
    if any(not 0 <= length < 1 << 62 for length in shape) or len(shape) > 64:
        raise ValueError(f"its header has the shape {shape!s:.60}")
    entries, size = math.prod(shape), path.stat().st_size - start
    if entries * dtype.itemsize > size:
        raise ValueError(f"its header announces {entries:.3g} entries of {dtype}, but the file has {size:,} bytes")
    return entries * dtype.itemsize


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of a ``.npz`` file by name. Raises DataFileError, also for pickled ones."""
    if not _start(path).startswith(b"PK"):
        raise DataFileError(f"{path} is not a .npz file; write it by numpy.savez")
    name = ""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with reading(path):
            check_members(path)
        with reading(path), np.load(path, allow_pickle=False) as file:
            check_names(file.files, path)
            for name in file.files:
                arrays[name] = file[name]
    except DataFileError:
        raise
    except Exception as error:  # a damaged zip raises many types, such as zlib.error and struct.error
        if "bject" in str(error):
            raise DataFileError(
                f"{path} holds pickled Python objects in {name!r}, which are not read; save an array of numbers or "
                "strings instead"
            ) from None
        raise DataFileError(f"{path} is truncated or corrupt ({one_line(error)}); write it again") from None
    foreign = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if foreign:
        raise DataFileError(f"{path} holds {listed(foreign)}, not an array; write it by numpy.savez")
    return arrays
