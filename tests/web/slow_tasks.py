"""Functions that jobs of the tests run, in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import time

from spotal.errors import FinishedError, ModelError
from spotal.web.tasks import TASKS, Task


def slow(project, progress, file):
    """Take the lock and say how far it is, for ever."""
    with project.lock("next"):
        for k in range(10_000):
            progress(f"step {k // 1000 + 1}", k, 10_000)
            time.sleep(0.05)


def in_a_moment(project, progress, file):
    sys.stdout.write("what a model prints goes to the terminal\n")
    os.write(1, b"and so does this\n")
    for step in ("reading", "drawing"):
        progress(step, 0, None)
        time.sleep(0.5)
    file.write_text(str(len(project.items)))
    return "it is written"


def wrong(project, progress, file):
    raise ModelError("model must be one that works, found 'no'; name another")


def nothing_left(project, progress, file):
    raise FinishedError("the budget is spent; raise budget in spotal.toml to go on")


def dies(project, progress, file):
    os.kill(os.getpid(), signal.SIGKILL)


def crashes(project, progress, file):
    raise RuntimeError("a mistake of ours")


OURS = TASKS | {
    one.__name__: Task(one.__name__.replace("_", " "), f"{__name__}:{one.__name__}", "moment.txt")
    for one in (slow, in_a_moment, wrong, nothing_left, dies, crashes)
}
