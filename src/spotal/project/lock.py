"""The project's lock: one long command at a time; short writes need none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from spotal.errors import ProjectBusyError
from spotal.project.places import HOLDER, LOCK, own_folder
from spotal.storage.locks import try_lock
from spotal.tables.json_lines import parse_json

__all__ = ["held"]


@contextmanager
def held(folder: Path, what: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock while the block runs; the system frees it when the process ends, however it ends.

    Parameters
    ----------
    folder : Path of the project
    what : str, what the holder does, for the message that others get
    wait : float, seconds to wait for another holder; below 0 without end

    Raises
    ------
    ProjectBusyError
        Another process, or another thread of this one, holds it.
    ProjectError
        The project's own folder is a link, or holds one.
    OutputError
        The folder cannot be written.
    """
    own_folder(folder)
    lock = try_lock(folder / LOCK, wait)
    if lock is None:
        raise ProjectBusyError(f"{folder} is in use by {_holder(folder)}; wait until that is done")
    with lock:
        about = {"what": what, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        with suppress(OSError):
            (folder / HOLDER).write_text(json.dumps(about), encoding="utf-8")
        yield


def _holder(folder: Path) -> str:
    try:
        about = parse_json((folder / HOLDER).read_bytes(), HOLDER)
        return f"{about['what']!r} (process {about['pid']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # written a moment ago, or not yet
        return "another process"
