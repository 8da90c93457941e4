"""Plans: what they count is what a selection does."""

import numpy as np
import pytest

import spotal
from spotal._plan import check_memory
from spotal.engine import watching
from spotal.errors import BudgetError, InputError
from spotal.strategies import _large


def test_a_plan_of_a_small_pool_counts_its_passes():
    found = spotal.plan(3_000, 20, 30)
    assert found.path == "exact"
    seen = []
    x = np.random.default_rng(0).normal(size=(3_000, 20)).astype(np.float32)
    with watching(lambda title, done, total: seen.append(title) if not done else None):
        spotal.select(x, 30, random_state=0)
    # and the one that checks the values
    assert found.passes in (len(seen), len(seen) + 1, len(seen) + 2)
    assert found.bytes_read == found.passes * 3_000 * 20 * 4


def test_a_plan_of_a_large_pool_is_one_pass(monkeypatch):
    monkeypatch.setattr(_large, "EXACT_WORK", 1)
    found = spotal.plan(3_000, 20, 30)
    assert (found.path, found.passes) == ("sampled", 1)
    assert set(found.steps) == {"fit", "carry", "refine", "select"}
    assert found.seconds == pytest.approx(sum(found.steps.values()))
    assert spotal.plan(3_000, 20, 30, sequential=True).passes == 2


def test_memory_does_not_grow_with_a_long_pool():
    few, many = (spotal.plan(n, 16, 50) for n in (10**7, 10**9))
    assert few.memory == many.memory < 1 << 30
    check_memory(few, 1 << 30)
    with pytest.raises(InputError, match="too little"):
        check_memory(few, 1 << 20)


@pytest.mark.parametrize("budget", [0, 11])
def test_a_budget_that_cannot_be(budget):
    with pytest.raises(BudgetError, match=r"1\.\.10"):
        spotal.plan(10, 4, budget)
