"""Loops of coverage on a neighbor graph: compiled ones, or for little work the same in NumPy and Python, bit for bit.

To import numba and to load compiled code takes a second of a process that may do nothing else.
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["loops_for"]

REPAID = 1 << 22
"""Edges of all graphs of this process from which on compiled loops are loaded: a second of work without them."""
COMPILED = "spotal.selection._compiled_loops"

_edges = 0
"""Edges of the graphs so far."""


def loops_for(edges: int = 0) -> ModuleType:
    """Return the module of loops to use, ``_compiled_loops`` or ``_numpy_loops``.

    Parameters
    ----------
    edges : int, edges of a graph that is begun; 0 for more work on one that was counted
    """
    global _edges
    _edges += edges
    if COMPILED in sys.modules or _edges > REPAID:
        from spotal.selection import _compiled_loops

        return _compiled_loops
    from spotal.selection import _numpy_loops

    return _numpy_loops
