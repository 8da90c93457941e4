"""Measurements in separate processes: wall-clock and processor seconds, memory, and limits on both."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Memory", "apart", "measured", "too_long"]

SPARE = 10**9
"""Minimum free bytes of the machine: below, a measurement is stopped before the kernel kills some process."""
LOOK = 0.05
"""Seconds between two checks of a measurement's memory."""


def measured(function: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """Measure wall-clock and processor seconds of repeated calls; return the medians and each wall-clock time."""
    clock, work = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        function()
        clock.append(time.perf_counter() - start)
        work.append(time.process_time() - used)
    medians = {"seconds": statistics.median(clock), "cpu_seconds": statistics.median(work)}
    return {**medians, "repeats": repeats, "all_seconds": clock}


class Memory:
    """Context manager: the peak of this process's anonymous memory within the block, and its value before; bytes."""

    def __enter__(self) -> Memory:
        self.before = self.peak = _anonymous("self")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, _anonymous("self"))


def apart(module: str, function: str, *arguments: Any, cap: float, memory: float) -> dict[str, Any]:
    """Run ``python -m module one function arguments``; return the JSON on its last line, or why it was stopped.

    It is stopped after ``cap`` seconds, above ``memory`` bytes of anonymous memory, or if the machine has almost no
    memory left. This process watches it, as a process within compiled code cannot watch itself.
    """
    command = [sys.executable, "-m", module, "one", function, json.dumps(arguments)]
    environment = {"OMP_WAIT_POLICY": "passive"} | os.environ
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log, env=environment)
        try:
            stopped = _watch(process, cap, memory)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        log.seek(0)
        if stopped is None and process.returncode < 0:
            stopped = f"ended by signal {-process.returncode}"
        if stopped is None and process.returncode:
            stopped = (log.read().strip().splitlines() or [f"exit {process.returncode}"])[-1][:200]
        return {"stopped": stopped} if stopped else dict(json.loads(out.read().splitlines()[-1]))


def too_long(cap: float) -> str:
    """Return the reason for stopping a measurement after ``cap`` seconds."""
    return f"longer than {cap:.0f} s"


def _watch(process: subprocess.Popen[bytes], cap: float, memory: float) -> str | None:
    """The reason to stop the process; None when it has ended."""
    end = time.monotonic() + cap
    while process.poll() is None:
        used = _anonymous(process.pid)
        if time.monotonic() > end:
            return too_long(cap)
        if used > memory:
            return f"more than {memory / 1e9:.3g} GB"
        if _kilobytes("/proc/meminfo", "MemAvailable") < SPARE:
            return f"more memory than the machine had: {used / 1e9:.3g} GB"
        time.sleep(LOOK)
    return None


def _anonymous(process: int | str) -> int:
    """Anonymous memory of a process in bytes; 0 if it has ended."""
    try:
        return _kilobytes(f"/proc/{process}/status", "RssAnon")
    except (OSError, IndexError):
        return 0


def _kilobytes(path: str, name: str) -> int:
    """A value of a file under /proc, in bytes."""
    return int(Path(path).read_text().split(f"{name}:")[1].split()[0]) * 1024
