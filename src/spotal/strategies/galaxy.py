"""GALAXY: for each class, bisection between rows of the class and other rows, sorted by score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.strategies._lines import drawn, in_order
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Galaxy"]


class Galaxy(Strategy):
    """Shortest shortest paths on linear graphs, for imbalanced pools (Zhang, Katz-Samuels, Nowak, "GALAXY: graph-based
    active learning at the extreme", ICML 2022; their code in LabelBench).

    For each class, rows are sorted by the probability of the class minus the row's greatest probability, in descending
    order. Rows predicted to be of the class have the difference 0 and are sorted by confidence. Classes take turns in
    random order. In each turn, the pick is the middle of the shortest run of unlabeled rows between a labeled row of
    the class and a labeled row of another class. If no such run has an unlabeled row, the paper connects rows farther
    and farther apart. The pick is then the unlabeled row nearest to a boundary between labeled rows of the class and of
    other classes. If the class, or all other classes, have no labeled row, a random row is picked. Without labels, all
    rows are random.

    Labels do not arrive within a query, so each pick counts as a row of its most probable class until the query ends.
    (LabelBench's simulation uses the true labels; small batches come close to it.) Draws are in proportion to mass;
    rows of mass zero come last.

    Notes
    -----
    O(N classes log N) time for the lines and O(N) per pick; O(N classes) memory.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import Galaxy
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    >>> Galaxy().query(np.eye(5), 1, labeled=[0, 4], labels=[0, 1], probabilities=p, random_state=0).indices.tolist()
    [2]
    """

    name = "galaxy"
    needs_probabilities = True
    needs_embeddings = False

    def _choose(self, query: Query) -> Choice:
        assert query.probabilities is not None
        rng, p, mass = query.rng(), query.probabilities, query.weights()
        free = np.zeros(len(p), dtype=bool)
        free[query.unlabeled] = True
        light = free & (mass == 0) if (mass[query.unlabeled] > 0).any() else np.zeros(len(p), dtype=bool)
        free &= ~light
        label = np.full(len(p), -1, np.int64)
        if query.labels is not None:
            label[query.labeled] = query.labels
        guess = p.argmax(1)
        lines: dict[int, NDArray[np.int64]] = {}
        turn = rng.permutation(p.shape[1])
        order = in_order(p, 0)  # any order that depends on content only
        waiting = drawn(order[free[order]], mass, rng)
        picks: list[int] = []
        while len(picks) < query.budget and free.any():
            k = int(turn[len(picks) % len(turn)])
            row = None
            if len(query.labeled) and query.labels is not None:
                line = lines[k] = lines[k] if k in lines else in_order(p, k)
                place = _next_place(label[line], free[line], k)
                row = None if place is None else line[place]
            if row is None:
                waiting = waiting[free[waiting]]
                row = waiting[0]
            picks.append(int(row))
            free[row], label[row] = False, guess[row]
        picks += rng.permutation(order[light[order]])[: query.budget - len(picks)].tolist()
        return Choice(np.array(picks, np.int64))


def _next_place(label: NDArray[np.int64], free: NDArray[np.bool_], k: int) -> int | None:
    """Return the next position to pick among sorted rows with these labels (-1: none), or None without a boundary."""
    labeled = np.flatnonzero(label >= 0)
    boundary = np.flatnonzero(np.diff((label[labeled] == k).astype(np.int8)))
    if len(boundary) == 0:
        return None
    start, end = labeled[boundary], labeled[boundary + 1]
    before = np.r_[0, np.cumsum(free)]  # number of free rows before each position
    between = before[end] - before[start]
    places = np.flatnonzero(free)
    if between.any():
        shortest = int(np.where(between > 0, between, len(label)).argmin())
        inside = places[before[start[shortest]] : before[end[shortest]]]
        return int(inside[(len(inside) - 1) // 2])
    if len(places) == 0:
        return None
    middle = (start + end) / 2
    right = np.searchsorted(middle, places)
    after, prior = middle[np.minimum(right, len(middle) - 1)], middle[np.maximum(right - 1, 0)]
    return int(places[np.minimum(np.abs(places - after), np.abs(places - prior)).argmin()])
