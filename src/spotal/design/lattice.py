"""Lattice: the good-lattice-point uniform design with a Korobov generator."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from spotal.design.base import Design
from spotal.numeric.checks import check_count

__all__ = ["Lattice"]


@final
class Lattice(Design):
    """The good-lattice-point design: point k is k (1, a, a^2, ...) mod n, over n, with the best a that is coprime to n.

    The best a has the lowest wrap-around discrepancy. No shift modulo 1 changes this discrepancy. Computing it costs
    O(n d) for a lattice instead of O(n^2 d). Every margin has exactly one point in each interval of width 1/n.

    If few numbers are coprime to n (fewer than n/2 and than ``candidates``), a lattice of n + 1 points is made. Its
    last point, the origin, is dropped, and the other n levels are spread over [0,1]: the usual leave-one-out design.

    Parameters
    ----------
    candidates : int
        Maximum number of values of a to try. If more are possible (only a up to n/2: a and n - a are mirror images),
        evenly spaced values are tried.
    shift : bool, whether to shift by a random vector modulo 1; if False, levels are the midpoints (i + 1/2) / n, not
        random

    Notes
    -----
    Cost O(candidates n d) time, O(n d) memory. For dim above the multiplicative order of a, coordinates repeat up to
    the shift: no such lattice of n points fills more than about n/2 dimensions.

    References
    ----------
    Fang, Lin, Winker and Zhang (2000), Uniform design: theory and application, Technometrics 42 (the design).
    Korobov (1959), The approximate computation of multiple integrals, Dokl. Akad. Nauk SSSR 124 (the generator).
    Hickernell (1998), Lattice rules: how well do they measure up? (wrap-around discrepancy).
    Fang and Wang (1994), Number-theoretic Methods in Statistics, ch. 1 and 5 (n + 1 less the last point).

    Examples
    --------
    >>> from spotal.design import Lattice
    >>> Lattice(shift=False).points(4, 1).ravel().tolist()
    [0.125, 0.375, 0.625, 0.875]
    """

    def __init__(self, candidates: int = 256, shift: bool = True) -> None:
        self.candidates = candidates
        self.shift = shift

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        candidates = check_count(self.candidates, "candidates", 1)
        few = len(_coprime(n)) < min(n / 2, candidates)
        modulus = n + 1 if few else n
        half = _coprime(modulus)
        half = half[half <= max(1, modulus // 2)]
        if len(half) > candidates:
            half = half[np.linspace(0, len(half) - 1, candidates).round().astype(np.int64)]
        best = min(half.tolist(), key=lambda a: _wraparound(_powers(a, dim, modulus), modulus))
        levels = np.arange(int(few), modulus)[:, None] * _powers(best, dim, modulus) % modulus - int(few)
        offset = rng.random(dim) if self.shift else 0.5 / n
        return (levels / n + offset) % 1.0


def _coprime(n: int) -> NDArray[np.int64]:
    """Return the numbers 1..n that are prime to n."""
    numbers = np.arange(1, n + 1)
    prime: NDArray[np.int64] = numbers[np.gcd(numbers, n) == 1]
    return prime


def _powers(a: int, dim: int, n: int) -> NDArray[np.int64]:
    """Return (1, a, a^2, ..., a^(dim-1)) modulo n."""
    return np.array([pow(a, j, n) for j in range(dim)], dtype=np.int64)


def _wraparound(generator: NDArray[np.int64], n: int) -> float:
    """Return the squared wrap-around discrepancy of a lattice without its constant (4/3)^d."""
    # differences of lattice points are lattice points, so the double sum of Hickernell's formula is n times this one
    product = np.ones(n)
    steps = np.arange(n)
    for g in generator.tolist():
        x = steps * g % n / n
        product *= 1.5 - x * (1.0 - x)
    return float(product.mean())
