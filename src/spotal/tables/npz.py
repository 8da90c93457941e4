"""Look at the members of a .npz file before they are unpacked: a small file may promise, or hold, more than memory."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from spotal.storage.system import free_memory, too_large

__all__ = ["check_members"]


def check_members(path: Path) -> None:
    """Compare what the headers of the arrays speak of with what is there, and with the memory that is free.

    Raises
    ------
    ValueError
        A header speaks of more or fewer bytes than its member has.
    DataFileError
        All arrays together are larger than the memory that is free.
    """
    total = 0
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            total += member.file_size
            with file.open(member) as stream:
                if stream.read(6) != b"\x93NUMPY":
                    continue
                stream.seek(0)
                version = np.lib.format.read_magic(stream)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = header(stream)
                promised, there = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
            if not dtype.hasobject and promised != there:
                raise ValueError(f"{member.filename} speaks of {promised:.3g} bytes of {dtype}, and has {there:,}")
    free = free_memory()
    if free is not None and total > free:
        remedy = "save the array as .npy, which is read a piece at a time"
        raise too_large(path, f"{total / 1e9:.1f}", free, remedy)
