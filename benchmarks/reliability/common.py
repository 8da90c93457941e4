"""Functions shared by the parts: scratch folders, commands in this process, hashes of folders, and results."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "ROOT", "Others", "added", "command", "content", "origin", "save", "scratch"]

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"


def command(words: str) -> None:
    """Run a command line in this process; raises SystemExit if it fails."""
    from spotal.cli.main import app

    try:
        app(shlex.split(words), standalone_mode=True)
    except SystemExit as end:
        if end.code:
            raise


@contextmanager
def scratch(keep: Path | None = None) -> Iterator[Path]:
    """Make a temporary folder, or use ``keep``, which is not removed."""
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="spotal-reliability-") as name:
        yield Path(name)


def content(folder: Path, of: Callable[[str], bool] = lambda name: True) -> dict[str, str]:
    """Return a hash of every file below a folder whose name passes ``of``; a link is hashed by its target."""
    hashes = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not of(path.relative_to(folder).as_posix()):
                continue
            data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            hashes[path.relative_to(folder).as_posix()] = blake2b(data, digest_size=12).hexdigest()
    return hashes


class Others:
    """Load of the machine by other programs since this object was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic(), self._busy(), self._own()

    def cores(self) -> float | None:
        """Return the average number of cores in use; None if the system does not report it. Our children have ended."""
        wall, busy, own = self._begun
        now = self._busy()
        if busy is None or now is None:
            return None
        return max(0.0, round((now - busy - self._own() + own) / (time.monotonic() - wall), 2))

    @staticmethod
    def _busy() -> float | None:
        try:
            user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        except (OSError, ValueError):
            return None
        return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own() -> float:
        return sum(os.times()[:4])


def origin() -> dict[str, Any]:
    """Return the commit, the machine and the date of a run."""
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "commit": commit + ("+changes" if changed else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"Python {platform.python_version()}",
    }


SAME = ("inputs", "part", "seed", "first_seed")
"""Keys of results that are not summed."""


def added(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine the results of two runs of a part with different seeds: sums of numbers, all messages."""
    total = dict(first)
    for key, value in second.items():
        if key not in first:
            total[key] = value
        elif isinstance(value, dict):
            total[key] = added(first[key], value)
        elif isinstance(value, str) or key in SAME:
            total[key] = first[key] if first[key] == value else f"{first[key]} and {value}"
        else:
            total[key] = first[key] + value
    return total


def save(part: str, document: dict[str, Any], about: dict[str, Any], add: bool = False) -> Path:
    """Write the results of a part, or ``add`` them to earlier ones; ``about`` is :func:`origin` at its start."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{part}.json"
    document = {"part": part, **about, **document}
    if add:
        document = added(json.loads(path.read_text(encoding="utf-8")), document)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)
    return path
