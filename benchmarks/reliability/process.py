"""Commands in forked processes: as a user runs them, but without the time of imports."""

from __future__ import annotations

import gc
import os
import resource
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Forked", "freeze", "prepare", "run_main", "start"]


def prepare() -> None:
    """Import what commands need, and build the command line, once, before the forks; start no thread."""
    import alembic.command  # noqa: F401
    import numba  # noqa: F401
    import PIL.Image
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch
    import typer.main
    import uvicorn  # noqa: F401

    import spotal.annotate.files
    import spotal.cli.main
    import spotal.project.learning
    import spotal.project.report
    import spotal.web.app
    from spotal.strategies import names

    names()
    PIL.Image.init()
    torch.set_num_threads(1)
    typer.main.get_command = cache(typer.main.get_command)  # takes a third of the time of a short command
    typer.main.get_command(spotal.cli.main.app)
    freeze()


def freeze() -> None:
    """Exclude existing objects from the forks' garbage collections, which would copy their memory."""
    gc.collect()
    gc.freeze()


def run_main(words: str) -> int:
    """Run a command line in this process as ``spotal`` would, and return its exit status."""
    from spotal.cli import main

    sys.argv = ["spotal", *shlex.split(words)]
    code: Any = 0
    try:
        main.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 1


class Forked:
    """A forked process and its group. ``said`` is the file of its output; None for a pipe, which holds 64 KB."""

    def __init__(self, work: Callable[[], int], folder: Path, said: Path | None) -> None:
        self.said, self.status, self.begun = said, None, time.monotonic()  # type: ignore[var-annotated]
        self._told = ""
        sys.stdout.flush()
        sys.stderr.flush()
        if said is None:
            self._pipe, file = os.pipe()
        else:
            file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        self.pid = os.fork()
        if self.pid:
            os.close(file)
            return
        code = 70  # a forked process never returns into its parent's code
        try:
            os.setpgid(0, 0)
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            for number in (1, 2):
                os.dup2(file, number)
            # new streams: the parent's have cached whether their file is seekable
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
            sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            code = work()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def done(self) -> bool:
        """Return whether the process has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the process has ended, or for some seconds; return whether it has ended."""
        limit = None if seconds is None else time.monotonic() + seconds
        while not self.done():
            if limit is not None and time.monotonic() >= limit:
                return False
            time.sleep(0.002)
        return True

    def kill(self) -> bool:
        """Send SIGKILL to the process and its children; return False if it had ended before."""
        if self.done():
            return False
        for send in (os.killpg, os.kill):  # the group may not exist yet
            try:
                send(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.wait()
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL  # type: ignore[arg-type]

    @property
    def signal(self) -> str:
        """Return the name of the signal that ended the process, empty if none did."""
        number = 0 if self.status is None or not os.WIFSIGNALED(self.status) else os.WTERMSIG(self.status)
        return signal.Signals(number).name if number else ""

    @property
    def code(self) -> int:
        """Return the exit status of a process that ended by itself."""
        return os.waitstatus_to_exitcode(self.status or 0)

    def output(self) -> str:
        """Return the output so far; with a pipe, only after the end."""
        if self.said is not None:
            return self.said.read_text(encoding="utf-8", errors="replace")
        if not self._told:
            with open(self._pipe, encoding="utf-8", errors="replace") as pipe:
                self._told = pipe.read()
        return self._told


def finish(work: Callable[[], int], folder: Path, said: Path, failure: str) -> None:
    """Run work in a forked process to its end; raises SystemExit with ``failure`` and the output if it fails."""
    process = Forked(work, folder, said)
    process.wait()
    if process.status:
        raise SystemExit(f"{failure}:\n{process.output()}")


def start(words: str, folder: Path, said: Path | None, *, file_size: int | None = None) -> Forked:
    """Start a command in a folder; no file may grow beyond ``file_size`` bytes, as on a full disk."""

    def work() -> int:
        if file_size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        return run_main(words)

    return Forked(work, folder, said)
