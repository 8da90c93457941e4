"""Point clouds of the evidence: synthetic ones, real ones, and one whose map to the cube is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from spotal.datasets import load
from spotal.errors import DatasetError
from spotal.reduce import PCA

Array = NDArray[np.float64]

COMPONENTS = 8
"""Number of dimensions that a cloud of images is reduced to (whitened PCA) when it is mapped without a strategy."""


@dataclass(frozen=True)
class Cloud:
    """A point cloud: points float64 (n, D), and the group of each (mixture component, class, or 0)."""

    name: str
    points: Array
    group: NDArray[np.int64]

    def reduced(self) -> Array:
        """Return points of up to 3 dimensions unchanged, else their first whitened principal components; (n, d)."""
        if self.points.shape[1] <= 3:
            return self.points
        return np.asarray(PCA(COMPONENTS, whiten=True, random_state=0).fit_transform(self.points))


def two_moons(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Make two interleaved half circles with noise."""
    side = rng.integers(0, 2, n)
    t = np.pi * rng.random(n)
    x = np.c_[np.cos(t), np.sin(t)] * np.where(side, -1, 1)[:, None] + np.outer(side, [1, 0.5])
    return x + 0.07 * rng.standard_normal((n, 2)), side


def swiss_roll(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Make a rolled-up sheet in three dimensions with noise."""
    t = 1.5 * np.pi * (1 + 2 * rng.random(n))
    x = np.c_[t * np.cos(t), 21 * rng.random(n), t * np.sin(t)]
    return (x + 0.3 * rng.standard_normal((n, 3))) / 10, np.zeros(n)


def spiral(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Make a spiral whose density falls from its center to its end."""
    t = rng.random(n) ** 2
    angle = 0.5 * np.pi + 3 * np.pi * t
    return np.c_[np.cos(angle), np.sin(angle)] * (0.15 + t)[:, None] + 0.025 * rng.standard_normal((n, 2)), np.zeros(n)


def mixture(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Make 20 Gaussians at fixed places in the plane, with masses from 100 to 1 in geometric steps."""
    places = np.random.default_rng(20)
    centers = places.uniform(-4, 4, (20, 2))
    spread = places.uniform(0.1, 0.4, 20)
    mass = places.permutation(np.geomspace(100, 1, 20))
    group = rng.choice(20, n, p=mass / mass.sum())
    return centers[group] + spread[group, None] * rng.standard_normal((n, 2)), group


def digits(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Return scikit-learn's 8 x 8 images of digits as 64 pixels; at most 1,797."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    rows = rng.permutation(len(x))[:n]
    return x[rows] / 16, y[rows]


@lru_cache(maxsize=1)
def _fashion() -> tuple[Array, Any]:
    """32 principal components of the pixels of 5,000 training images, and their classes."""
    data = load("fashion-mnist", download=False)
    rows = np.random.default_rng(0).permutation(len(data.X))[:5_000]
    x = data.X[rows].reshape(len(rows), -1) / 255.0
    return np.asarray(PCA(32, random_state=0).fit_transform(x)), data.y[rows]


def fashion_mnist(n: int, rng: np.random.Generator) -> tuple[Array, Any]:
    """Return Fashion-MNIST as 32 principal components of the pixels."""
    x, y = _fashion()
    rows = rng.permutation(len(x))[:n]
    return x[rows], y[rows]


_MAKERS = {
    "two moons": two_moons,
    "Swiss roll": swiss_roll,
    "uneven spiral": spiral,
    "20 Gaussians 100:1": mixture,
    "digits": digits,
    "Fashion-MNIST": fashion_mnist,
}


def names() -> list[str]:
    """Return the names of clouds that can be made on this machine."""
    try:
        _fashion()
    except DatasetError:
        return [name for name in _MAKERS if name != "Fashion-MNIST"]
    return list(_MAKERS)


def make(name: str, n: int, seed: int) -> Cloud:
    """Make the cloud ``name`` with n points, or with all points of smaller data."""
    points, group = _MAKERS[name](n, np.random.default_rng([seed, len(name)]))
    return Cloud(name, np.asarray(points, dtype=np.float64), np.asarray(group, dtype=np.int64))


class Warp:
    """A smooth invertible map G from the unit cube to an uneven, correlated, curved cloud, with an explicit inverse.

    y_j is the quantile function of the mixture 0.8 N(0, 1) + 0.2 N(3.5, 0.6^2) at coordinate j of u. A triangular shear
    then bends each coordinate along the previous one, x_j = y_j + 0.25 (y_{j-1} - 1)^2, which keeps volumes. For
    uniform U and X = G(U), the mean of f(X) is the integral of f(G(u)) over the cube.
    """

    weight = np.array([0.8, 0.2])
    center = np.array([0.0, 3.5])
    scale = np.array([1.0, 0.6])
    bend = 0.25

    def cdf(self, y: Array) -> Array:
        """Return the mixture's distribution function, elementwise."""
        return sum(w * ndtr((y - m) / s) for w, m, s in zip(self.weight, self.center, self.scale, strict=True))

    def quantile(self, u: Array) -> Array:
        """Return the inverse of ``cdf``, elementwise, by bisection to the last bit."""
        low, high = np.full(u.shape, -40.0), np.full(u.shape, 40.0)
        for _ in range(60):
            middle = (low + high) / 2
            below = self.cdf(middle) < u
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    def forward(self, u: Array) -> Array:
        """Return G(u), (n, d)."""
        y = self.quantile(u)
        x = y.copy()
        x[:, 1:] += self.bend * (y[:, :-1] - 1) ** 2
        return x

    def inverse(self, x: Array) -> Array:
        """Return the inverse of G at x (n, d)."""
        y = x.copy()
        for j in range(1, x.shape[1]):
            y[:, j] -= self.bend * (y[:, j - 1] - 1) ** 2
        return self.cdf(y)
