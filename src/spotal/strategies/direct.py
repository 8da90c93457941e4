"""DIRECT: for each class, rows near the threshold that best separates it from the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.strategies._lines import drawn, in_order
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Direct"]


class Direct(Strategy):
    """One-dimensional thresholds, class by class, for imbalanced pools (Nuggehalli, Zhang, Jain, Nowak, ICML 2025).

    For each class, rows are sorted by the probability of the class minus the row's greatest probability, in descending
    order. Rows predicted to be of the class have the difference 0 and are sorted by confidence. Half of the batch is
    divided evenly among the classes; the rarest classes get the remainder. A class's part is drawn from the interval in
    which the class's threshold can lie. The interval starts at the last label of the class before the first label of
    another class, and ends at the first label after the last label of the class. The other half of the batch is also
    divided among the classes. A class's part consists of the rows nearest to the threshold with the fewest errors on
    the labels, from the left and the right in turn. Without labels, all rows are random.

    Labels do not arrive within a query. This is the authors' algorithm with one parallel annotator for each pick, so
    the second half uses only labels from before the batch. (LabelBench's simulation uses the labels of the first half;
    half batches come close to it.) Draws are in proportion to mass; rows of mass zero come last.

    Notes
    -----
    O(N classes log N) time, O(N classes) memory.

    References
    ----------
    S. Nuggehalli, J. Zhang, L. Jain, R. Nowak, "DIRECT: deep active learning under imbalance and label noise",
    algorithms 1 and 2; code in LabelBench.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Direct
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    >>> picks = Direct().query(np.eye(5), 2, labeled=[0, 4], labels=[0, 1], probabilities=p, random_state=0)
    >>> len(picks.indices)
    2
    """

    name = "direct"
    needs_probabilities = True
    needs_embeddings = False

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        rng, p, mass = query.rng(), query.probabilities, query.weights()
        free = np.zeros(len(mass), dtype=bool)
        free[query.unlabeled] = True
        if (mass[query.unlabeled] > 0).any():
            free &= mass > 0
        picks: list[int] = []
        if query.labels is not None and len(query.labeled):
            label = np.full(len(p), -1, np.int64)
            label[query.labeled] = query.labels
            budget, classes = min(query.budget, int(free.sum())), p.shape[1]
            often = np.bincount(label[(label >= 0) & (label < classes)], minlength=classes)
            shares = _shares(budget // 2, classes)
            rarest = rng.permutation(classes)
            rarest = rarest[np.argsort(often[rarest], kind="stable")]
            for count, k in zip(shares, rarest, strict=True):
                order = in_order(p, k)
                inside = order[_interval(label[order], k)]
                _take(drawn(inside[free[inside]], mass, rng)[:count], picks, free)
            shares = _shares(budget - len(picks), classes)
            for count, k in zip(shares, rng.permutation(classes), strict=True):
                order = in_order(p, k)
                near = order[_outward(_threshold(label[order], k), len(order))]
                _take(near[free[near]][:count], picks, free)
        rest = in_order(p, 0)  # any order that depends on content only
        _take(drawn(rest[free[rest]], mass, rng)[: query.budget - len(picks)], picks, free)
        if len(picks) < query.budget:  # only rows of mass zero remain
            rest = rest[np.isin(rest, query.unlabeled) & ~np.isin(rest, picks)]
            picks += rng.permutation(rest)[: query.budget - len(picks)].tolist()
        return Choice(np.array(picks, np.int64))


def _take(rows: NDArray[np.int64], picks: list[int], free: NDArray[np.bool_]) -> None:
    picks += rows.tolist()
    free[rows] = False


def _shares(total: int, parts: int) -> list[int]:
    """Divide ``total`` evenly; the first parts get the remainder."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _interval(label: NDArray[np.int64], k: int) -> slice:
    """Return the interval of class k's threshold among sorted rows with these labels (-1: none)."""
    own, labeled = np.flatnonzero(label == k), np.flatnonzero(label >= 0)
    other = labeled[label[labeled] != k]
    before = own[own < other[0]] if len(other) else own
    after = labeled[labeled > own[-1]] if len(own) else labeled
    return slice(int(before[-1]) if len(before) else 0, int(after[0]) + 1 if len(after) else len(label))


def _threshold(label: NDArray[np.int64], k: int) -> int:
    """Return the first cut with the most correct labels, if rows before it are predicted to be of class k."""
    sign = np.where(label < 0, 0, np.where(label == k, 1, -1))
    return int(np.r_[0, np.cumsum(sign)].argmax())


def _outward(cut: int, n: int) -> NDArray[np.int64]:
    """Return positions 0 .. n - 1 in the order cut - 1, cut, cut - 2, cut + 1, ..."""
    at = np.arange(n)
    return np.argsort(np.where(at < cut, 2 * (cut - 1 - at), 2 * (at - cut) + 1), kind="stable")
