"""From design to rows by cells: cut the pool by the design, refine the cells, take one representative of each."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._nearest import nearest
from spotal.engine import run
from spotal.pool.base import Batch, Pool
from spotal.selection.limits import Allowance, serve

__all__ = ["Cells", "cell_means", "cut", "refine", "represent", "settle", "spread"]

# torch 2.11 says so once, though check_invariants is given
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")


@dataclass(frozen=True)
class Cells:
    """The pool cut into k cells.

    index : int64 (N,) cell of each row; squared : float64 (N,) squared distance to the center of its cell, in the
    pool's own space; centers : (k, D) tensor
    """

    index: NDArray[np.int64]
    squared: NDArray[np.float64]
    centers: torch.Tensor


def cut(carried: NDArray[np.floating], design: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest design point to each carried row, int64 (N,). O(N n d)."""
    points = torch.from_numpy(np.ascontiguousarray(carried))
    return nearest(points, torch.from_numpy(design))[0].numpy()


class _Means:
    """Pass: mass and weighted sum of each cell, for rows assigned beforehand or to the nearest of given centers."""

    here = True

    def __init__(self, count: int, mass: NDArray[np.float64], index: NDArray[np.int64], centers: torch.Tensor | None):
        self.count = count
        self.mass = mass
        self.index = index
        self.centers = centers

    def map(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        points = batch.points
        if self.centers is not None:
            self.index[batch.rows] = nearest(points, self.centers)[0].cpu().numpy()
        index = torch.from_numpy(self.index[batch.rows])
        w = torch.from_numpy(self.mass[batch.rows])
        # one sparse product: the sum of each cell in row order, the same each time (no atomics)
        assign = torch.sparse_coo_tensor(
            torch.stack([index, torch.arange(len(points))]), w, (self.count, len(points)), check_invariants=False
        ).to(points.device)
        sums = torch.sparse.mm(assign, points.double())
        mass = np.bincount(index.numpy(), weights=w.numpy(), minlength=self.count)
        return torch.from_numpy(mass), sums

    def merge(
        self, left: tuple[torch.Tensor, torch.Tensor], right: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return left[0] + right[0], left[1] + right[1]

    def finish(self, partial: tuple[torch.Tensor, torch.Tensor]) -> tuple[NDArray[np.float64], torch.Tensor]:
        mass, sums = partial
        return mass.numpy(), sums / mass.clamp_min(1e-300).to(sums.device)[:, None]


def cell_means(
    pool: Pool, mass: NDArray[np.float64], index: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], torch.Tensor]:
    """Mass (k,) and weighted mean (k, D) of each cell; one pass, O(N D)."""
    result: tuple[NDArray[np.float64], torch.Tensor] = run(_Means(count, mass, index, None), pool)
    return result


def refine(
    pool: Pool, mass: NDArray[np.float64], centers: torch.Tensor, steps: int, focus: float = 0.0
) -> torch.Tensor:
    """Centers (k, D) after weighted Lloyd steps; a cell that loses all mass keeps its own.

    With ``focus`` 0 a center goes to the mean of its cell, and squared distances shrink. With ``focus`` > 0 a row
    counts by its mass times exp(-focus x squared distance to the center / their median): centers climb to where mass
    is dense, and rows that lie far from everything no longer pull. That is one step toward greatest coverage by the
    Gaussian kernel of that width (a minorization of it: mean shift, D. Comaniciu, P. Meer, IEEE TPAMI 24(5), 2002,
    within cells; the coverage of Bae, Noh and Sutherland, ECCV 2024, at the cost of k-means).

    A pass a step, O(N k D); with focus a second one, O(N D).
    """
    index = np.zeros(len(pool), np.int64)
    for _ in range(steps):
        if focus:
            cells = settle(pool, centers)
            near = np.exp(-focus * cells.squared / spread(cells, mass))
            weight, means = cell_means(pool, mass * near, cells.index, len(centers))
        else:
            weight, means = run(_Means(len(centers), mass, index, centers), pool)
        filled = torch.from_numpy(weight > 0).to(means.device)
        centers = torch.where(filled[:, None], means, centers.to(means))
    return centers


def spread(cells: Cells, mass: NDArray[np.float64]) -> float:
    """Median squared distance to their centers of the rows with mass (N,); positive."""
    weighing = cells.squared[mass > 0]
    return (float(np.median(weighing)) if weighing.size else 0.0) or float(cells.squared.max()) or 1.0


class _Assign:
    """Pass: nearest center and squared distance of each row."""

    here = True

    def __init__(self, n: int, centers: torch.Tensor) -> None:
        self.centers = centers
        self.index = np.empty(n, np.int64)
        self.squared = np.empty(n)

    def map(self, batch: Batch) -> None:
        index, squared = nearest(batch.points, self.centers)
        self.index[batch.rows] = index.cpu().numpy()
        self.squared[batch.rows] = squared.cpu().numpy()

    def merge(self, left: None, right: None) -> None:
        return None

    def finish(self, partial: None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self.index, self.squared


def settle(pool: Pool, centers: torch.Tensor) -> Cells:
    """Every row to its nearest center; one pass, O(N k D)."""
    index, squared = run(_Assign(len(pool), centers), pool)
    return Cells(index, squared, centers)


def represent(
    cells: Cells,
    mass: NDArray[np.float64],
    free: NDArray[np.int64],
    budget: int,
    allowance: Allowance | None = None,
) -> NDArray[np.int64]:
    """One free row for each cell, the heaviest near its center, heaviest cell first; cells without one pass it on.

    A row's score is mass x exp(-squared distance to the center / median squared distance of the rows with mass): with
    equal mass the row nearest to the center, the medoid. Where fewer than ``budget`` cells have a free row, the next
    best rows of the heaviest cells follow. Rows of mass zero come only when the others run out.

    Parameters
    ----------
    mass : float64 (N,); free : int64 (m,) rows that may be chosen, m >= budget
    allowance : limits on cost and groups, which take the place of ``budget``: see :func:`~.limits.serve`

    Returns
    -------
    int64 (budget,), or as many as the limits allow. O(m log m).
    """
    squared = cells.squared[free]
    with np.errstate(divide="ignore"):
        score = np.log(mass[free]) - squared / spread(cells, mass)
    cell = cells.index[free]
    # within each cell: best score first, then nearest to the center, then row number
    order = np.lexsort((free, squared, -score, cell))
    starts = np.r_[0, np.flatnonzero(np.diff(cell[order])) + 1]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    weight = np.bincount(cell, weights=mass[free], minlength=len(cells.centers))
    turn = np.lexsort((free, squared, -score, -weight[cell], rank, mass[free] == 0))
    if allowance is not None:
        heavy = turn[mass[free[turn]] > 0]
        serve(free[heavy], cell[heavy], allowance)
        return allowance.walk(free[turn])
    return free[turn[:budget]]
