"""Layout: the pool's rows and the design points in the hypercube, before rows are picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.engine import Pass
from spotal.numeric.arrays import LARGEST, to_numpy
from spotal.pool.base import Batch
from spotal.reduce import PCA
from spotal.transport import Transport

__all__ = ["Carry", "Layout", "reduced"]


@dataclass(frozen=True)
class Layout:
    """The published method's view of a pool of N rows, before it picks n.

    Attributes
    ----------
    mass : float64 (N,), each row's weight in the transport, at most 1
    reduction : fitted transformer from embeddings (., D) to the transported space (., d), or None
    transport : fitted Transport
    carried : float32 (N, d), the rows in the hypercube
    design : float64 (n, d), the design's points
    """

    mass: NDArray[np.float64]
    reduction: Any
    transport: Transport
    carried: NDArray[np.float32]
    design: NDArray[np.float64]

    @property
    def dim(self) -> int:
        """Number of dimensions of the hypercube."""
        return int(self.carried.shape[1])

    def reduced(self, points: Any) -> NDArray[Any]:
        """Map embeddings (m, D) to the transported space, (m, d)."""
        return to_numpy(points if self.reduction is None else self.reduction.transform(to_numpy(points)))


class Carry(Pass[list[NDArray[np.float32]], NDArray[np.float32]]):
    """Pass that maps every row through reduction and transport, to float32 (N, d)."""

    title = "carrying rows to the cube"

    def __init__(self, reduction: Any, transport: Transport) -> None:
        self.reduction = reduction
        self.transport = transport

    def map(self, batch: Batch) -> list[NDArray[np.float32]]:
        points = reduced(self.reduction, batch.points.double())
        return [to_numpy(self.transport.transform(points)).astype(np.float32)]

    def merge(self, left: list[NDArray[np.float32]], right: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        return left + right

    def finish(self, partial: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.concatenate(partial)


def reduced(reduction: Any, points: torch.Tensor) -> Any:
    """Reduce float64 points (m, D) to (m, d), array or tensor.

    The transport magnifies rounding errors, which depend on a row's place in its batch. Components are therefore
    computed in double precision and rounded to single, so that equal rows get equal coordinates. Results are clipped to
    ±1e19, because whitening by a tiny variance can overflow.
    """
    if reduction is None:
        return points
    if isinstance(reduction, PCA):
        return reduction.project(points).clamp(-LARGEST, LARGEST).float().double()
    return np.asarray(reduction.transform(to_numpy(points)))
