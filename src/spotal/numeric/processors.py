"""Number of processors that this process may use."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

__all__ = ["processors"]


def processors() -> int:
    """Return the number of processors in this process's affinity mask, limited by its cgroup's CPU quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(own, _quota())))


@cache
def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the CPU quota of the cgroup, version 2 or 1, in processors; infinity if there is none."""
    try:
        if (file := root / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float(quota) / float(period) if quota != "max" and float(quota) > 0 else math.inf
    except (OSError, ValueError):
        return math.inf
