"""Main function of a job's process: runs one function on a project and reports progress to the server as JSON lines.

:class:`~spotal.web.jobs.Jobs` starts it as ``python -m spotal.web.job_process PROJECT MODULE:FUNCTION FILE``. The
function gets the open project, a progress callback and the path of a file that it may write, and returns a sentence.
The process ends when its standard input closes, so that no job runs on without its server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from spotal.errors import FinishedError, FormatNote, SpotalError, SpotalWarning, reason_of
from spotal.project import Project

__all__ = ["main"]

PAUSE = 0.2
"""Seconds between two reports of the same step."""


class _Reports:
    """A writer of JSON lines to the process's standard output. Other prints go to standard error."""

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._last: tuple[str, float] = ("", 0.0)

    def send(self, **fields: Any) -> None:
        print(json.dumps(fields), file=self._file, flush=True)

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Report a step: at once when it begins or ends, otherwise at most every ``PAUSE`` seconds."""
        now = time.monotonic()
        if what == self._last[0] and done != total and now - self._last[1] < PAUSE:
            return
        self._last = what, now
        self.send(what=what, done=done, total=total)

    def warning(self, message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, SpotalWarning) and not issubclass(category, FormatNote):
            self.send(note=str(message))


def main(folder: str, function: str, file: str) -> None:
    """Run the function ``MODULE:FUNCTION`` on the project in ``folder``, and report the outcome."""
    reports = _Reports()
    threading.Thread(target=_end_with_server, daemon=True).start()
    warnings.simplefilter("always", SpotalWarning)
    warnings.showwarning = reports.warning
    module, _, name = function.partition(":")
    try:
        with Project.open(folder) as project:
            sentence = getattr(import_module(module), name)(project, reports.progress, Path(file))
    except FinishedError as error:
        reports.send(outcome="finished", sentence=str(error))
    except SpotalError as error:
        reports.send(outcome="failed", sentence=str(error))
    except OSError as error:
        reports.send(outcome="failed", sentence=f"{error.filename or folder} cannot be used ({reason_of(error)})")
    else:
        reports.send(outcome="done", sentence=sentence)


def _end_with_server() -> None:
    """Wait until the server closes this process's standard input, then kill the process and its children."""
    while os.read(0, 1):
        pass
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
