"""What a pool's files were when they were opened, so that it is noticed when they change between passes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from spotal.errors import DataFileError
from spotal.tables import reading

__all__ = ["FileSignature", "mapped_file"]

FILE_ENDS, CHUNK_ENDS = 1 << 16, 1 << 12
"""Bytes at the beginning and at the end that are hashed: of a file, and of each file in a folder."""


class FileSignature:
    """A file, or a folder and all in it, as it is now.

    path; size : bytes; time : of the last change, ns; ends : hash of names, sizes, and of both ends of each file
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size, self.time, self.ends = _look(path)

    def check(self) -> None:
        """Raise DataFileError where the path does not hold what it did."""
        try:
            same = _look(self.path) == (self.size, self.time, self.ends)
        except DataFileError as error:
            raise DataFileError(
                f"{self.path} is gone, though it was there when the pool was opened ({error})"
            ) from None
        if not same:
            raise DataFileError(
                f"{self.path} changed while the pool was read; wait until it is written, then begin again"
            )


def mapped_file(array: object) -> Path | None:
    """The file that an array is a map of, or of a part of it; None where it is none, or the file has no name now."""
    while array is not None:
        if isinstance(array, np.memmap) and array.filename is not None and os.path.exists(array.filename):
            return Path(array.filename)
        array = getattr(array, "base", None)
    return None


def _look(path: Path) -> tuple[int, int, str]:
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
