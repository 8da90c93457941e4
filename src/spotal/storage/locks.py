"""File locks that are released when their process ends or is killed, even if its child processes still run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from weakref import WeakSet

from spotal.storage.files import FOLDER, unwritable

__all__ = ["locked", "try_lock"]

POLL = 0.05
"""Seconds between two tries."""
_held: WeakSet[IO[bytes]] = WeakSet()


def _close_copies() -> None:
    """Close a forked process's copies of lock files, which would hold the locks after its parent is killed."""
    for file in _held:
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_copies)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file during the block, after waiting for it."""
    file = try_lock(path, -1)
    assert file is not None
    with file:
        yield


def try_lock(path: Path, wait: float = 0.0) -> IO[bytes] | None:
    """Take the lock of a file. It is held until the returned file is closed or the process ends.

    Parameters
    ----------
    path : Path, created if missing
    wait : float, seconds to wait for another holder; negative waits without limit

    Returns
    -------
    file object, or None if another process, or another call in this process, still holds the lock

    Raises
    ------
    OutputError
        The file cannot be opened for writing.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise unwritable(path, error, FOLDER) from None
    end = time.monotonic() + wait
    try:
        _held.add(file)
        while not _take(file):
            if wait >= 0 and time.monotonic() >= end:
                file.close()
                return None
            time.sleep(POLL)
    except BaseException:
        file.close()
        raise
    return file


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
