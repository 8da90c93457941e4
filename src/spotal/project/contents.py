"""Contents: hashes that identify items, and stamps that show that a file need not be read again."""

from __future__ import annotations

import os
import time
from hashlib import blake2b, file_digest
from pathlib import Path

__all__ = ["content_hash", "read_file", "stamp_of"]

SIZE = 12
"""Bytes of a hash."""
SETTLED = 2_000_000_000
"""Nanoseconds since a file's last change before its stamp is trusted, because clocks of disks are coarse."""


def content_hash(content: bytes | memoryview) -> str:
    """Return the hash of an item's bytes."""
    return blake2b(content, digest_size=SIZE).hexdigest()


def stamp_of(state: os.stat_result, read_at: int, settled: int) -> str | None:
    """Return the stamp of a file: its size, inode, and the times of the last change of content and inode.

    A program that resets the content's time changes the inode's time. None if the file changed less than ``settled``
    nanoseconds before ``read_at``.
    """
    is_settled = read_at - max(state.st_mtime_ns, state.st_ctime_ns) > settled
    return f"{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}:{state.st_ino}" if is_settled else None


def read_file(path: Path, previous: tuple[str, str] | None = None) -> tuple[str, str | None, str]:
    """Return a file's content hash, its stamp (:func:`stamp_of`), and the content as revision 0001 stored it.

    ``previous`` holds the last stamp and content hash; the file is read only if its stamp changed. The content names
    the error if the file cannot be read.
    """
    try:
        state = os.stat(path)
        read_at = time.time_ns()
        stamp = stamp_of(state, read_at, SETTLED)
        former = f"{state.st_size}:{state.st_mtime_ns}"
        if previous is not None and previous[0] == stamp:
            return previous[1], stamp, former
        with path.open("rb") as file:
            content = file_digest(file, lambda: blake2b(digest_size=SIZE)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.errno} {path}", None, ""
    return content, stamp, former
