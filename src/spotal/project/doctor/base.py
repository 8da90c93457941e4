"""Finding: one thing that is not as it should be, and the repair of it where one is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from spotal.tables import listed

__all__ = ["Finding", "Progress", "some"]

Progress = Callable[[int, int], object]
"""Told how many images were read, of how many."""


@dataclass(frozen=True)
class Finding:
    """What was found.

    check : str, the part of the project
    sentence : str, what is wrong and, where it is for a person to put right, what to do
    repair : str or None, what a repair does
    note : bool, whether it is only worth knowing
    fix : the repair, called while the project's lock is held, after a backup
    """

    check: str
    sentence: str
    repair: str | None = None
    note: bool = False
    fix: Callable[[], object] | None = field(default=None, repr=False, compare=False)


def some(names: Iterable[str]) -> str:
    """The first names, and how many more."""
    return listed([str(name) for name in names])
