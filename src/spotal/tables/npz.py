"""Headers of .npy data, and checks of a .npz file before it is unpacked: it may unpack to more than the free memory."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from spotal.storage.system import free_memory, too_large

__all__ = ["check_members", "read_header"]


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and dtype in the .npy header at the start of a stream."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


def check_members(path: Path) -> None:
    """Compare the sizes in the array headers with the members' sizes and the free memory.

    Raises
    ------
    ValueError
        A header announces more or fewer bytes than its member has.
    DataFileError
        All arrays together are larger than the free memory.
    """
    total = 0
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            total += member.file_size
            with file.open(member) as stream:
                if stream.read(6) != b"\x93NUMPY":
                    continue
                stream.seek(0)
                shape, dtype = read_header(stream)
                announced, size = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
            if not dtype.hasobject and announced != size:
                raise ValueError(f"{member.filename} announces {announced:.3g} bytes of {dtype}, but has {size:,}")
    free = free_memory()
    if free is not None and total > free:
        remedy = "save the array as .npy, which is read a piece at a time"
        raise too_large(path, f"{total / 1e9:.1f}", free, remedy)
