"""Mass: the non-negative weight of each pool row, what covering it is worth. Policy lives here and only here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spotal.mass.held_out import HeldOut, hold_out
from spotal.mass.probabilities import class_shares, margins
from spotal.numeric.nearest import nearest
from spotal.pool.base import Pool

__all__ = ["Evidence", "Mass", "Product"]


@dataclass(frozen=True)
class Evidence:
    """What is known when mass is given.

    pool of N rows; labeled rows (m,) and their labels (m,); probabilities (N, classes); draws of the model, each with
    its own probabilities (N, classes, draws); cost (N,), positive, of each label; sample_weight (N,), what each row
    stands for where rows are a sample, 1 each where it is None; multilabel, whether rows may have several classes:
    labels are then 0 and 1 (m, classes), and each column of probabilities is that of one class alone
    """

    pool: Pool
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    probabilities: NDArray[np.floating] | None = None
    draws: NDArray[np.floating] | None = None
    cost: NDArray[np.float64] | None = None
    sample_weight: NDArray[np.float64] | None = None
    multilabel: bool = False

    def shares(self) -> NDArray[np.float64]:
        """Classes expected of each row, as shares of sum 1; float64 (N, classes), for evidence with probabilities.

        The probabilities themselves; those of rows with several classes over their sum, even shares where it is 0.
        """
        assert self.probabilities is not None
        found = self.probabilities.astype(np.float64)
        if not self.multilabel:
            return found
        total = found.sum(1, keepdims=True)
        return np.asarray(np.divide(found, total, out=np.full_like(found, 1 / found.shape[1]), where=total > 0))

    @cached_property
    def held_out(self) -> HeldOut | None:
        """Labeled rows as models see them that have not: :func:`~spotal.mass.held_out.hold_out`."""
        return hold_out(self)

    @cached_property
    def margins(self) -> NDArray[np.float64]:
        """Margin of each row (N,); probabilities must be there."""
        assert self.probabilities is not None
        return margins(self.probabilities, self.multilabel)

    @cached_property
    def class_shares(self) -> NDArray[np.float64]:
        """Share of the rows that the model expects in each class (classes,); probabilities must be there."""
        return class_shares(self.shares(), self.sample_weight)

    def squared_to_labels(self) -> NDArray[np.float64]:
        """Squared distance of every row to the nearest labeled row, of which there is one; float64 (N,). O(N m d)."""
        centers = self.pool.rows(self.labeled)
        squared = np.empty(len(self.pool))
        for batch in self.pool.batches():
            squared[batch.rows] = nearest(batch.points, centers)[1].cpu().numpy()
        return squared


class Mass(ABC):
    """A rule that weighs rows. Rules multiply: ``Margin(2) * LabelDistance(1)``."""

    @abstractmethod
    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Non-negative mass of each row, float64 (N,); only ratios matter."""

    def __mul__(self, other: Mass) -> Product:
        return Product(self, other)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"


class Product(Mass):
    """The product of other rules."""

    def __init__(self, *factors: Mass) -> None:
        self.factors = factors

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """The product of the factors' masses; float64 (N,)."""
        mass = np.ones(len(evidence.pool))
        for factor in self.factors:
            mass = mass * factor.weigh(evidence)
        return mass

    def __repr__(self) -> str:
        return " * ".join(map(repr, self.factors)) or "Product()"
