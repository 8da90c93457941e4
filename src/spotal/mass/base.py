"""Mass: the base class of rules that weigh rows, and Evidence, their input."""

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

__all__ = ["Evidence", "Mass", "Power", "Product"]


@dataclass(frozen=True)
class Evidence:
    """Input of the rules: a pool of N rows, of which m are labeled.

    pool : Pool of N rows; labeled : int64 (m,), row numbers; labels : int64 (m,), class numbers, or None
    probabilities : float (N, classes); draws : (N, classes, draws), the probabilities of each draw of a model
    cost : float64 (N,), positive; sample_weight : float64 (N,), the mass that each row represents if the rows are a
        sample; None means 1
    multilabel : whether rows may have several classes. Labels are then 0 and 1 (m, classes), and the columns of
        probabilities are independent.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence
    >>> from spotal.pool import as_pool
    >>> evidence = Evidence(as_pool(np.eye(2)), np.empty(0, int), probabilities=np.array([[0.75, 0.25], [0.5, 0.5]]))
    >>> evidence.margins.tolist()
    [0.5, 0.0]
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
        """Return the probabilities of each row, float64 (N, classes); with ``multilabel`` scaled to a sum of 1."""
        assert self.probabilities is not None
        p = self.probabilities.astype(np.float64)
        if not self.multilabel:
            return p
        total = p.sum(1, keepdims=True)
        return np.asarray(np.divide(p, total, out=np.full_like(p, 1 / p.shape[1]), where=total > 0))

    @cached_property
    def held_out(self) -> HeldOut | None:
        """Labeled rows with held-out probabilities: :func:`~spotal.mass.held_out.hold_out`."""
        return hold_out(self)

    @cached_property
    def margins(self) -> NDArray[np.float64]:
        """Margin of each row, float64 (N,); requires probabilities."""
        assert self.probabilities is not None
        return margins(self.probabilities, self.multilabel)

    @cached_property
    def class_shares(self) -> NDArray[np.float64]:
        """Share of the rows that the model expects in each class, float64 (classes,); requires probabilities."""
        return class_shares(self.shares(), self.sample_weight)

    def squared_to_labels(self) -> NDArray[np.float64]:
        """Return every row's squared distance to the nearest labeled row (at least one must exist). O(N m d)."""
        centers = self.pool.rows(self.labeled)
        squared = np.empty(len(self.pool))
        for batch in self.pool.batches():
            squared[batch.rows] = nearest(batch.points, centers)[1].cpu().numpy()
        return squared


class Mass(ABC):
    """Base class of rules that weigh rows. Rules can be multiplied: ``Margin(2) * LabelDistance(1)``.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, Mass
    >>> from spotal.pool import as_pool
    >>> class Late(Mass):
    ...     def weigh(self, evidence):
    ...         return np.arange(len(evidence.pool), dtype=np.float64)
    >>> Late().weigh(Evidence(as_pool(np.eye(3)), np.empty(0, int))).tolist()
    [0.0, 1.0, 2.0]
    """

    @abstractmethod
    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the non-negative mass of each row, float64 (N,); only ratios matter."""

    def __mul__(self, other: Mass) -> Product:
        return Product(self, other)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inside})"


class Power(Mass):
    """Base class of rules with a power."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power


class Product(Mass):
    """Product of rules.

    Examples
    --------
    >>> from spotal.mass import Entropy, Margin
    >>> Margin(2) * Entropy()
    Margin(power=2) * Entropy(power=1.0)
    """

    def __init__(self, *factors: Mass) -> None:
        self.factors = factors

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the product of the factors' masses, float64 (N,)."""
        mass = np.ones(len(evidence.pool))
        for factor in self.factors:
            mass = mass * factor.weigh(evidence)
        return mass

    def __repr__(self) -> str:
        return " * ".join(map(repr, self.factors)) or "Product()"
