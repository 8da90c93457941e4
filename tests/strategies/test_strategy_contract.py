"""Every registered strategy passes the published contract; and what only spotal's own promise."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from spotal.numeric.arrays import batches_of
from spotal.strategies import Choice, Random, Strategy, get, names
from spotal.strategies.contract import CHECKS, OUTCOME_CHECKS, check_strategy
from spotal.strategies.contract.asking import LABELED, LABELS, ask, cloud, odds
from spotal.transport import ProjectionPursuitTransport

CHANCE = ["badge", "direct", "fads", "galaxy", "powermargin", "random", "spot-paper"]
NO_CHANCE = ["bait", "bald", "coreset", "entropy", "least-confidence", "margin", "maxherding", "spot"]
QUICK = {"spot-paper": get("spot-paper", transport=ProjectionPursuitTransport(max_iter=12))}
"""A strategy that takes a second a query by default, with a twenty-fifth of its frames."""
FAST = ("coreset", "margin", "random", "spot")
"""Strategies that go through the contract in ``make test-fast`` too."""
SLOW = pytest.mark.slow
every = pytest.mark.parametrize("name", names())


@pytest.mark.parametrize("name", [name if name in FAST else pytest.param(name, marks=SLOW) for name in names()])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract(name, check):
    check(QUICK.get(name) or get(name))


@SLOW
def test_the_published_method_as_it_is_by_default_keeps_the_contract_too():
    OUTCOME_CHECKS[0](get("spot-paper"))


@pytest.mark.parametrize("name", CHANCE + NO_CHANCE)
def test_another_seed_gives_another_selection_where_chance_decides(name):
    first, other = (ask(get(name), cloud(), labeled=LABELED, labels=LABELS, random_state=k) for k in (0, 1))
    assert np.array_equal(other.indices, first.indices) == (name in NO_CHANCE)


def test_only_random_depends_on_the_order_of_rows():
    assert [name for name in names() if not get(name).ignores_order] == ["random"]


def test_the_record_has_a_digest_of_the_input():
    given = ask(Random(), cloud()).provenance["input"]
    other = cloud()
    other[-1, -1] += 1
    assert ask(Random(), other).provenance["input"]["blake2b"] != given["blake2b"]
    assert ask(Random(), cloud()).provenance["input"]["blake2b"] == given["blake2b"]


class First(Strategy):
    """Takes the first free rows: whatever their order, mass, prices and groups."""

    name = "first"
    honors_limits = True

    def _choose(self, query):
        return Choice(query.unlabeled[: query.budget])


class Remembers(First):
    name = "remembers"
    honors_limits = False
    ignores_order = False

    def __init__(self):
        self.times = 0

    def _choose(self, query):
        self.times += 1
        return Choice(np.roll(query.unlabeled, self.times)[: query.budget])


class Greedy(First):
    """Takes labeled rows, too many, and some twice."""

    name = "greedy"

    def _choose(self, query):
        return Choice(np.arange(len(query.pool)).repeat(2)[: query.budget + 1])


def test_what_breaks_the_contract_is_said():
    with pytest.raises(AssertionError) as error:
        check_strategy(First())
    said = str(error.value).splitlines()
    assert said[0] == f"First() fails 5 of {len(CHECKS)} checks"
    assert [line.split(" ")[0].rstrip(":") for line in said[1:]] == [
        "order_of_rows_does_not_matter",
        "rows_of_mass_zero_come_last",
        "quotas_hold_and_all_of_the_budget_is_used",
        "money_is_kept_to_and_buys_no_row_more",
        "rows_without_mass_come_last_under_limits",
    ]
    with pytest.raises(AssertionError) as error:
        check_strategy(Remembers())
    broken = {line.split(" ")[0].rstrip(":") for line in str(error.value).splitlines()[1:]}
    assert {"the_same_seed_gives_the_same_selection", "strategies_are_stateless"} <= broken
    with pytest.raises(AssertionError, match="picks_cells_and_masses: InputError: indices must be distinct"):
        check_strategy(Greedy())
    check_strategy(Random(), without=["budget_zero"])


class Watched(np.memmap):
    """A memory map that notes the most rows read at once."""

    most = 0

    def __getitem__(self, key):
        part = super().__getitem__(key)
        if getattr(part, "ndim", 0) == 2:
            Watched.most = max(Watched.most, len(part))
        return part


@SLOW
@every
def test_a_memmap_is_never_held_whole(name, tmp_path, monkeypatch):
    n, dim, sample = 16_384, 128, 500
    sampled = "sample_size" in vars(get(name))
    strategy = get(name, **({"sample_size": sample - 1} if sampled else {}))  # and a labeled one
    few = np.random.default_rng(0).normal(size=(4 * sample, dim))  # what is imported at first is no part of the peak
    strategy.query(few, 3, labeled=[5], probabilities=odds(strategy, len(few)), random_state=0).cell_mass.sum()
    with open(tmp_path / "pool.dat", "wb") as file:
        for seed in range(16):
            file.write(np.random.default_rng(seed).normal(size=(n // 16, dim)).astype(np.float32).tobytes())
    pool = Watched(tmp_path / "pool.dat", np.float32, "r", shape=(n, dim))
    tensors = []
    from_numpy = torch.from_numpy
    monkeypatch.setattr(
        torch, "from_numpy", lambda x: (tensors.append(len(x)) if x.shape[1:] == (dim,) else None, from_numpy(x))[1]
    )
    Watched.most = 0
    tracemalloc.start()
    with batches_of(128 << 10):  # 256 rows
        chosen = strategy.query(pool, 3, labeled=[5], probabilities=odds(strategy, n), random_state=0)
        chosen.cell_mass.sum()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 256 <= Watched.most <= sample
    assert max(tensors) <= sample
    assert peak < pool.nbytes / 2
