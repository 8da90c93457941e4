"""DropQuery: rows whose predicted class changes under dropout of their features, one of each cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.checks import check_count, check_real
from spotal.pool.base import Pool
from spotal.strategies._clusters import representatives
from spotal.strategies._content import ContentRandom, heavy
from spotal.strategies._probe import Probe
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["DropQuery"]

BLOCK_ROWS = 256
"""Number of rows whose masks are drawn together."""


class DropQuery(Strategy):
    """k-means clusters of the rows whose predicted class changes under dropout (Gupte, Aklilu, Nirschl, Yeung-Levy,
    "Revisiting active learning in the era of vision foundation models", TMLR 2024).

    Each of ``masks`` random masks sets a share ``dropout`` of a row's features to zero and multiplies the others by
    1 / (1 - dropout). A row is a candidate if more than half of the masks change its predicted class. Candidates of
    unit length are clustered by k-means, one cluster per pick, and the row nearest to each centroid is picked. As in
    the authors' code, the required number of masks is lowered, to at least 1, while there are fewer than ``enough``
    candidates per pick. If there are still fewer candidates than picks, random rows follow. With fewer than two classes
    among the labels all rows are candidates, as in the authors' first round.

    The model is the authors' linear classifier on the features, a logistic regression on the labeled rows. The caller's
    model cannot be applied to changed features, so ``probabilities`` and draws are not used. Mass weighs rows in the
    clustering; rows of mass zero come last. With cost, the number of clusters is about the budget over the mean price.

    Parameters
    ----------
    masks : int, number of predictions under dropout
    dropout : float below 1
    enough : int, minimum number of candidates per pick
    sample_size : int, maximum number of rows for k-means++; Lloyd steps use all rows

    Notes
    -----
    O(m c D) per step of the regression for m labels of c classes, O(masks N c D) for the predictions, then as "kmeans".
    Memory O(s D + n D + N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import DropQuery
    >>> pool = np.array([[-2.0, 0.0], [-1.0, 0.0], [1.0, -0.9], [1.0, 0.0], [2.0, 2.0]])
    >>> picks = DropQuery().query(pool, 1, labeled=[0, 4], labels=[0, 1], random_state=0)
    >>> len(picks.indices)
    1
    """

    name = "dropquery"
    honors_limits = True

    def __init__(self, *, masks: int = 3, dropout: float = 0.75, enough: int = 25, sample_size: int = 20_000) -> None:
        self.masks = check_count(masks, "masks", 1)
        self.dropout = check_real(dropout, "dropout", 0, 0.99)
        self.enough = check_count(enough, "enough", 1)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        probe = Probe.fit(query, chance)
        candidates, needed = rows, 0
        if probe is not None:
            changes = self._changes(query.pool, probe, chance)[rows]
            needed = self.masks // 2 + 1
            while needed > 1 and (changes >= needed).sum() < self.enough * query.budget:
                needed -= 1
            candidates = rows[changes >= needed]
        picks = representatives(query, candidates, mass, chance, self.sample_size)
        return Choice(picks, diagnostics={"candidates": len(candidates), "masks_needed": needed})

    def _changes(self, pool: Pool, probe: Probe, chance: ContentRandom) -> NDArray[np.int64]:
        """Count the masks that change each row's predicted class, int64 (N,)."""
        rng = np.random.default_rng(chance.seed)
        changes = np.zeros(len(pool), np.int64)
        for start in range(0, len(pool), BLOCK_ROWS):
            rows = chance.order[start : start + BLOCK_ROWS]
            points = pool.rows(rows).double().cpu().numpy()
            own = probe.classes(points)
            for _ in range(self.masks):
                mask = rng.random(points.shape, dtype=np.float32) >= self.dropout
                changes[rows] += probe.classes(points * mask / (1 - self.dropout)) != own
        return changes
