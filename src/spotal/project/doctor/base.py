"""Finding: one problem of a project, with its repair if that is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Finding", "Progress"]

Progress = Callable[[int, int], object]
"""Called with the number of images read, and the number of all images."""


@dataclass(frozen=True)
class Finding:
    """A problem of a project.

    check : str, the part of the project
    sentence : str, the problem and, if a person has to solve it, what to do
    repair : str or None, what the repair does
    note : bool, whether this is only information
    fix : the repair, called after a backup while the project is locked
    """

    check: str
    sentence: str
    repair: str | None = None
    note: bool = False
    fix: Callable[[], object] | None = field(default=None, repr=False, compare=False)
