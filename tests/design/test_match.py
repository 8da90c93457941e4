"""Matching of given points to a design."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from spotal.design import Sobol, _match


def test_optimal_matching_is_that_of_all_permutations():
    rng = np.random.default_rng(0)
    for _ in range(5):
        design, given = rng.random((6, 2)), rng.random((3, 2))
        cost = cdist(given, design, "sqeuclidean")
        best = min(permutations(range(6), 3), key=lambda chosen: cost[range(3), chosen].sum())
        assert _match.unmatched(design, given).tolist() == sorted({*range(6)} - {*best})


@pytest.mark.parametrize("pairs", [1 << 20, 64])
@pytest.mark.parametrize("spread", [1.0, 1e-9, 0.0])
def test_greedy_matching(spread, pairs):
    """Each given point takes one design point; a crowd takes the ball of design points around it."""
    design = Sobol().points(128, 2, random_state=0)
    given = 0.5 + spread * (np.random.default_rng(1).random((40, 2)) - 0.5)
    left = _match.unmatched(design, given, exact_pairs=0, greedy_pairs=pairs)
    assert len(left) == 88
    assert np.array_equal(left, np.unique(left))
    if spread < 1:
        far = np.sort(np.linalg.norm(design - 0.5, axis=1))[40:]
        assert np.sort(np.linalg.norm(design[left] - 0.5, axis=1)) == pytest.approx(far, abs=1e-6)
    else:
        assert cdist(design[left], given).min() > cdist(design, given).min()


def test_greedy_matching_of_everything():
    assert len(_match.unmatched(np.eye(5), np.zeros((5, 5)), exact_pairs=0)) == 0
