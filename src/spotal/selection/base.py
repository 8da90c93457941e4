"""Selection: the rows a strategy chose, what each stands for, and how it came about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.selection.estimate import Estimate, Sampling, estimate_mean

__all__ = ["Selection"]


@dataclass(eq=False)
class Selection:
    """Rows chosen from a pool of N rows, in the order in which to label them.

    Attributes
    ----------
    indices : int64 array (n,)
        Chosen pool rows, distinct, none of them labeled before, most useful first.
    diagnostics : dict of str to float
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
    diagnostics: dict[str, float] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    _represent: Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]] | None = field(default=None, repr=False)
    _represented: tuple[NDArray[np.int64], NDArray[np.float64]] | None = field(default=None, repr=False)
    _sampling: Sampling | None = field(default=None, repr=False)
    _collapse: Callable[[], NDArray[np.int64]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Position in ``indices`` of the pick that stands for each pool row; -1 where none does. int64 (N,)."""
        return self._representation()[0]

    @property
    def cell_mass(self) -> NDArray[np.float64]:
        """Share of the unlabeled pool's mass that each pick stands for; sums to 1. float64 (n,)."""
        return self._representation()[1]

    def members(self, pick: int) -> NDArray[np.int64]:
        """Pool rows that the pick at position ``pick`` stands for (itself among them). int64 (k,)."""
        if not -len(self) <= pick < len(self):
            raise IndexError(f"pick must be below {len(self)}, the number of picks; found {pick}")
        return np.flatnonzero(self.cells == pick % len(self))

    @property
    def sampling(self) -> Sampling:
        """How the picks stand for the unlabeled pool as a sample: their weights, and probabilities where known."""
        if self._sampling is None:
            if self._collapse is None:
                raise RuntimeError("this Selection was made without its strata")
            self._sampling = Sampling(self.cell_mass, self._collapse())
            self._collapse = None
        return self._sampling

    def estimate(self, values: ArrayLike, *, confidence: float = 0.95) -> Estimate:
        """The unlabeled pool's mean of what was found out about the picks, with an error bar.

        ``values`` may be 1 where a pick is of a class, for the class's prevalence; 1 where a deployed model is right,
        for its accuracy (active testing); a loss; any number. With the caller's ``mass``, the mean is weighted by it.

        Parameters
        ----------
        values : float, int or bool (n,), one for each pick in the order of ``indices``
        confidence : float, of the interval

        Returns
        -------
        Estimate

        Raises
        ------
        InputError
            values have another shape or are not finite numbers, there is one only, or confidence is not in (0, 1).

        Notes
        -----
        With ``SPOT(representative="random")`` and "random" without mass or limits, picks are drawn with known
        probabilities and the mean is the Horvitz-Thompson estimate: no bias, whatever the values are, the cells, or the
        model that made them.

        All other picks are chosen, not drawn. Each then counts the mass of its cell, and the mean is *biased*: a chosen
        row is no average row. For a smooth function the bias is about minus half its curvature times the variance
        within cells, less the more picks there are, and it does not show in the error bar: the interval may hold the
        truth less often than it says, for one function in docs/estimate.md never. For a quantity that the choice itself
        depends on, as a model's accuracy does when rows were picked for its uncertainty, it can be of any size.

        The error bar: one row a cell says nothing of how rows vary within it. Picks are therefore put into strata of
        two or three that lie close together, without regard to values, and vary there as in their cells or more:
        collapsed strata, on the safe side where means of neighboring cells differ (W. Cochran, "Sampling Techniques",
        1977, section 5A.12). The interval is Student's, with n less the number of strata degrees of freedom; where all
        values are 0 or 1, the exact binomial one for the effective number of picks.
        """
        return estimate_mean(values, self.sampling, confidence)

    def to_dict(self) -> dict[str, Any]:
        """All but the per-row cells, as plain JSON types."""
        return {
            "indices": self.indices.tolist(),
            "cell_mass": self.cell_mass.tolist(),
            "diagnostics": self.diagnostics,
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
        if self._collapse is not None:
            _ = self.sampling
        return self.__dict__.copy()
