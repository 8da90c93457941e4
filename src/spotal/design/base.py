"""Design: n points that fill the unit hypercube, and the interface of all designs."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.design._match import unmatched
from spotal.errors import InputError
from spotal.numeric.checks import check_count
from spotal.numeric.seeds import Seed, as_generator

__all__ = ["Design", "SequentialDesign"]


class Design(ABC):
    """n points in [0,1]^d that fill it more evenly than independent uniform points.

    A subclass stores its parameters unchanged in ``__init__`` and defines :meth:`_points`. It may override
    :meth:`_conditional`, which fills the space around given points.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.design import Design
    >>> class Diagonal(Design):
    ...     def _points(self, n, dim, rng):
    ...         return np.tile((np.arange(n) + 0.5)[:, None] / n, dim)
    >>> Diagonal().points(2, 2).tolist()
    [[0.25, 0.25], [0.75, 0.75]]
    """

    @final
    def points(
        self, n: int, dim: int, *, existing: ArrayLike | None = None, random_state: Seed = None
    ) -> NDArray[np.float64]:
        """Return the best design of exactly n points; with ``existing``, n points in the space around them.

        Parameters
        ----------
        n : int, number of points, at least 0
        dim : int, dimension d of the hypercube, at least 1
        existing : array-like of float, shape (m, dim), optional
            Points that the new points avoid. They are not returned. An array without rows has no effect.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
            An integer gives the same points, bit for bit, at every call.

        Returns
        -------
        ndarray of float64, shape (n, dim), points in [0,1]^d

        Raises
        ------
        InputError
            An argument is not as above, or the method cannot make so many points or dimensions.

        Notes
        -----
        The class states its cost. By default, a conditional design makes n + m points and matches the m given points
        to them, O(m^2 (n + m)) while m (n + m) <= 4e6 and about O((n + m) log (n + m)) above that.
        """
        n = check_count(n, "n")
        dim = check_count(dim, "dim", 1)
        given = None if existing is None else check_unit(existing, "existing", dim=dim)
        rng = as_generator(random_state)
        if n == 0:
            return np.empty((0, dim))
        points = self._points(n, dim, rng) if given is None or not len(given) else self._conditional(n, given, rng)
        return np.ascontiguousarray(points, dtype=np.float64)

    @abstractmethod
    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the design of n >= 1 points, (n, dim)."""

    def _conditional(self, n: int, existing: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return n >= 1 points given m >= 1: a design of n + m points without the m that match the given ones."""
        whole = self._points(n + len(existing), existing.shape[1], rng)
        return whole[unmatched(whole, existing)]

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class SequentialDesign(Design):
    """A design that begins an infinite sequence, so that it can be continued.

    A subclass defines :meth:`_sequence`. It may override :meth:`_points` with a better set of exactly n points.
    """

    @final
    def sequence(self, n: int, dim: int, *, start: int = 0, random_state: Seed = None) -> NDArray[np.float64]:
        """Return points start, ..., start + n - 1 of the infinite sequence with this ``random_state``.

        With an integer ``random_state``, ``sequence(8)`` followed by ``sequence(8, start=8)`` is ``sequence(16)``,
        bit for bit. A numpy generator gives another sequence at each call.

        Parameters
        ----------
        n : int, number of points, at least 0
        dim : int, dimension d of the hypercube, at least 1
        start : int, position in the sequence of the first point, at least 0
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None

        Returns
        -------
        ndarray of float64, shape (n, dim), points in [0,1]^d

        Raises
        ------
        InputError
            An argument is not as above, or the position is past the end of a sequence of finite precision.
        """
        n = check_count(n, "n")
        dim = check_count(dim, "dim", 1)
        start = check_count(start, "start")
        rng = as_generator(random_state)
        return self._sequence(n, dim, start, rng) if n else np.empty((0, dim))

    @abstractmethod
    def _sequence(self, n: int, dim: int, start: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return points start, ..., start + n - 1, (n, dim), n >= 1."""

    def _points(self, n: int, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return self._sequence(n, dim, 0, rng)


def check_unit(points: ArrayLike, name: str, *, dim: int | None = None) -> NDArray[np.float64]:
    """Return ``points`` as float64 (n, d); raise InputError unless finite, within [0,1] and of width ``dim``."""
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            name, must="hold numbers in rows of equal length", remedy="pass an array (rows, dim)"
        ) from None
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(name, must="be 2-D", found=f"shape {array.shape}", remedy="reshape it to (rows, dim)")
    if dim is not None and array.shape[1] != dim:
        raise InputError(name, f"has {array.shape[1]} columns where dim is {dim}", "pass points of that dimension")
    outside = ~((array >= 0) & (array <= 1)).all(axis=1)
    if outside.any():
        row = int(outside.argmax())
        raise InputError(
            name,
            must="be finite and within [0,1]",
            found=f"{array[row].tolist()} in row {row}",
            remedy="map the points to the unit hypercube first",
        )
    return array
