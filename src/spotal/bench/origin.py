"""Origin of results: the code's commit, the machine and the versions."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from spotal.selection.provenance import versions

__all__ = ["origin", "source"]


@lru_cache(maxsize=1)
def origin() -> dict[str, Any]:
    """Return commit (None outside a checkout), whether the source is changed, its hash, machine and versions."""
    here = Path(__file__).parents[1]
    inside = _git(here, "rev-parse", "--show-toplevel")
    own = bool(inside) and Path(inside) == here.parents[1]
    return {
        "commit": _git(here, "rev-parse", "HEAD") or None if own else None,
        "changed": bool(_git(here, "status", "--porcelain", "--", ".")) if own else None,
        "source": source(),
        "machine": {
            "cpu": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_gib": round(int((_line("/proc/meminfo", "MemTotal") or "0").split()[0]) / 2**20, 1),
            "system": platform.platform(terse=True),
        },
        "versions": versions(),
    }


def source() -> str:
    """Return a hash of the package's Python files: equal hashes mean equal code."""
    digest, home = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(home.rglob("*.py")):
        digest.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _git(folder: Path, *words: str) -> str:
    """Run git without its optional locks: a killed run leaves no lock in the repository."""
    command = ["git", "--no-optional-locks", *words]
    try:
        process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
