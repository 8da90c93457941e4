"""SPOT's cells on a large pool: fitted and refined on samples, so that the pool is read once to take the picks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from spotal._arrays import LARGEST, check_matrix, to_numpy
from spotal._nearest import nearest
from spotal._search import Centers, one_thread, threads
from spotal.engine import run
from spotal.mass import Evidence
from spotal.pool.base import Batch, Pool
from spotal.pool.sample import priority_sample
from spotal.reduce import PCA, LeadingSpace
from spotal.selection import large
from spotal.selection.tree import CutTree
from spotal.strategies._layout import reduced
from spotal.transport import Transport

__all__ = [
    "FITTED",
    "PER_CELL",
    "LargeEvidence",
    "PickedCells",
    "Sample",
    "Seen",
    "finite_rows",
    "is_large",
    "is_large_shape",
    "place",
    "read",
    "refined_scene",
]

EXACT_WORK = 1_000_000_000
"""Multiplications of one Lloyd step over the whole pool beyond which cells are refined on a sample."""
EXACT_ROWS = 50_000
"""Rows beyond which they are. Measured: up to both the exact steps cost a second more at most; beyond, twice as much
(50,000 rows) to four times (100,000), and rows are as near to their picks on the sample's cells as on theirs."""
FITTED = 32_768
"""Rows that reduction and transport are fitted on, where ``sample_size`` allows as many.

Along a direction that is fixed beforehand their distribution function is within sqrt(ln(2/p) / (2 s)) of the pool's
with probability 1 - p: .0075 at 95 %, .011 for 64 directions together (docs/scale.md: derivation, masses, and what is
measured). A map that brings them to .006 from uniform so brings the pool to .017 at most; measured: .009."""
PER_CELL = 10
"""Rows of the sample for each cell, at least: a cell's share of the pool varies by 1 / sqrt(10) of itself at most."""
CHUNK = 8192
DISTANCE_SAMPLE = 5_000
"""Rows whose leading coordinates serve to find labeled rows that are near."""
LIST, PROBED, SHORTLIST = 32, 3, 4
"""Labeled rows in a list, lists that a row looks into, and how many of those it meets there it is compared with in all
coordinates. Measured with 1,000 labels: distances exceed the least by 1% in the mean, and their ranks correlate with it
by .86 to .98; with 2 lists of 64 and 1 row by 2 to 4%, and .60 to .98."""


def is_large(pool: Pool, budget: int) -> bool:
    """Whether cells of this pool are refined on a sample: it is long, or the work of the exact steps is."""
    return is_large_shape(len(pool), pool.dim, budget)


def is_large_shape(n: int, dim: int, budget: int) -> bool:
    """As ``is_large``, of a pool of n rows of ``dim`` numbers."""
    return n > EXACT_ROWS or n * budget * dim > EXACT_WORK


def finite_rows(pool: Pool, rows: NDArray[np.int64]) -> torch.Tensor:
    """The rows of these numbers, float (s, D). Raises InputError where one is not finite."""
    points = pool.rows(rows)
    check_matrix(points, "pool", where=lambda row: pool.where(int(rows[row])))
    return points


class LargeEvidence(Evidence):
    """Evidence on a large pool, whose distances to labels are searched for in leading coordinates."""

    def squared_to_labels(self) -> NDArray[np.float64]:
        """Squared distance to the nearest labeled row, or to one hardly farther; float64 (N,).

        O(N (D + sqrt(m))): the nearest of the few that leading coordinates propose. Exact, and O(N m D) by matrix
        products, on other devices than the CPU.
        """
        rows, weight = priority_sample(None, len(self.pool), DISTANCE_SAMPLE, 0)
        with one_thread():
            space = LeadingSpace.fit(finite_rows(self.pool, rows), weight, None, 0)
        squared: NDArray[np.float64] = run(_ToLabels(self, space), self.pool, threads=threads())
        return squared


class _ToLabels:
    """Pass: squared distance of each row to a labeled row close to it."""

    title = "measuring distances to labels"

    def __init__(self, evidence: Evidence, space: LeadingSpace) -> None:
        self.space, self.pool = space, evidence.pool
        self.labeled = finite_rows(evidence.pool, evidence.labeled)
        self.centers = Centers(to_numpy(space.project(self.labeled)[0]), least=LIST)

    def map(self, batch: Batch) -> list[NDArray[Any]]:
        y, left = self.space.project(batch.points)
        if np.isnan(left).any():
            check_matrix(batch.points, "pool", where=lambda row: self.pool.where(batch.start + row))
        if isinstance(y, torch.Tensor):
            return [to_numpy(nearest(batch.points, self.labeled)[1])]
        from spotal._kernels import away

        squared = np.empty(len(y))
        shortlist = self.centers.several(y, SHORTLIST, PROBED)
        away(batch.points.contiguous().numpy(), self.labeled.numpy(), shortlist, squared)
        return [squared]

    def merge(self, left: list[NDArray[Any]], right: list[NDArray[Any]]) -> list[NDArray[Any]]:
        left.extend(right)
        return left

    def finish(self, partial: list[NDArray[Any]]) -> NDArray[np.float64]:
        return np.concatenate(partial, dtype=np.float64)


class Seen(NamedTuple):
    """Rows in leading coordinates: y float32 (s, 32), squared length left float64 (s,), reduced to low (s, d)."""

    y: NDArray[np.float32]
    left: NDArray[np.float64]
    low: Any


def place(points: torch.Tensor, space: LeadingSpace, reduction: Any) -> Seen:
    """Rows (s, D) in leading coordinates and reduced. O(s D)."""
    found, left = space.project(points)
    y = to_numpy(found)
    if isinstance(reduction, PCA) and reduction.n_components_ <= y.shape[1]:
        leading = torch.from_numpy(y[:, : reduction.n_components_].astype(np.float64))
        low = (leading / reduction.scale().cpu()).clamp(-LARGEST, LARGEST).float().double()
        return Seen(y, left, low)
    return Seen(y, left, reduced(reduction, points.double()))


def read(pool: Pool, rows: NDArray[np.int64], space: LeadingSpace, reduction: Any) -> Iterator[Seen]:
    """Rows of these numbers, a part at a time. Raises InputError where one is not finite."""
    for at in range(0, len(rows), CHUNK):
        yield place(finite_rows(pool, rows[at : at + CHUNK]), space, reduction)


class Sample(NamedTuple):
    """Rows that stand for a large pool: leading coordinates, squared length left, and float32 (s, d) in the cube."""

    y: NDArray[np.float32]
    left: NDArray[np.float64]
    carried: NDArray[np.float32]

    @classmethod
    def of(cls, parts: Iterable[Seen], count: int, transport: Transport) -> Sample:
        """``count`` rows through the transport. O(s L d^2) for L frames; holds few parts beside what it gives back."""
        found: Sample | None = None
        waiting: deque[Future[None]] = deque()

        def carry(into: NDArray[np.float32], low: Any) -> None:
            into[:] = to_numpy(transport.transform(low))

        with ThreadPoolExecutor(threads()) as workers:
            at = 0
            for y, left, low in parts:
                if found is None:
                    shapes = (count, y.shape[1]), (count,), (count, low.shape[1])
                    found = cls(*map(np.empty, shapes, (np.float32, np.float64, np.float32)))
                rows = slice(at, at + len(y))
                at = rows.stop
                found.y[rows], found.left[rows] = y, left
                waiting.append(workers.submit(carry, found.carried[rows], low))
                if len(waiting) > 2 * threads():
                    waiting.popleft().result()
            for future in waiting:
                future.result()
        assert found is not None
        return found


def refined_scene(
    pool: Pool,
    sample: Sample,
    weight: NDArray[np.float64],
    design: NDArray[np.float64],
    space: LeadingSpace,
    steps: int,
    focus: float,
    labeled: NDArray[np.int64],
    mass: NDArray[np.float64] | None,
    weights: NDArray[np.float64] | None,
) -> large.Scene:
    """Cells that the design cuts from the sample, refined, ready to be read off the pool."""
    cells = CutTree.fit(sample.carried, weight, design).place(sample.carried)
    found, scale = large.refine(sample.y, sample.left, weight, cells, len(design), steps, focus)
    return large.Scene(space, found, np.sort(labeled), mass, weights, scale, pool.where)


@dataclass(frozen=True)
class PickedCells:
    """Which pick stands for each row of a large pool: worked out by another pass when it is asked for.

    Rows of a cell belong to the best of its picks; the others stand for themselves alone.
    """

    pool: Pool
    scene: large.Scene
    picks: NDArray[np.int64]
    cells: NDArray[np.int64]
    labeled: NDArray[np.int64]

    def __call__(self) -> NDArray[np.int64]:
        """Position of the pick of each row, -1 for labeled rows; int64 (N,). One pass."""
        stands = self._first()[large.assign(self.pool, self.scene)]
        stands[self.labeled] = -1
        stands[self.picks] = np.arange(len(self.picks))
        return stands

    def mass(self, table: large.Table, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Share of the caller's mass that each pick stands for, float64 (n,)."""
        first = self._first()
        own = np.full(len(self.picks), table.unit) if weights is None else np.round(weights[self.picks] * table.unit)
        mass = own.astype(np.int64)
        later = first[self.cells] != np.arange(len(self.picks))
        rest = table.weight.copy()
        np.subtract.at(rest, self.cells[later], mass[later])
        mass[~later] = rest[self.cells[~later]]
        return mass / (float(mass.sum()) or 1.0)

    def _first(self) -> NDArray[np.int64]:
        """The first pick of each cell; for a cell without one, that of the nearest cell that has one."""
        first = np.full(len(self.scene.centers.points), -1, np.int64)
        first[self.cells[::-1]] = np.arange(len(self.cells))[::-1]
        bare = np.flatnonzero(first < 0)
        if len(bare):
            served = np.flatnonzero(first >= 0)
            points = self.scene.centers.points
            first[bare] = first[served[Centers(points[served]).search(points[bare])[0]]]
        return first
