"""Jobs: long work that a person starts on the page, one job at a time, each in a separate process.

Training in the server's process would delay answers, and could not be stopped. The functions are the same as for the
command line: they take the project's lock. A job that is killed loses nothing, and its repetition gives the same
result.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from spotal.errors import InputError, ProjectBusyError
from spotal.web.tasks import TASKS, Task

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["Jobs"]

PATIENCE = 10.0
"""Seconds to wait for a process that was killed."""


@dataclass
class _Job:
    """A job with the fields that the page shows; ``outcome`` is None while it runs, ``left`` in seconds."""

    id: int
    task: str
    doing: str
    by: str | None
    outcome: str | None = None
    what: str = ""
    done: int = 0
    total: int | None = None
    left: float | None = None
    sentence: str = ""
    notes: list[str] = field(default_factory=list)
    file: str | None = None


class Jobs:
    """The jobs of one server; threads may share it.

    Parameters
    ----------
    tasks : mapping of names to tasks, in the order in which the page offers them
    """

    def __init__(self, project: Project, tasks: Mapping[str, Task] = TASKS) -> None:
        self.tasks = dict(tasks)
        self._project, self._lock = project, Lock()
        self._folder: TemporaryDirectory[str] | None = None
        self._job: _Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._count = int(1000 * time.time())  # so that ids are larger than before a restart
        self._begun = 0.0
        self._steps: dict[str, float] = {}
        self._earlier: dict[str, dict[str, float]] = {}
        self._closed = False

    def start(self, task: str, by: str | None = None) -> dict[str, Any]:
        """Start a task and return its job. If the same task is running already, return its job.

        Raises
        ------
        InputError
            There is no such task.
        ProjectBusyError
            Another job is running.
        """
        if task not in self.tasks:
            raise InputError("task", must=f"be one of {', '.join(self.tasks)}", found=f"{task!r:.60}")
        with self._lock:
            if self._job is not None and self._job.outcome is None:
                if self._job.task != task:
                    raise ProjectBusyError(f"the server is {self._job.doing}; wait until it has finished, or cancel it")
                return self._shown()
            if self._closed:
                raise ProjectBusyError("the server is stopping; start spotal label again")
            self._count += 1
            self._begun, self._steps = time.monotonic(), {}
            process = self._spawn(self.tasks[task])
            self._job = job = _Job(self._count, task, self.tasks[task].doing, by)
            self._process = process
            Thread(target=self._follow, args=(job, process), daemon=True).start()
            return self._shown()

    def cancel(self, id: int) -> None:
        """Stop the job with this id if it is still running, and wait for its process to end."""
        with self._lock:
            job, process = self._job, self._process
            if job is None or process is None or job.id != id or job.outcome is not None:
                return
            job.outcome, job.left = "canceled", None
            job.sentence = "all answers are kept, and the next try starts from the beginning"
            _kill(process)

    def close(self) -> None:
        """Stop the running job, and delete the files for download."""
        with self._lock:
            self._closed = True
            job = self._job
        if job is not None:
            self.cancel(job.id)
        if self._folder is not None:
            self._folder.cleanup()

    def status(self) -> dict[str, Any] | None:
        """Return the running job, or the last one, as JSON types; None if there was none."""
        with self._lock:
            return None if self._job is None else self._shown()

    def file(self, name: str) -> Path | None:
        """Return the newest file with this name that a job wrote for download."""
        if self._folder is None or name not in {task.file for task in self.tasks.values()}:
            return None
        path = Path(self._folder.name, name)
        return path if path.is_file() else None

    def _spawn(self, task: Task) -> subprocess.Popen[str]:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="spotal-page-")
        file = Path(self._folder.name, task.file or "nothing")
        command = [sys.executable, "-m", "spotal.web.job_process", str(self._project.folder), task.function, str(file)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, encoding="utf-8", start_new_session=sys.platform != "win32"
        )

    def _follow(self, job: _Job, process: subprocess.Popen[str]) -> None:
        """Read the reports of the process until it ends."""
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._update(job, json.loads(line))
        code = process.wait()
        assert process.stdin is not None
        process.stdin.close()
        with self._lock:
            if job.outcome is None:
                job.outcome = "failed"
                job.sentence = (
                    f"{job.doing} ended too early (exit status {code}); the terminal of spotal label may show the "
                    "reason. A common reason is too little memory"
                )

    def _update(self, job: _Job, report: dict[str, Any]) -> None:
        with self._lock:
            if job.outcome is not None:
                return
            if "note" in report:
                job.notes.append(report["note"])
            elif "outcome" in report:
                job.outcome, job.sentence, job.left = report["outcome"], report["sentence"], None
                if job.outcome == "done":
                    job.file = self.tasks[job.task].file
                    self._earlier[job.task] = self._steps | {"": time.monotonic() - self._begun}
            else:
                job.what, job.done, job.total = report["what"], report["done"], report["total"]
                self._steps.setdefault(_kind(job.what), time.monotonic() - self._begun)

    def _shown(self) -> dict[str, Any]:
        assert self._job is not None
        if self._job.outcome is None:
            self._job.left = self._left(self._job, time.monotonic() - self._begun)
        return asdict(self._job)

    def _left(self, job: _Job, now: float) -> float | None:
        """Estimate the remaining seconds: of this step from its speed, of later steps from the previous run."""
        begun = self._steps.get(_kind(job.what), now)
        pace = (now - begun) / job.done * (job.total - job.done) if job.total and job.done else None
        earlier = self._earlier.get(job.task)
        if earlier is None or _kind(job.what) not in earlier:
            return pace
        start = earlier[_kind(job.what)]
        end = min((at for name, at in earlier.items() if at > start or name == ""), default=start)
        rest = max(0.0, end - start - (now - begun)) if pace is None else pace
        return rest + earlier[""] - end


def _kind(what: str) -> str:
    """Return a step's name without numbers, which differ between runs."""
    return re.sub(r"[\d,]+", "#", what)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and its children, and wait for its end."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
