"""Sobol: the scrambled Sobol' sequence, Latinized if n is not a power of two."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from spotal.design._qmc import engine
from spotal.design.base import SequentialDesign
from spotal.errors import InputError

__all__ = ["Sobol", "cloud"]

BITS = 30
MAX_DIM = 21201


@final
class Sobol(SequentialDesign):
    """The scrambled Sobol' sequence: a digital net in base 2 whose first 2^m points are balanced in every margin.

    ``sequence`` returns the sequence unchanged. ``points`` returns the first n points of the sequence if n is a power
    of two. For other n these points would not be balanced, so they are Latinized: each coordinate x becomes (rank + u)
    / n, with u the position of x in its interval of width 1/N, where N is the next power of two. Every margin then has
    exactly one point in each interval of width 1/n, and for n = N the formula changes nothing.

    Parameters
    ----------
    scramble : bool
        Whether to scramble by a random linear matrix and digital shift. If False, the design is not random and starts
        at the origin.

    Notes
    -----
    Cost O(n d), and O(d n log n) to Latinize; O(900 d) memory to scramble. At most 21201 dimensions and 2^30 points,
    InputError above.

    References
    ----------
    Joe and Kuo (2008), Constructing Sobol sequences with better two-dimensional projections, SIAM J. Sci. Comput. 30.
    Matousek (1998), On the L2-discrepancy for anchored boxes, J. Complexity 14 (the scrambling).
    Owen (2020), On dropping the first Sobol' point, arXiv:2008.08051 (why n is a power of two).

    Examples
    --------
    >>> from spotal.design import Sobol
    >>> Sobol(scramble=False).points(4, 2).tolist()
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """

    def __init__(self, scramble: bool = True) -> None:
        self.scramble = scramble

    def _sequence(self, n: int, dim: int, start: int, rng: np.random.Generator) -> NDArray[np.float64]:
        if dim > MAX_DIM:
            raise InputError("dim", f"is {dim}, above the {MAX_DIM} that Sobol can make", "reduce the dimension")
        if start + n > 1 << BITS:
            raise InputError(
                "n",
                f"is {start + n}, above the 2**{BITS} points of a Sobol sequence",
                "ask for fewer",
                subject="start + n",
            )
        source = engine("Sobol", dim, rng, scramble=self.scramble, bits=BITS)
        if start:
            return np.asarray(source.fast_forward(start).random(n))
        # draw the first point alone: scipy warns if the first draw is not a power of two
        return np.concatenate([source.random(1), source.random(n - 1)])

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        raw = self._sequence(n, dim, 0, rng)
        strata = power_of_two(n)
        if strata == n:
            return raw
        rank = raw.argsort(axis=0).argsort(axis=0)
        return (rank + (raw * strata) % 1.0) / n


def power_of_two(n: int) -> int:
    """Return the least power of two that is at least n >= 1."""
    return 1 << (n - 1).bit_length()


def cloud(n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a scrambled Sobol' net of at least n points, (2^k, dim), from which other designs choose."""
    return Sobol().points(power_of_two(n), dim, random_state=rng)
