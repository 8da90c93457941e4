"""Peak memory of a block of code, as the operating system measures it."""

from __future__ import annotations

import sys
from pathlib import Path

from spotal.storage.system import give_back_memory

__all__ = ["PeakMemory"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Context manager: ``bytes`` is how much the process's resident memory rose while the block ran.

    On Linux, freed memory is returned to the system and the kernel's high-water mark is reset first, so that earlier
    peaks do not hide this one. On other systems it is the growth of ``ru_maxrss``: 0 unless there is a new maximum.
    Loading a library within the block counts.
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
    give_back_memory()
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
