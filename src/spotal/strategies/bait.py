"""BAIT: rows that minimize the expected error of the last layer, by its Fisher information over the pool."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.checks import check_real
from spotal.strategies._content import ContentRandom, fill, heavy
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Bait"]

OVERSAMPLE = 2


class Bait(Strategy):
    """Least trace of the inverse information of the labels times the information of the pool (Ash, Goel, Krishnamurthy,
    Kakade, "Gone fishing: neural active learning with Fisher embeddings", NeurIPS 2021, algorithm 1).

    Twice the requested rows are added one by one; each lowers the trace most. Then half of them are removed one by one;
    each raises the trace least. Regularization and weights are the same as in the authors' code: with m labels and n
    picks, the labels' information is ``regularization`` times the identity, plus m / (m + n) times the mean over
    labeled rows, plus n / (m + n) times the information of each pick.

    The Fisher information of a softmax layer has (D classes)² entries, too many for most pools. Here it has D²: a row's
    information is q (1 - q) x x^T, for its embedding x and greatest probability q. This is a logistic regression of the
    predicted class against all others ("BAIT (Binary)" of Huseljic, Hahn, Herde, Rauch, Sick, "Fast fishing", ECML PKDD
    2024). With two classes it is exact up to a factor of the regularization. Features are divided by their root mean
    square. Mass weighs rows in the pool's information. Rows of mass zero and rows whose class is certain come last, at
    random. Ties are broken at random.

    Parameters
    ----------
    regularization : float, multiple of the identity that is added to the labels' information

    Notes
    -----
    O(N D²) at first, then O(N D + D²) and a pass over the pool for each of the 2 n rows added; memory O(D² + n D + N).
    Rank-one updates change the inverse and each row's terms of the trace (Sherman, Morrison 1950), in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Bait
    >>> pool = np.array([[2.0, 0.0], [0.1, 0.0], [0.0, 2.0], [0.0, 0.1]])
    >>> sorted(Bait().query(pool, 2, probabilities=np.full((4, 2), 0.5), random_state=0).indices.tolist())
    [0, 2]
    """

    name = "bait"
    needs_probabilities = True

    def __init__(self, *, regularization: float = 1.0) -> None:
        self.regularization = check_real(regularization, "regularization", 0)

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        count, labeled = min(query.budget, len(rows)), len(query.labeled)
        top = query.probabilities.max(1).astype(np.float64).clip(0, 1)
        gradients = _Gradients(query, np.sqrt(top * (1 - top)))
        labels = np.zeros(len(mass))
        labels[query.labeled] = 1 / (labeled + count)
        trace = _Trace(
            self.regularization * torch.eye(query.pool.dim, dtype=torch.float64) + gradients.information(labels),
            gradients.information(mass / mass.sum()),
        )
        gradients.factor *= (count / (labeled + count)) ** 0.5
        order = chance.shuffled(rows)
        picks: list[int] = []
        length, gain = np.empty(len(mass)), np.empty(len(mass))
        for part, points in gradients.blocks():
            length[part], gain[part] = trace.parts(points)
        free = np.ones(len(mass), dtype=bool)
        while len(picks) < min(OVERSAMPLE * count, len(rows)):
            lowered = np.where(free, gain / (1 + length), -np.inf)[order]
            picks.append(int(order[lowered.argmax()]))
            free[picks[-1]] = False
            step = trace.change(gradients.of(picks[-1:])[0], 1)
            for part, points in gradients.blocks():
                step.move(points, length[part], gain[part])
        points = gradients.of(picks)
        length, gain = trace.parts(points)
        while len(picks) > count:
            out = int((gain / (1 - length).clip(1e-12)).argmin())
            step = trace.change(points[out], -1)
            del picks[out]
            keep = np.arange(len(points)) != out
            points, length, gain = points[torch.from_numpy(keep)], length[keep], gain[keep]
            step.move(points, length, gain)
        return Choice(fill(query, np.array(picks, np.int64), chance), diagnostics={"trace": trace.value()})


class _Gradients:
    """Scaled rows times sqrt(q (1 - q)): vectors whose outer products are the rows' information."""

    def __init__(self, query: Query, factor: NDArray[np.float64]) -> None:
        self.pool = query.pool
        most = max(float(batch.points.abs().max()) for batch in self.pool.batches()) or 1.0
        total = sum(float((batch.points.double() / most).square().sum()) for batch in self.pool.batches())
        scale = most * ((total / (len(self.pool) * self.pool.dim)) ** 0.5 or 1.0)
        self.factor = factor / scale

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield the rows of each batch and their vectors, float64 (n, D)."""
        for batch in self.pool.batches():
            factor = torch.from_numpy(self.factor[batch.rows])
            yield batch.rows, batch.points.double().cpu() * factor[:, None]

    def of(self, rows: list[int]) -> torch.Tensor:
        """Return the vectors of some rows, float64 (k, D)."""
        index = np.array(rows, np.int64)
        return self.pool.rows(index).double().cpu() * torch.from_numpy(self.factor[index])[:, None]

    def information(self, weights: NDArray[np.float64]) -> torch.Tensor:
        """Return the weighted sum of all rows' information, float64 (D, D)."""
        total = torch.zeros((self.pool.dim, self.pool.dim), dtype=torch.float64)
        for part, points in self.blocks():
            total += points.T @ (points * torch.from_numpy(weights[part])[:, None])
        return total


class _Trace:
    """tr(M^-1 F), updated while rows' information is added to M (D, D) or subtracted."""

    def __init__(self, m: torch.Tensor, f: torch.Tensor) -> None:
        self.inverse, self.f = torch.linalg.inv(m), f
        self.sandwich = self.inverse @ f @ self.inverse

    def value(self) -> float:
        return float((self.inverse * self.f).sum())

    def parts(self, points: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return length = x' M^-1 x and gain = x' M^-1 F M^-1 x of vectors x (n, D); float64 (n,) each.

        Adding x lowers the trace by gain / (1 + length); removing it raises the trace by gain / (1 - length).
        """
        return ((points @ self.inverse) * points).sum(1).numpy(), ((points @ self.sandwich) * points).sum(1).numpy()

    def change(self, x: torch.Tensor, sign: int) -> _Step:
        """Add x x' to M (sign 1) or subtract it (-1)."""
        near, wide = self.inverse @ x, self.sandwich @ x
        share = sign / max(1 + sign * float(x @ near), 1e-12)
        across = float(x @ wide)
        self.inverse -= share * torch.outer(near, near)
        both = torch.outer(wide, near)
        self.sandwich += share**2 * across * torch.outer(near, near) - share * (both + both.T)
        return _Step(near, wide, share, across)


class _Step:
    """The effect of a change of M on the parts of other vectors."""

    def __init__(self, near: torch.Tensor, wide: torch.Tensor, share: float, across: float) -> None:
        self.directions = torch.stack([near, wide], 1)
        self.share, self.across = share, across

    def move(self, points: torch.Tensor, length: NDArray[np.float64], gain: NDArray[np.float64]) -> None:
        """Update the parts of these vectors in place. O(n D)."""
        near, wide = (points @ self.directions).T.numpy()
        length -= self.share * near**2
        gain += self.share**2 * self.across * near**2 - 2 * self.share * near * wide
