"""Halton: the scrambled Halton sequence."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from spotal.design._qmc import engine
from spotal.design.base import SequentialDesign

__all__ = ["Halton"]


@final
class Halton(SequentialDesign):
    """The Halton sequence: coordinate j is the radical inverse of the position, in the j-th prime base.

    Works equally well for any number of points. Margins in large bases fill slowly, so use it in few dimensions.

    Parameters
    ----------
    scramble : bool, whether to permute the digits at random; if False, the design is not random and starts at the
        origin

    Notes
    -----
    Cost O(n d log n).

    References
    ----------
    Halton (1960), On the efficiency of certain quasi-random sequences of points, Numer. Math. 2.
    Owen (2017), A randomized Halton algorithm in R, arXiv:1706.02808 (the scrambling).

    Examples
    --------
    >>> from spotal.design import Halton
    >>> Halton(scramble=False).points(3, 1).ravel().tolist()
    [0.0, 0.5, 0.25]
    """

    def __init__(self, scramble: bool = True) -> None:
        self.scramble = scramble

    def _sequence(self, n: int, dim: int, start: int, rng: np.random.Generator) -> NDArray[np.float64]:
        source = engine("Halton", dim, rng, scramble=self.scramble)
        return np.asarray(source.fast_forward(start).random(n))
