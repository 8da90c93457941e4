"""The lock of a project: one long command runs at a time. Short writes need no lock."""

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
    """Hold the lock during the block. The system releases it when the process ends or is killed.

    Parameters
    ----------
    folder : Path of the project
    what : str, description of the command, shown to others
    wait : float, seconds to wait for another holder; negative waits without limit

    Raises
    ------
    ProjectBusyError
        Another process, or another thread of this process, holds it.
    ProjectError
        The folder ``.spotal`` is or contains a link.
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
    except (OSError, ValueError, KeyError, TypeError):  # not yet written in full
        return "another process"
