"""Signatures of a pool's files, which detect changes while the pool is used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from spotal.errors import DataFileError
from spotal.tables import reading

__all__ = ["FileSignature", "mapped_file"]

FILE_ENDS, CHUNK_ENDS = 1 << 16, 1 << 12
"""Bytes at both ends of a file that are hashed: of a single file, and of each file in a folder."""


class FileSignature:
    """The state of a file, or of a folder with everything in it, at the time of the call.

    path; size : bytes; time : of the last change, ns; ends : hash of names, sizes, and of both ends of each file
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size, self.time, self.ends = _state(path)

    def check(self) -> None:
        """Raise DataFileError if the path has changed."""
        try:
            same = _state(self.path) == (self.size, self.time, self.ends)
        except DataFileError as error:
            raise DataFileError(
                f"{self.path} is gone, though it was there when the pool was opened ({error})"
            ) from None
        if not same:
            raise DataFileError(
                f"{self.path} changed while the pool was read; wait until it is written, then begin again"
            )


def mapped_file(array: object) -> Path | None:
    """Return the file that an array or its base is mapped from; None for other arrays and for deleted files."""
    while array is not None:
        if isinstance(array, np.memmap) and array.filename is not None and os.path.exists(array.filename):
            return Path(array.filename)
        array = getattr(array, "base", None)
    return None


def _state(path: Path) -> tuple[int, int, str]:
    size, time, digest = 0, 0, hashlib.blake2b(digest_size=16)
    with reading(path):
        inside = [Path(place, name) for place, _, files in os.walk(path) for name in files]
        for file in sorted(inside) or [path]:
            state, ends = os.stat(file), CHUNK_ENDS if inside else FILE_ENDS
            size, time = size + state.st_size, max(time, state.st_mtime_ns)
            if inside:
                digest.update(f"{file.relative_to(path)} {state.st_size}\n".encode(errors="surrogateescape"))
            with open(file, "rb") as opened:
                digest.update(opened.read(ends))
                opened.seek(max(0, state.st_size - ends))
                digest.update(opened.read(ends))
    return size, time, digest.hexdigest()
