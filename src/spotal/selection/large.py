"""Cells of a large pool: refined on a sample, in the leading coordinates; one pass finds each cell's best rows.

What ``cells`` does in O(N n D) for N rows, n cells and width D, with the whole pool in every step, this does in
O(N (D + sqrt(n))): the rows that a pass reads are compared with few centers each, and nothing is kept of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._arrays import check_matrix
from spotal._search import Centers, means, threads
from spotal.engine import run
from spotal.pool.base import Batch, Pool
from spotal.reduce import LeadingSpace

__all__ = ["Scene", "Table", "assign", "refine", "represent"]

DEPTH = 2
"""Rows kept of each cell at first: more than one serves where other cells have none to offer."""
MASS_BITS = 62
"""Masses are summed as integers, of that many bits for the whole pool: sums without rounding, in any order."""


def refine(
    y: NDArray[np.float32],
    left: NDArray[np.float64],
    weight: NDArray[np.float64],
    index: NDArray[np.int64],
    count: int,
    steps: int,
    focus: float = 0.0,
) -> tuple[Centers, float]:
    """Centers (count, 32) of a sample's cells after weighted Lloyd steps, and the median squared distance to them.

    O(s (32 + sqrt(count))) a step.

    Parameters
    ----------
    y : (s, 32) sample; left : (s,) squared lengths that are not in it; weight : (s,), positive
    index : (s,), the cell of each at the beginning
    focus : float, how far centers keep to dense weight (:func:`spotal.selection.cells.refine`)
    """
    # a cell without a row begins at one of the sample's, evenly spread over it
    anywhere = y[np.linspace(0, len(y) - 1, count).astype(np.int64)]
    centers = Centers(means(index, weight, y, anywhere))
    index, within = centers.search(y)
    for _ in range(steps):
        squared = left + within
        near = weight * np.exp(-focus * squared / _middle(squared)) if focus else weight
        centers = Centers(means(index, near, y, centers.points), centers)
        index, within = centers.search(y)
    return centers, _middle(left + within)


def _middle(squared: NDArray[np.float64]) -> float:
    """The median of squared distances, or what is positive in its place."""
    return float(np.median(squared)) or float(squared.max()) or 1.0


@dataclass(frozen=True)
class Scene:
    """What a pass over a large pool needs to place its rows.

    space : where rows are compared; centers : of the cells, in that space; labeled : int64 (m,), ascending;
    mass : float64 (N,) or None for equal masses; weights : the caller's own mass, likewise;
    scale : squared distance by which a row's worth falls to 1/e; where : what a row is called
    """

    space: LeadingSpace
    centers: Centers
    labeled: NDArray[np.int64]
    mass: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None
    scale: float
    where: Callable[[int], str] = str

    def place(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Cell of each row of a batch and its squared distance to the center, as far as the space tells it.

        Raises InputError for rows that are not finite.
        """
        y, left = self.space.project(batch.points)
        if np.isnan(left).any():
            check_matrix(batch.points, "pool", where=lambda row: self.where(batch.start + row))
        if isinstance(y, torch.Tensor):
            index = self.centers.exact(y).cpu().numpy()
            squared = np.square(y.cpu().numpy() - self.centers.points[index]).sum(1)
        else:
            index, squared = self.centers.nearest(y)
        return index, left + squared


@dataclass
class Table:
    """What is known of each of k cells: mass and caller's mass as integers, rows, and the best ``depth`` rows.

    key, row : (k, depth), best first; row is -1 where there are fewer; unit : what a mass of 1 counts. Tables of parts
    of a pool merge in any order.
    """

    key: NDArray[np.float64]
    row: NDArray[np.int64]
    mass: NDArray[np.int64]
    weight: NDArray[np.int64]
    count: NDArray[np.int64]
    unit: float

    @classmethod
    def empty(cls, count: int, depth: int, unit: float) -> Table:
        """Of ``count`` cells without rows."""
        shape = count, depth
        mass, weight, rows = (np.zeros(count, np.int64) for _ in range(3))
        return cls(np.full(shape, -np.inf), np.full(shape, -1, np.int64), mass, weight, rows, unit)

    def add(self, found: Placed | Table) -> None:
        """Take in rows, or another table."""
        from spotal._kernels import fold

        if isinstance(found, Table):
            self.mass += found.mass
            self.weight += found.weight
            self.count += found.count
            cell, place = np.nonzero(found.row >= 0)
            fold(cell, found.key[cell, place], found.row[cell, place], self.key, self.row)
            return
        count = np.bincount(found.cell, minlength=len(self.count))
        self.count += count
        for total, values in ((self.mass, found.mass), (self.weight, found.weight)):
            if values is None:
                total += count * round(self.unit)
            else:
                np.add.at(total, found.cell, values)
        fold(found.cell, found.key, found.row, self.key, self.row)

    def picks(self, budget: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """At most ``budget`` rows and their cells: each cell's best, heaviest cell first, then the second bests."""
        rank = np.broadcast_to(np.arange(self.row.shape[1]), self.row.shape)
        cell = np.broadcast_to(np.arange(len(self.row))[:, None], self.row.shape)
        there = self.row >= 0
        rank, cell, row, key = rank[there], cell[there], self.row[there], self.key[there]
        turn = np.lexsort((row, -key, -self.mass[cell], rank))[:budget]
        return row[turn], cell[turn]


@dataclass(frozen=True)
class Placed:
    """Rows of one batch that may be chosen: cell, key, number, and masses as integers, None where all are 1."""

    cell: NDArray[np.int64]
    key: NDArray[np.float64]
    row: NDArray[np.int64]
    mass: NDArray[np.int64] | None
    weight: NDArray[np.int64] | None


class _Represent:
    """Pass: mass and best rows of each cell."""

    title = "placing rows"

    def __init__(self, scene: Scene, total: int, depth: int, massless: bool) -> None:
        self.scene = scene
        self.count, self.depth, self.massless = len(scene.centers.points), depth, massless
        self.unit = float(1 << (MASS_BITS - total.bit_length()))

    def map(self, batch: Batch) -> Placed:
        scene = self.scene
        index, squared = scene.place(batch)
        row = np.arange(batch.start, batch.start + len(index))
        mass = None if scene.mass is None else scene.mass[batch.rows]
        weight = None if scene.weights is None else scene.weights[batch.rows]
        low, high = np.searchsorted(scene.labeled, (batch.start, batch.start + len(index)))
        if mass is not None or high > low:
            free = np.ones(len(index), bool) if mass is None else (mass == 0) if self.massless else (mass > 0)
            free[scene.labeled[low:high] - batch.start] = False
            index, squared, row = index[free], squared[free], row[free]
            mass, weight = (None if values is None else values[free] for values in (mass, weight))
        key = -squared / scene.scale
        if mass is not None and not self.massless:
            key += np.log(mass)
        return Placed(index, key, row, self._integers(mass), self._integers(weight))

    def _integers(self, values: NDArray[np.float64] | None) -> NDArray[np.int64] | None:
        return None if values is None else np.round(values * self.unit).astype(np.int64)

    def merge(self, left: Placed | Table, right: Placed | Table) -> Table:
        if isinstance(left, Placed):
            left, placed = Table.empty(self.count, self.depth, self.unit), left
            left.add(placed)
        left.add(right)
        return left

    def fold(self, partial: Placed | Table) -> Table:
        """What a stretch contributes, in a size that does not grow with its rows."""
        return self.merge(Table.empty(self.count, self.depth, self.unit), partial)

    def finish(self, partial: Placed | Table) -> Table:
        return self.fold(partial)


def represent(pool: Pool, scene: Scene, budget: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Table]:
    """``budget`` rows, their cells, and what is known of all cells: one pass over the pool.

    Each cell gives its best row, the heaviest cell first: the row of greatest mass x exp(-squared distance / scale).
    Where fewer cells have rows to give, the next best rows of the heaviest cells follow; rows of mass zero come when
    the others run out. Either may cost another pass.

    Returns
    -------
    rows : int64 (budget,); cells : int64 (budget,); table : Table
    """
    table = _tabulate(pool, scene, budget, massless=False)
    rows, cells = table.picks(budget)
    if len(rows) < budget:
        rest = _tabulate(pool, scene, budget - len(rows), massless=True)
        more, their = rest.picks(budget - len(rows))
        rows, cells = np.concatenate([rows, more]), np.concatenate([cells, their])
        table.weight += rest.weight
    return rows, cells, table


def _tabulate(pool: Pool, scene: Scene, budget: int, *, massless: bool) -> Table:
    """A table deep enough for ``budget`` rows, or for all there are."""
    depth = DEPTH
    while True:
        table: Table = run(_Represent(scene, len(pool), depth, massless), pool, threads=threads())
        if np.minimum(table.count, depth).sum() >= budget or (table.count <= depth).all():
            return table
        depth *= 4


class _Assign:
    """Pass: the cell of each row."""

    title = "assigning rows"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def map(self, batch: Batch) -> list[NDArray[np.int32]]:
        return [self.scene.place(batch)[0].astype(np.int32)]

    def merge(self, left: list[NDArray[np.int32]], right: list[NDArray[np.int32]]) -> list[NDArray[np.int32]]:
        left.extend(right)
        return left

    def finish(self, partial: list[NDArray[np.int32]]) -> NDArray[np.int64]:
        return np.concatenate(partial, dtype=np.int64)


def assign(pool: Pool, scene: Scene) -> NDArray[np.int64]:
    """Every row's cell, int64 (N,): one pass."""
    index: NDArray[np.int64] = run(_Assign(scene), pool, threads=threads())
    return index
