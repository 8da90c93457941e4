"""Loops of coverage on a neighbor graph: compiled ones, or for little work the same in NumPy and Python, bit for bit.

To import numba and to load compiled code takes a second of a process that may do nothing else.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["cover", "degrees", "gains", "keys_below", "measure_reach", "take_greedily", "turn_round"]

REPAID = 1 << 22
"""Edges of all graphs of this process from which on compiled loops are loaded: a second of work without them."""
LOOPS = "spotal.selection._loops"

_edges = 0
"""Edges of the graphs so far."""


def keys_below(values: Any, *rest: Any) -> None:
    """Write a key for each value that is at most its row's bound."""
    global _edges
    _edges += values.size // 8
    _home().keys_below(values, *rest)


def measure_reach(near: Any, squared: Any, mass: Any, *rest: Any) -> None:
    """Measure how far each row reaches; as in ``_loops``, like all others here."""
    global _edges
    _edges += near.size
    _home().measure_reach(near, squared, mass, *rest)


def turn_round(*arrays: Any) -> None:
    """Turn the graph round."""
    _home().turn_round(*arrays)


def degrees(*arrays: Any) -> None:
    """Replace squared distances by degrees of coverage."""
    _home().degrees(*arrays)


def cover(c: int, *arrays: Any) -> None:
    """Let row c cover its rows."""
    _home().cover(c, *arrays)


def gains(*arrays: Any) -> None:
    """Work out what each candidate would add to the coverage."""
    _home().gains(*arrays)


def take_greedily(*arrays: Any) -> int:
    """Fill in picks, each of greatest gain; how many there are."""
    return int(_home().take_greedily(*arrays))


def _home() -> ModuleType:
    if LOOPS in sys.modules or _edges > REPAID:
        from spotal.selection import _loops

        return _loops
    from spotal.selection import _small

    return _small
