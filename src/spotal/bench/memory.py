"""Peak memory of a piece of work, as the system counts it."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["PeakMemory"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """How far the process's resident memory rose above where it stood, while the block ran.

    ``bytes`` after the block. On Linux the kernel's high-water mark is reset first, so that earlier peaks do not hide
    this one, and memory that was freed before is given back, so that its use is counted; elsewhere it is the growth of
    ``ru_maxrss``, 0 unless a new record was set. The first use of a library counts what loading it takes.
    """

    bytes: int = 0

    def __enter__(self) -> PeakMemory:
        self._exact = _reset()
        self._before = _status("VmRSS") if self._exact else _maxrss()
        return self

    def __exit__(self, *error: object) -> None:
        peak = _status("VmHWM") if self._exact else _maxrss()
        self.bytes = max(0, peak - self._before)


def _reset() -> bool:
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _RESET.write_text("5")
        return _status("VmHWM") > 0
    except OSError:
        return False


def _status(name: str) -> int:
    line = next((line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:")), "x 0")
    return 1024 * int(line.split()[1])


def _maxrss() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else 1024 * int(peak)
