"""Contents: hashes by which items are found again, and stamps that save reading files for them."""

from __future__ import annotations

import os
import time
from hashlib import blake2b, file_digest
from pathlib import Path

__all__ = ["content_hash", "read_file", "stamp_of"]

SIZE = 12
"""Bytes of a hash."""
SETTLED = 2_000_000_000
"""Nanoseconds after its last change from which on a file's stamp is believed: clocks of disks are coarse."""


def content_hash(content: bytes | memoryview) -> str:
    """Hash of the bytes that an item is."""
    return blake2b(content, digest_size=SIZE).hexdigest()


def stamp_of(found: os.stat_result, read_at: int, settled: int) -> str | None:
    """Stamp of a file that is read from ``read_at`` on; None where it changed in the ``settled`` nanoseconds before.

    A stamp is made of size, inode and the times of the last changes of content and inode; whoever puts back the time of
    a file that they changed changes the latter.
    """
    is_settled = read_at - max(found.st_mtime_ns, found.st_ctime_ns) > settled
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}" if is_settled else None


def read_file(path: Path, known: tuple[str, str] | None = None) -> tuple[str, str | None, str]:
    """Content, stamp and former content of a file, which is read only where its stamp is not the known one.

    See :func:`stamp_of`. A file that cannot be read has a content of its own, by its stamp.

    Parameters
    ----------
    path : Path
    known : stamp and content as they were, or None

    Returns
    -------
    content : str; stamp : str or None, None where it may not be relied on; former : str, as of revision 0001
    """
    try:
        found = os.stat(path)
        read_at = time.time_ns()
        stamp = stamp_of(found, read_at, SETTLED)
        former = f"{found.st_size}:{found.st_mtime_ns}"
        if known is not None and known[0] == stamp:
            return known[1], stamp, former
        with path.open("rb") as file:
            content = file_digest(file, lambda: blake2b(digest_size=SIZE)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.errno} {path}", None, ""
    return content, stamp, former
