"""Cells of a pool around centers: weighted Lloyd steps, and the assignment of rows to cells."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.engine import Pass, run
from spotal.numeric.nearest import nearest
from spotal.numeric.threads import threads
from spotal.pool.base import Batch, Pool

__all__ = ["Cells", "lloyd", "settle"]

# torch 2.11 warns once although check_invariants is given
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")


@dataclass(frozen=True)
class Cells:
    """Partition of the pool into k cells.

    index : int64 (N,) cell of each row; squared : float64 (N,) squared distance to the center of its cell, in the
    pool's own space; centers : (k, D) tensor
    """

    index: NDArray[np.int64]
    squared: NDArray[np.float64]
    centers: torch.Tensor


class _Means(Pass[tuple[torch.Tensor, torch.Tensor], tuple[NDArray[np.float64], torch.Tensor]]):
    """Pass: mass and weighted mean of the rows nearest to each center."""

    title = "averaging cells"
    here = True

    def __init__(self, count: int, mass: NDArray[np.float64], centers: torch.Tensor) -> None:
        self.count = count
        self.mass = mass
        self.centers = centers

    def map(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        points = batch.points
        index = nearest(points, self.centers)[0].cpu()
        w = torch.from_numpy(self.mass[batch.rows])
        # a sparse product sums each cell in row order: repeatable, without atomics
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


def lloyd(pool: Pool, mass: NDArray[np.float64], centers: torch.Tensor) -> torch.Tensor:
    """Return centers (k, D) after one weighted Lloyd step: each is the mean of the rows nearest to it.

    A cell without mass keeps its center. One pass, O(N k D).
    """
    weight, means = run(_Means(len(centers), mass, centers), pool)
    filled = torch.from_numpy(weight > 0).to(means.device)
    return torch.where(filled[:, None], means, centers.to(means))


class _Assign(Pass[None, tuple[NDArray[np.int64], NDArray[np.float64]]]):
    """Pass: nearest center and squared distance of each row."""

    title = "assigning rows"
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
    """Assign every row to its nearest center; one pass, O(N k D)."""
    index, squared = run(_Assign(len(pool), centers), pool, threads=threads())
    return Cells(index, squared, centers)
