"""Memory and file systems of this machine."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from spotal.errors import DataFileError

__all__ = ["file_system", "free_memory", "give_back_memory", "too_large"]


def free_memory() -> int | None:
    """Return the bytes of memory that a process can still allocate, or None if unknown."""
    limits = []
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError):  # limit of a container; the file has "max" for none
        most, used = (int(Path("/sys/fs/cgroup", name).read_text("ascii")) for name in ("memory.max", "memory.current"))
        limits.append(max(0, most - used))
    return min(limits, default=None)


def too_large(path: Path, size: str, free: int, remedy: str) -> DataFileError:
    """Return the error for a file that unpacks to ``size`` GB while only ``free`` bytes are free."""
    return DataFileError(f"{path} unpacks to {size} GB, and {free / 1e9:.1f} GB of memory are free; {remedy}")


def file_system(device: int) -> str | None:
    """Return the type of the file system on a device (``st_dev``), such as "ext4", or None if unknown."""
    name = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
            mount, _, about = line.partition(" - ")
            if mount.split()[2] == name:
                return about.split()[0]
    return None


def give_back_memory() -> None:
    """Return freed memory to the system, which glibc would otherwise keep for each thread."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
