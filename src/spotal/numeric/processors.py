"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

__all__ = ["processors"]


def processors() -> int:
    """Return how many processors this process may use: those it may run on, and no more than its cgroup's CPU quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(own, _quota())))


@cache
def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Processors that the container's cgroup, version 2 or 1, grants the time of; infinity where it sets no limit."""
    try:
        if (file := root / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float(quota) / float(period) if quota != "max" and float(quota) > 0 else math.inf
    except (OSError, ValueError):
        return math.inf
