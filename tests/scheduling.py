"""How pytest's workers share the tests: a file at a time, the longest first.

One worker runs a file, so that what its tests share (a browser, a cluster, a finished run) is made once and not once a
worker. Files that talk to one server are one unit. pytest-xdist 3.8 has groups for this, which pytest 9.2 ignores.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

SHARED = ("label_studio",)
"""Words in the names of files that one worker runs, since they share a server."""
LONGEST = (
    "label_studio",
    "engine/test_ray.py",
    "web/test_web_browser.py",
    "walks/test_photos.py",
    "engine/test_ray_memory.py",
    "reliability/test_reliability.py",
    "embed/test_automatic.py",
    "project/learning/test_kill.py",
    "cli/test_cli_full_disk.py",
    "walks/",
    "bench/test_bench_smoke.py",
    "web/test_web_jobs.py",
    "web/test_web_several.py",
    "test_plan.py",
)
"""Words in the names of the files that take longest: begun last, one of them would keep one worker busy alone."""


class ByFile(LoadScopeScheduling):
    """Gives whole files to workers, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((word for word in SHARED if word in file), file)


def place(file: str, slow: bool) -> tuple[int, bool]:
    """Where the tests of a file stand among all: the longest first, then the slow ones."""
    return next((k for k, word in enumerate(LONGEST) if word in file), len(LONGEST)), not slow
