"""LatinHypercube: random points, one in every interval of width 1/n of each margin."""

from __future__ import annotations

from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from spotal.design._qmc import engine
from spotal.design.base import Design
from spotal.errors import InputError

__all__ = ["LatinHypercube"]


@final
class LatinHypercube(Design):
    """The Latin hypercube: a random permutation of n intervals in each coordinate, a random point in each.

    Parameters
    ----------
    strength : {1, 2}
        2 also balances every pair of coordinates (an orthogonal array). A strength of 2 requires n = p^2 with p prime
        (with m existing points: n + m = p^2) and dim <= p + 1.
    optimization : {None, "random-cd"}
        "random-cd" swaps coordinates at random while this lowers the centered discrepancy.

    Notes
    -----
    Cost O(n d); "random-cd" tries at most 10 000 swaps of O(n d) each. Raises InputError for other
    parameters, and for an n or dim that a strength of 2 cannot make.

    References
    ----------
    McKay, Beckman and Conover (1979), A comparison of three methods for selecting values of input variables,
    Technometrics 21. Tang (1993), Orthogonal array-based Latin hypercubes, JASA 88 (strength 2).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.design import LatinHypercube
    >>> u = LatinHypercube().points(4, 2, random_state=0)
    >>> np.sort((u * 4).astype(int), axis=0).tolist()
    [[0, 0], [1, 1], [2, 2], [3, 3]]
    """

    def __init__(self, strength: int = 1, optimization: Literal["random-cd"] | None = None) -> None:
        self.strength = strength
        self.optimization = optimization

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        if self.strength not in (1, 2):
            raise InputError(
                "strength", must="be 1 or 2", found=repr(self.strength), remedy="pass 1 for any number of points"
            )
        if self.optimization not in (None, "random-cd"):
            raise InputError("optimization", f"is {self.optimization!r}, not None or 'random-cd'", "pass one of these")
        # nothing to swap in one point or one dimension
        optimization = self.optimization if n > 1 and dim > 1 else None
        source = engine("LatinHypercube", dim, rng, strength=self.strength, optimization=optimization)
        try:
            points: NDArray[np.float64] = source.random(n)
        except ValueError as error:
            raise InputError(
                "strength",
                f"cannot make n={n} points in dim={dim}: {error}",
                "pass strength=1",
                subject=f"strength={self.strength}",
            ) from None
        return points
