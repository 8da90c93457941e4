"""Selection: the rows a strategy chose, what each stands for, and how it came about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection"]


@dataclass(eq=False)
class Selection:
    """Rows chosen from a pool of N rows, in the order in which to label them.

    Attributes
    ----------
    indices : int64 array (n,)
        Chosen pool rows, distinct, none of them labeled before, most useful first.
    figures : dict of str to float
        Figures of merit (design discrepancy, transport uniformity, fill distance, ...), by name.
    timings : dict of str to float
        Wall-clock seconds by step.
    provenance : dict
        Strategy and parameters, random_state, package versions, hash of the input: JSON-serializable.

    Notes
    -----
    ``cells`` and ``cell_mass`` are worked out on first use where the strategy did not need them itself; that costs
    one nearest-pick assignment, O(N n d), or one pass over the pool where it is large.
    """

    indices: NDArray[np.int64]
    figures: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    _mass: NDArray[np.float64] | None = field(default=None, repr=False)
    _represent: Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]] | None = field(default=None, repr=False)
    _represented: tuple[NDArray[np.int64], NDArray[np.float64]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Position in ``indices`` of the pick that stands for each pool row; -1 where none does. int64 (N,)."""
        return self._representation()[0]

    @property
    def cell_mass(self) -> NDArray[np.float64]:
        """Share of the unlabeled pool's mass that each pick stands for; sums to 1. float64 (n,)."""
        return self._representation()[1] if self._mass is None else self._mass

    def members(self, pick: int) -> NDArray[np.int64]:
        """Pool rows that the pick at position ``pick`` stands for (itself among them). int64 (k,)."""
        if not -len(self) <= pick < len(self):
            raise IndexError(f"pick must be below {len(self)}, the number of picks; found {pick}")
        return np.flatnonzero(self.cells == pick % len(self))

    def to_dict(self) -> dict[str, Any]:
        """All but the per-row cells, as plain JSON types."""
        return {
            "indices": self.indices.tolist(),
            "cell_mass": self.cell_mass.tolist(),
            "figures": self.figures,
            "timings": self.timings,
            "provenance": self.provenance,
        }

    def _representation(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if self._represented is None:
            if self._represent is None:
                raise RuntimeError("this Selection was made without its cells")
            self._represented = self._represent()
            self._represent = None
        return self._represented

    def __getstate__(self) -> dict[str, Any]:
        if self._represent is not None:
            self._representation()
        return self.__dict__.copy()
