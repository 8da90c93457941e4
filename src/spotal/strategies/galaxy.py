"""GALAXY: bisection, class by class, between rows of the class and others along a line of falling scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spotal.strategies._lines import drawn, in_order
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["Galaxy"]


class Galaxy(Strategy):
    """Shortest shortest paths on linear graphs, for imbalanced pools (Zhang, Katz-Samuels, Nowak, "GALAXY: graph-based
    active learning at the extreme", ICML 2022; their code in LabelBench).

    For each class, rows lie on a line, sorted by its probability less the greatest one (the most confident first among
    those predicted to be of the class). Classes take turns in random order. One whose turn it is gives the middle of
    the shortest path between a row that is of the class and one that is not: of the stretches of unlabeled rows between
    two such rows, the shortest. Where none has an unlabeled row left, the paper connects rows farther and farther apart
    on the line, which comes to the unlabeled row nearest to a place where the two kinds meet. Where the class, or all
    others, have no row that is known, a row is drawn at random, as are all rows while there are no labels.

    One query is one batch: nobody answers within it, so picks count as of their most probable class until the query
    ends. (LabelBench's simulation looks their labels up; ask for small batches to come near to that.) With mass, draws
    are in proportion to it, and rows of mass zero come last.

    Notes
    -----
    O(N classes log N) time for the lines and O(N) a pick; O(N classes) memory.
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
        order = in_order(p, 0)  # any order that follows from content will do
        waiting = drawn(order[free[order]], mass, rng)
        picks: list[int] = []
        while len(picks) < query.budget and free.any():
            k = int(turn[len(picks) % len(turn)])
            row = None
            if len(query.labeled) and query.labels is not None:
                if k not in lines:
                    lines[k] = in_order(p, k)
                line = lines[k]
                place = next_place(label[line], free[line], k)
                row = None if place is None else line[place]
            if row is None:
                waiting = waiting[free[waiting]]
                row = waiting[0]
            picks.append(int(row))
            free[row], label[row] = False, guess[row]
        picks += rng.permutation(order[light[order]])[: query.budget - len(picks)].tolist()
        return Choice(np.array(picks, np.int64))


def next_place(label: NDArray[np.int64], free: NDArray[np.bool_], k: int) -> int | None:
    """Where on a line to ask next; None where there is no row of class k, or of another. O(N).

    Parameters
    ----------
    label : int64 (N,), of the rows along the line, -1 where it is not known; free : bool (N,), rows that may be asked
    """
    known = np.flatnonzero(label >= 0)
    meets = np.flatnonzero(np.diff((label[known] == k).astype(np.int8)))
    if len(meets) == 0:
        return None
    ends = known[meets], known[meets + 1]
    before = np.r_[0, np.cumsum(free)]  # free rows up to each place
    between = before[ends[1]] - before[ends[0]]
    asked = np.flatnonzero(free)
    if between.any():
        shortest = int(np.where(between > 0, between, len(label)).argmin())
        inside = asked[before[ends[0][shortest]] : before[ends[1][shortest]]]
        return int(inside[(len(inside) - 1) // 2])
    if len(asked) == 0:
        return None
    meeting = (ends[0] + ends[1]) / 2
    right = np.searchsorted(meeting, asked)
    apart = np.minimum(
        np.abs(asked - meeting[np.minimum(right, len(meeting) - 1)]), np.abs(asked - meeting[np.maximum(right - 1, 0)])
    )
    return int(asked[apart.argmin()])
