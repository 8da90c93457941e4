"""What tests of a full disk share: no room for files, what a command must say then, and what is in a folder."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from spotal.project.places import HOLDER, LOCK

resource = pytest.importorskip("resource", reason="the system cannot limit files")


@contextmanager
def room(size):
    """No file may grow beyond ``size`` bytes: the system refuses to write more, as where a disk is full."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def failed(result, *said):
    """The command ended in one sentence of ours, which says that."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for words in said:
        assert words in last, last


def content(folder="."):
    """What is there, but for locks, who has them, and what SQLite keeps beside its file."""
    passed = (Path(LOCK).name, Path(HOLDER).name, ".lock", "-wal", "-shm", ".pyc")
    return {
        path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file() and not path.name.endswith(passed)
    }
