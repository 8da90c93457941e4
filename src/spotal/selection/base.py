"""Selection: the rows that a strategy chose, their cells and their provenance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.lazy import later
from spotal.numeric.arrays import as_array
from spotal.pool.base import Pool, PoolLike
from spotal.selection.estimate import Estimate, Sampling, estimate_mean

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Selection"]

FEW = 8
"""Picks shown in the repr."""


class Selection:
    """Rows chosen from a pool of N rows, in the order in which to label them.

    Strategies return a Selection. Build a Selection yourself to use picks from other software with the same interface.

    Parameters
    ----------
    indices : int (n,), chosen pool rows, distinct, most useful first
    cells : int (N,) or None
        Position in ``indices`` of the pick whose cell each pool row is in, -1 for rows in no cell (labeled rows). Each
        pick is in its own cell.
    cell_mass : float (n,) or None
        Share of the unlabeled pool's mass in each cell, non-negative, with sum 1. None computes each cell's share of
        the unlabeled rows.
    diagnostics : dict of str to float, or None, figures of merit by name
    timings : dict of str to float, or None, wall-clock seconds by step
    provenance : dict or None, where the picks come from, of JSON types
    sampling : Sampling or None
        Weights, strata and, if known, probabilities of the picks. None computes weights and strata from ``cell_mass``
        and ``strata``.
    represent : function () -> (cells, cell_mass), or None
        Computes cells and their mass on first use, in place of ``cells``.
    strata : function () -> int (n,), or None
        Numbers of the strata for :meth:`estimate`, computed on first use. None puts all picks in one.
    pool : Pool or None, the pool of the picks, for :attr:`index` and pictures
    labeled : int (m,) or None, the labeled rows of the pool, for pictures

    Attributes
    ----------
    indices : int64 array (n,)
    diagnostics, timings : dict of str to float
    provenance : dict
        Strategy and parameters, random_state, package versions, hash of the input: JSON-serializable.

    Raises
    ------
    InputError
        indices, cells or cell_mass have the wrong shape, dtype or content.

    Notes
    -----
    ``cells`` and ``cell_mass`` are computed on first use, unless the strategy needed them. This costs one nearest-pick
    assignment, O(N n d), or one pass over a large pool.

    Examples
    --------
    >>> import spotal
    >>> chosen = spotal.Selection([4, 1], cells=[1, 1, 1, 0, 0])
    >>> chosen.cell_mass.tolist(), chosen.members(0).tolist()
    ([0.4, 0.6], [3, 4])
    """

    def __init__(
        self,
        indices: ArrayLike,
        cells: ArrayLike | None = None,
        cell_mass: ArrayLike | None = None,
        *,
        diagnostics: dict[str, float] | None = None,
        timings: dict[str, float] | None = None,
        provenance: dict[str, Any] | None = None,
        sampling: Sampling | None = None,
        represent: Callable[[], tuple[NDArray[np.int64], NDArray[np.float64]]] | None = None,
        strata: Callable[[], NDArray[np.int64]] | None = None,
        pool: Pool | None = None,
        labeled: NDArray[np.int64] | None = None,
    ) -> None:
        self.indices = _checked_indices(indices)
        self._pool, self._labeled = pool, labeled
        self._items: Any = None
        self._index: Any = None
        self.diagnostics = diagnostics or {}
        self.timings = timings or {}
        self.provenance = provenance or {}
        self._represent, self._sampling, self._strata = represent, sampling, strata
        self._represented = None if cells is None else _checked_cells(self.indices, cells, cell_mass)
        if cells is None and cell_mass is not None:
            raise InputError("cells", must="be given with cell_mass", found="None", remedy="give both or neither")

    def __repr__(self) -> str:
        first = ", ".join(map(str, self.indices[:FEW])) + (", ..." if len(self) > FEW else "")
        summary = [f"{len(self)} picks"]
        if self._pool is not None:
            summary[0] += f" of {len(self._pool):,} rows"
        if "strategy" in self.provenance:
            summary.append(f"by {self.provenance['strategy']!r}")
        return f"<Selection: {' '.join(summary)}; indices [{first}]>"

    def _repr_html_(self) -> str:
        return str(later("spotal.report.notebook:selection_html")(self))

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Position in ``indices`` of the pick whose cell each pool row is in; -1 for none. int64 (N,)."""
        return self._representation()[0]

    @property
    def cell_mass(self) -> NDArray[np.float64]:
        """Share of the unlabeled pool's mass in each pick's cell, with sum 1. float64 (n,)."""
        return self._representation()[1]

    @property
    def index(self) -> Any:
        """Names of the picks (n,): from a DataFrame's index or a pool's ids, otherwise ``indices``."""
        if self._index is None:
            names = getattr(self._pool, "ids", lambda: None)()
            names = np.asarray(names, object) if isinstance(names, list) else names
            self._index = self.indices if names is None else names[self.indices]
        return self._index

    def to_frame(self) -> pd.DataFrame:
        """Return the picks as a pandas DataFrame, one row for each pick in labeling order.

        Returns
        -------
        pandas.DataFrame
            Its index is :attr:`index`. Columns: ``row``, the number of the pool row, and ``share``, the pick's
            ``cell_mass``.

        Raises
        ------
        ImportError
            pandas is not installed.

        Examples
        --------
        >>> import spotal
        >>> spotal.Selection([4, 1], cells=[1, 1, 1, 0, 0]).to_frame()["share"].tolist()
        [0.4, 0.6]
        """
        return later("spotal.report.notebook:selection_frame")(self)

    def plot(self, kind: str = "map", *, pool: PoolLike | None = None) -> Any:
        """Draw the picks.

        Parameters
        ----------
        kind : {"map", "coverage"}
            "map": the pool, picks and labeled rows on two principal components. "coverage": the share of the pool
            within each distance of its nearest pick or labeled row, compared with the same number of random picks.
        pool : as for :func:`spotal.select`; needed only for a selection that was loaded or built by hand

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            The kind is unknown, the pool is missing or has another number of rows, or there is nothing to draw.

        Notes
        -----
        At most 4,000 evenly spaced rows of the pool are drawn, and all picks.
        """
        return later("spotal.report.notebook:selection_plot")(self, kind, pool)

    def with_items(self, items: object) -> Selection:
        """Return the same selection with items that notebooks show in place of the pool's numbers.

        Parameters
        ----------
        items : (N, ...), one for each row of the pool: images (N, height, width, channels), texts, paths of images, or
            a DataFrame
        """
        shown = object.__new__(type(self))
        shown.__dict__ = self.__dict__ | {"_items": items}
        return shown

    @property
    def shown(self) -> tuple[Any, Pool | None, NDArray[np.int64]]:
        """Items or None, the pool or None, and its labeled rows, for pictures."""
        items = getattr(self._pool, "frame", None) if self._items is None else self._items
        return items, self._pool, np.empty(0, np.int64) if self._labeled is None else self._labeled

    def members(self, pick: int) -> NDArray[np.int64]:
        """Return the pool rows in the cell of the pick at position ``pick``, the pick included; int64 (k,), ascending.

        Raises IndexError for a position beyond the picks.
        """
        if not -len(self) <= pick < len(self):
            raise IndexError(f"pick must be below {len(self)}, the number of picks; found {pick}")
        return np.flatnonzero(self.cells == pick % len(self))

    @property
    def sampling(self) -> Sampling:
        """The picks as a sample of the unlabeled pool: their weights and strata, and probabilities if known."""
        if self._sampling is None:
            n = len(self.indices)
            self._sampling = Sampling(self.cell_mass, self._strata() if self._strata else np.zeros(n, np.int64))
            self._strata = None
        return self._sampling

    def estimate(self, values: ArrayLike, *, confidence: float = 0.95) -> Estimate:
        """Estimate the unlabeled pool's mean of a value measured on the picks, with an error bar.

        ``values`` may be any numbers. With 1 for picks of a class and 0 for others, the mean is the prevalence of the
        class. With 1 for picks on which a deployed model is right and 0 for others, the mean is the model's accuracy
        (active testing). The mean is weighted by the caller's ``mass``, if given.

        Parameters
        ----------
        values : float, int or bool (n,), one for each pick in the order of ``indices``
        confidence : float, confidence level of the interval

        Returns
        -------
        Estimate

        Raises
        ------
        InputError
            values have another shape, are not finite or fewer than 2, or confidence is not in (0, 1).

        Notes
        -----
        With ``SPOT(representative="random")``, and "random" without mass or limits, picks are drawn with known
        probabilities. The mean is then the Horvitz-Thompson estimate, which has no bias for any values, cells or model.

        All other picks are not drawn at random. Each value is weighted by the mass of the pick's cell, and the mean is
        *biased*. For a smooth function the bias is about minus half its curvature times the variance within cells, so
        it falls with more picks. The error bar does not include the bias: the interval may cover the true mean less
        often than its confidence level (in docs/guides/estimates.md, the intervals for one function never cover its
        mean). If the picks depend on the quantity, such as a model's accuracy on rows picked for its uncertainty, the
        bias can be of any size.

        The error bar uses collapsed strata, because one row in a cell does not show how rows vary within it. Picks that
        lie close together are put into strata of two or three, without regard to values. Values vary within a stratum
        at least as much as within its cells, so errors are overestimated where means of neighboring cells differ (W.
        Cochran, "Sampling Techniques", 1977, section 5A.12). The interval is Student's, with n minus the number of
        strata degrees of freedom. If all values are 0 or 1, it is the exact binomial interval for the effective number
        of picks.
        """
        return estimate_mean(values, self.sampling, confidence)

    def renumbered(self, rows: NDArray[np.int64], n: int) -> Selection:
        """Return the selection re-indexed from a subset of a pool to the whole pool.

        Parameters
        ----------
        rows : int64 (N,), number in the whole pool of each row of the subset
        n : int, rows of the whole pool
        """

        def represent() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            cells = np.full(n, -1, np.int64)
            cells[rows] = self.cells
            return cells, self.cell_mass

        return Selection(
            rows[self.indices],
            diagnostics=self.diagnostics,
            timings=self.timings,
            provenance=self.provenance,
            represent=represent,
            sampling=self._sampling,
            strata=self._strata,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the selection without ``cells``, as a dict of plain JSON types."""
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
        if self._strata is not None:
            _ = self.sampling
        _ = self.index
        return self.__dict__ | {"_pool": None, "_labeled": None, "_items": None}


def _checked_indices(indices: ArrayLike) -> NDArray[np.int64]:
    rows = as_array(indices, "indices")
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise InputError("indices", must="be 1-D row numbers", found=f"shape {rows.shape} and dtype {rows.dtype}")
    rows = rows.astype(np.int64)
    if len(np.unique(rows)) < len(rows) or (len(rows) and rows.min() < 0):
        raise InputError(
            "indices",
            must="be distinct and at least 0",
            found="a repeated or negative one",
            remedy="give each row once",
        )
    return rows


def _checked_cells(
    indices: NDArray[np.int64], cells: ArrayLike, cell_mass: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    n = len(indices)
    cell = as_array(cells, "cells")
    if cell.ndim != 1 or cell.dtype.kind not in "iu" or (n and indices.max() >= len(cell)):
        raise InputError(
            "cells", must="be 1-D integers, one for each pool row", found=f"shape {cell.shape} and dtype {cell.dtype}"
        )
    cell = cell.astype(np.int64)
    if len(cell) and not -1 <= cell.min() <= cell.max() < n:
        found = f"{cell.min()} to {cell.max()}"
        raise InputError("cells", must=f"lie in -1..{n - 1}, positions in indices", found=found)
    if not np.array_equal(cell[indices], np.arange(n)):
        raise InputError("cells", must="give each pick its own position in indices", found="a pick in another's cell")
    if cell_mass is None:
        mass = np.bincount(cell[cell >= 0], minlength=n) / max(1, int((cell >= 0).sum()))
        return cell, mass
    mass = as_array(cell_mass, "cell_mass")
    if mass.shape != (n,) or mass.dtype.kind not in "fiu":
        raise InputError(
            "cell_mass", must=f"be numbers of shape ({n},)", found=f"shape {mass.shape} and dtype {mass.dtype}"
        )
    mass = mass.astype(np.float64)
    if n and not ((mass >= 0).all() and abs(mass.sum() - 1) <= 1e-6):
        raise InputError(
            "cell_mass", must="be non-negative with sum 1", found=f"{mass.min():g} as least and sum {mass.sum():g}"
        )
    return cell, mass
