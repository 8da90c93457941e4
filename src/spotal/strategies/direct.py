"""DIRECT: for each class, labels around the threshold that best tells its rows from the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.strategies._lines import drawn, in_order
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Direct"]


class Direct(Strategy):
    """One-dimensional thresholds, class by class, for imbalanced pools (Nuggehalli, Zhang, Jain, Nowak, ICML 2025).

    For each class, rows are sorted by its probability less the greatest one (the most confident first among those
    predicted to be of the class). Half of the batch, the rarest classes first where it cannot be shared evenly, is
    drawn from between each class's last label before the first of another class and the first label after which all
    are of others: there the threshold can lie. The other half are the rows nearest, in turn to the left and to the
    right, to the threshold that errs least on the labels. While there are no labels, rows are drawn at random.

    One query is one batch: nobody answers within it. This is the authors' algorithm with as many parallel annotators as
    the batch is large, whose second half knows only labels from before the batch. (LabelBench's simulation looks up the
    first half's labels before the second; ask for half batches to come near to that.) With mass, draws are in
    proportion to it, and rows of mass zero come last.

    Notes
    -----
    O(N classes log N) time, O(N classes) memory.

    References
    ----------
    S. Nuggehalli, J. Zhang, L. Jain, R. Nowak, "DIRECT: deep active learning under imbalance and label noise",
    algorithms 1 and 2; code in LabelBench.
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
        rest = in_order(p, 0)  # any order that follows from content will do
        _take(drawn(rest[free[rest]], mass, rng)[: query.budget - len(picks)], picks, free)
        if len(picks) < query.budget:  # only rows of mass zero are left
            rest = rest[np.isin(rest, query.unlabeled) & ~np.isin(rest, picks)]
            picks += rng.permutation(rest)[: query.budget - len(picks)].tolist()
        return Choice(np.array(picks, np.int64))


def _take(rows: NDArray[np.int64], picks: list[int], free: NDArray[np.bool_]) -> None:
    picks += rows.tolist()
    free[rows] = False


def _shares(total: int, parts: int) -> list[int]:
    """An even split, the first parts one greater where it does not come out even."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _interval(label: NDArray[np.int64], k: int) -> slice:
    """Where the threshold of class k can lie among sorted rows with these labels, -1 for none."""
    of, known = np.flatnonzero(label == k), np.flatnonzero(label >= 0)
    other = known[label[known] != k]
    before = of[of < other[0]] if len(other) else of
    after = known[known > of[-1]] if len(of) else known
    return slice(int(before[-1]) if len(before) else 0, int(after[0]) + 1 if len(after) else len(label))


def _threshold(label: NDArray[np.int64], k: int) -> int:
    """The first cut (rows before it are called class k) that gets most labels right."""
    sign = np.where(label < 0, 0, np.where(label == k, 1, -1))
    right = np.r_[0, np.cumsum(sign)]  # twice this, less the total, is what is right less what is wrong
    return int(right.argmax())


def _outward(cut: int, n: int) -> NDArray[np.int64]:
    """Positions 0 .. n - 1 in the order cut - 1, cut, cut - 2, cut + 1, ..."""
    at = np.arange(n)
    return np.argsort(np.where(at < cut, 2 * (cut - 1 - at), 2 * (at - cut) + 1), kind="stable")
