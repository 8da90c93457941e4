"""SPOT keeps the distances of a small pool from one query to the next, and picks as a new strategy does."""

from __future__ import annotations

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from spotal import ActiveLearner
from spotal.selection.pairs import Pairs
from spotal.strategies import SPOT
from spotal.strategies import _kept_graph as module


@pytest.fixture
def fits(monkeypatch):
    """Return a list with an entry for each time that all pairs were computed."""
    made = []
    fit = Pairs.fit.__func__
    monkeypatch.setattr(Pairs, "fit", classmethod(lambda cls, points: (made.append(len(points)), fit(cls, points))[1]))
    return made


def cloud(n=300, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 3 * rng.normal(size=(6, d))[rng.integers(6, size=n)]


def same(one, other):
    assert one.indices.tolist() == other.indices.tolist()
    assert one.diagnostics == other.diagnostics


@pytest.mark.parametrize("seed", range(4))
def test_a_used_strategy_picks_as_a_new_one(seed, fits):
    rng = np.random.default_rng(seed)
    pool, spot, labeled = cloud(seed=seed), SPOT(), np.empty(0, np.int64)
    for turn in range(16):
        asked = {"labeled": labeled, "random_state": turn}
        if turn % 3:
            asked["probabilities"] = rng.dirichlet(np.full(3, rng.choice([0.1, 1, 9])), len(pool))
            asked["labels"] = rng.integers(3, size=len(labeled))
        if turn % 5 == 4:
            asked["groups"], asked["max_per_group"] = rng.integers(4, size=len(pool)), 60
        budget = int(rng.integers(1, 24))
        before = len(fits)
        chosen = spot.query(pool, budget, **asked)
        assert len(fits) - before == (turn == 0)
        same(chosen, SPOT().query(pool, budget, **asked))
        labeled = np.concatenate([labeled, chosen.indices[: rng.integers(1, 8)]])


def test_a_change_of_one_number_or_mass_or_pool_is_seen(fits):
    pool, spot = cloud(), SPOT()
    spot.query(pool, 9, random_state=0)
    pool[7, 3] += 1e-9  # in place: the array is the same object
    mass = np.ones(len(pool))
    mass[5] = 2
    for asked in (pool, cloud(299), cloud(300, 11), cloud(seed=1)):
        before = len(fits)
        same(spot.query(asked, 9, random_state=0), SPOT().query(asked, 9, random_state=0))
        assert len(fits) == before + 2  # both computed them
    before = len(fits)
    same(spot.query(pool, 9, mass=mass, random_state=0), SPOT().query(pool, 9, mass=mass, random_state=0))
    assert len(fits) == before + 2
    spot.query(pool, 9, mass=mass, random_state=0)
    spot.query(pool.copy(), 9, mass=mass, random_state=0)  # the numbers count, not the object
    assert len(fits) == before + 2


@pytest.mark.parametrize("make", [cloud, lambda: torch.from_numpy(cloud())])
def test_nothing_is_kept_without_the_pool_or_the_strategy(make):
    count, pool, spot = len(module._kept), make(), SPOT()
    spot.query(pool, 40, random_state=0)
    assert len(module._kept) == count + 1
    del pool
    gc.collect()
    assert len(module._kept) == count
    pool = make()
    spot.query(pool, 40, random_state=0)
    del spot
    gc.collect()
    assert len(module._kept) == count


def test_what_is_kept_is_bounded(monkeypatch):
    assert module.kept_bytes(4_096, 884) <= module.MOST_BYTES < 4_096 * (4 * 4_096 + 8 * 885 + 12)
    assert module.kept_bytes(4_097, 2) == module.most_kept_bytes(4_097, 2) == module.kept_bytes(4_096, 900) == 0
    pool, spot = cloud(), SPOT()
    spot.query(pool, 30, random_state=0)
    kept = module._kept[spot]
    held = kept.points.nbytes + kept.mass.nbytes + kept.pairs.nbytes
    assert held == module.kept_bytes(*pool.shape)
    assert held + kept.graph.near.nbytes + kept.graph.squared.nbytes <= module.most_kept_bytes(*pool.shape)
    monkeypatch.setattr(module, "MOST_BYTES", held)  # no room for the neighbors
    same(spot.query(cloud(seed=1), 30, random_state=0), SPOT().query(cloud(seed=1), 30, random_state=0))
    monkeypatch.setattr(module, "MOST_BYTES", held - 1)
    other, again = SPOT(), SPOT(sample_size=100)
    other.query(pool, 30, random_state=0)
    again.query(pool, 1, random_state=0)
    assert other not in module._kept
    assert again not in module._kept  # a sample is not the pool


def test_strategies_are_pickled_and_copied_without_what_they_keep():
    pool, spot = cloud(), SPOT()
    before, text = len(pickle.dumps(spot)), repr(spot)
    chosen = spot.query(pool, 9, random_state=0)
    assert (len(pickle.dumps(spot)), repr(spot)) == (before, text)
    for other in (pickle.loads(pickle.dumps(spot)), copy.deepcopy(spot)):
        assert other not in module._kept
        same(other.query(pool, 9, random_state=0), chosen)


def test_threads_share_a_strategy():
    spot, pools = SPOT(), [cloud(seed=seed) for seed in range(3)]
    alone = [SPOT().query(pool, 30, random_state=0) for pool in pools]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda turn: spot.query(pools[turn % 3], 30, random_state=0), range(24)))
    for turn, chosen in enumerate(found):
        same(chosen, alone[turn % 3])


def test_a_loop_computes_the_distances_once(fits):
    x = cloud(400)
    loop = ActiveLearner(
        x, LogisticRegression(), oracle=(x[:, 0] > 0).astype(int), batch_size=12, random_state=0, strategy="spot"
    )
    loop.run(5)
    assert len(fits) == 1
