"""Loops of coverage on a neighbor graph: compiled, or in NumPy for small graphs, with the same bits.

Importing numba and loading compiled code takes about a second.
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["loops_for"]

REPAID = 1 << 22
"""Edges of all graphs so far above which compiled loops are loaded: about a second of work without them."""
COMPILED = "spotal.selection._compiled_loops"

_edges = 0
"""Edges of all graphs so far."""


def loops_for(edges: int = 0) -> ModuleType:
    """Return the module of loops to use, ``_compiled_loops`` or ``_numpy_loops``.

    Parameters
    ----------
    edges : int, edges of a new graph; 0 for more work on a graph that was counted before
    """
    global _edges
    _edges += edges
    if COMPILED in sys.modules or _edges > REPAID:
        from spotal.selection import _compiled_loops

        return _compiled_loops
    from spotal.selection import _numpy_loops

    return _numpy_loops
