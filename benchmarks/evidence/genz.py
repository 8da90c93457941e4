"""Genz's test functions on the unit cube, with their integrals in closed form.

A. Genz, "A package for testing multiple integration subroutines", in Numerical Integration, Reidel 1987. The sums of
the coefficients a, which set the difficulty, are from E. Novak and K. Ritter, "High dimensional integration of smooth
functions over cubes", Numer. Math. 75, 1996. The discontinuous family is omitted, as it is not smooth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[np.float64]

DIFFICULTY = {"oscillatory": 9.0, "product peak": 7.25, "corner peak": 1.85, "Gaussian": 7.03, "continuous": 20.4}
"""Sum of the coefficients a of each family; "continuous" has a kink, the others are analytic."""


@dataclass(frozen=True)
class Genz:
    """A function of a family: coefficients a (d,) and shifts u (d,)."""

    family: str
    a: Array
    u: Array

    @classmethod
    def draw(cls, family: str, dim: int, rng: np.random.Generator) -> Genz:
        """Draw a function: a is uniform on [0.25, 1]^d scaled to the family's difficulty, u uniform on [0, 1]^d."""
        a = rng.uniform(0.25, 1, dim)
        return cls(family, a * DIFFICULTY[family] / a.sum(), rng.random(dim))

    def __call__(self, x: Array) -> Array:
        """Return the values (n,) at points x (n, d) of the cube."""
        return _VALUES[self.family](self, x)

    def integral(self) -> float:
        """Return the mean over the unit cube."""
        return float(_INTEGRALS[self.family](self))


def _oscillatory(g: Genz, x: Array) -> Array:
    return np.cos(2 * np.pi * g.u[0] + x @ g.a)


def _product_peak(g: Genz, x: Array) -> Array:
    return np.prod(1 / (g.a**-2.0 + (x - g.u) ** 2), axis=1)


def _corner_peak(g: Genz, x: Array) -> Array:
    return (1 + x @ g.a) ** -(len(g.a) + 1.0)


def _gaussian(g: Genz, x: Array) -> Array:
    return np.exp(-(((x - g.u) * g.a) ** 2).sum(1))


def _continuous(g: Genz, x: Array) -> Array:
    return np.exp(-np.abs(x - g.u) @ g.a)


def _oscillatory_integral(g: Genz) -> float:
    return float((np.exp(2j * np.pi * g.u[0]) * np.prod((np.exp(1j * g.a) - 1) / (1j * g.a))).real)


def _product_peak_integral(g: Genz) -> float:
    return float(np.prod(g.a * (np.arctan(g.a * (1 - g.u)) + np.arctan(g.a * g.u))))


def _corner_peak_integral(g: Genz) -> float:
    # inclusion and exclusion over the corners of the cube
    corners = np.array(list(product((0, 1), repeat=len(g.a))))
    signs = (-1.0) ** corners.sum(1)
    return float((signs / (1 + corners @ g.a)).sum() / (factorial(len(g.a)) * np.prod(g.a)))


def _gaussian_integral(g: Genz) -> float:
    return float(np.prod(np.sqrt(np.pi) / (2 * g.a) * (erf(g.a * (1 - g.u)) + erf(g.a * g.u))))


def _continuous_integral(g: Genz) -> float:
    return float(np.prod((2 - np.exp(-g.a * g.u) - np.exp(-g.a * (1 - g.u))) / g.a))


_VALUES: dict[str, Callable[[Genz, Array], Array]] = {
    "oscillatory": _oscillatory,
    "product peak": _product_peak,
    "corner peak": _corner_peak,
    "Gaussian": _gaussian,
    "continuous": _continuous,
}
_INTEGRALS: dict[str, Callable[[Genz], float]] = {
    "oscillatory": _oscillatory_integral,
    "product peak": _product_peak_integral,
    "corner peak": _corner_peak_integral,
    "Gaussian": _gaussian_integral,
    "continuous": _continuous_integral,
}
