"""Locks on files, which end with the process that took them, however it ends and whatever it has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from weakref import WeakSet

from spotal.errors import OutputError

__all__ = ["locked", "try_lock"]

_held: WeakSet[IO[bytes]] = WeakSet()


def _let_go() -> None:
    """A forked process has a copy of each open file, which would hold its lock on after the first one is killed."""
    for file in _held:
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of that file; waits for it. It ends with the process, however that ends."""
    file = _open(path)
    try:
        _lock(file, wait=True)
        yield
    finally:
        file.close()


def try_lock(path: Path) -> IO[bytes] | None:
    """The lock of that file, held until what is returned is closed or the process ends; None where another holds it."""
    file = _open(path)
    if _lock(file, wait=False):
        return file
    file.close()
    return None


def _open(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{path} cannot be written ({reason}); give a folder that you may write to") from None


def _lock(file: IO[bytes], *, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # a system without: processes there may repeat each other's work, to the same result
        return True
    _held.add(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
