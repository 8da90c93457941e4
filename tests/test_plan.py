"""Plans: what they count is what a selection does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.raising import raises_input

import spotal
from spotal.engine import watching
from spotal.errors import BudgetError, InputError
from spotal.numeric import threads
from spotal.numeric.arrays import BLOCK_BYTES
from spotal.numeric.sizes import size_of
from spotal.pool import ArrayPool
from spotal.strategies import CoreSet, plan
from spotal.strategies.memory import BatchReading, SelectionScale


@pytest.fixture
def untimed(monkeypatch):
    """Plans without the trials that forecast the time, where this does not matter."""
    monkeypatch.setattr(plan, "_trial_rows", lambda dim: ArrayPool(np.zeros((1, dim))))
    for name in ("_timed", "_drawing", "_linking", "_comparing"):
        monkeypatch.setattr(plan, name, lambda *_: 0.0)


@pytest.mark.parametrize(("rows", "path"), [(1_500, "exact"), (5_000, "sampled")])
def test_a_plan_counts_its_passes(rows, path):
    found = spotal.plan(rows, 20, 30)
    assert (found.path, found.passes) == (path, 2)
    assert set(found.steps) == {"sample", "graph", "assign"}
    assert found.seconds == pytest.approx(sum(found.steps.values()))
    seen = []
    x = np.random.default_rng(0).normal(size=(rows, 20)).astype(np.float32)
    with watching(lambda title, done, total: seen.append(title) if not done else None):
        spotal.select(x, 30, random_state=0).cells  # noqa: B018 - found by a pass when it is asked for
    # and the one that checks the values, where all rows are worked on
    assert len(seen) + (path == "exact") == found.passes
    worked_on = min(rows, 3_000)
    assert found.bytes_read == (found.passes * rows + worked_on) * 20 * 4
    assert spotal.plan(rows, 20, 30, sequential=True).passes == 3


def test_memory_does_not_grow_with_a_long_pool(untimed):
    few, many = (spotal.plan(n, 16, 200) for n in (10**7, 10**9))
    assert few.memory == many.memory < 1 << 30


def test_a_cap_makes_batches_smaller_and_then_threads_fewer(untimed, monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 4)
    scale = SelectionScale.of(10**8, 16, 200)
    free = scale.reading(None)
    assert free == BatchReading(BLOCK_BYTES, 4)
    before = free
    for most in (950, 520, 506):
        found = scale.reading(most << 20)
        assert scale.memory(found) <= most << 20
        assert found.batch_bytes < before.batch_bytes
        before = found
    least = BatchReading(1 << 14, 1)
    assert scale.memory(scale.reading(scale.memory(least))) == scale.memory(least)
    with raises_input("max_memory", "is too little to choose 200 of 100,000,000 rows"):
        scale.reading(scale.memory(least) - 1)
    assert spotal.plan(10**8, 16, 200, max_memory="600MB").memory <= 600e6
    with raises_input("max_memory", "'coreset'"):
        SelectionScale.of(100, 16, 5, CoreSet())


def test_picks_are_the_same_within_less_memory():
    x = np.random.default_rng(0).normal(size=(40_000, 320)).astype(np.float32)
    known = {"random_state": 0, "labeled": [3, 4], "probabilities": np.full((40_000, 2), 0.5)}
    sizes = []

    class Watched(ArrayPool):
        def batches(self, *span):
            for batch in super().batches(*span):
                sizes.append(len(batch.points))
                yield batch

    free = spotal.select(x, 30, **known)
    most = min(way for way in range(350, 900) if fits(way, known))
    found = spotal.select(Watched(x), 30, max_memory=most << 20, **known)
    assert max(sizes) < 40_000  # were it not for the limit all would be one batch
    np.testing.assert_array_equal(found.indices, free.indices)
    np.testing.assert_allclose(found.cell_mass, free.cell_mass, rtol=1e-12)


def fits(mebibytes, known):
    scale = SelectionScale.of(40_000, 320, 30, labeled=2, known=True, classes=2)
    try:
        scale.reading(mebibytes << 20)
    except InputError:
        return False
    return True


def test_a_loop_keeps_to_a_cap():
    from sklearn.linear_model import LogisticRegression

    x = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)

    def loop(max_memory):
        learner, oracle = spotal.SklearnLearner(LogisticRegression(), 2), spotal.VectorOracle((x[:, 0] > 0).astype(int))
        return spotal.ActiveLearner(
            x, learner, spotal.SPOT(), oracle, batch_size=6, max_labels=12, random_state=0, max_memory=max_memory
        )

    free, kept, little = loop(None), loop("2GB"), loop("1MB")
    assert [done.picks.tolist() for done in free.run()] == [done.picks.tolist() for done in kept.run()]
    with raises_input("max_memory", "too little to choose 6 of 300 rows"):
        little.step()
    assert len(little.labeled_) == 0
    with raises_input("max_memory"):
        loop("a lot")


PEAK = """
import sys, threading, time
import numpy as np
import spotal
from spotal.pool import open_pool
from tests.raising import raises_input

def anonymous():
    status = open("/proc/self/status").read()
    return 1024 * int(status.split("RssAnon:")[1].split()[0])

def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.002)

peak = 0
threading.Thread(target=watch, daemon=True).start()
print(hash(tuple(spotal.select(sys.argv[1], 200, random_state=0, max_memory=sys.argv[2]).indices.tolist())), peak)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is told by Linux")
def test_a_cap_is_kept(tmp_path):
    x = np.tile(np.random.default_rng(0).normal(size=(1_000, 16)).astype(np.float32), (600, 1))
    np.save(tmp_path / "x.npy", x + np.arange(600_000, dtype=np.float32)[:, None] / 1e6)
    environment = os.environ | {"PYTHONPATH": str(Path(spotal.__file__).parents[1]), "OMP_NUM_THREADS": "2"}
    picks = []
    for cap in ("1GB", "600MB"):
        words = [sys.executable, "-c", PEAK, tmp_path / "x.npy", cap]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found, peak = done.stdout.split()
        picks.append(found)
        assert int(peak) <= size_of(cap)
    assert picks[0] == picks[1]


@pytest.mark.parametrize(("text", "size"), [("5", 5), (7, 7), ("800MB", 8e8), ("1.5g", 1.5e9), ("2 GiB", 2e9)])
def test_sizes(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-3", "3 apples", True, None])
def test_sizes_that_are_none(text):
    with raises_input("max_memory"):
        size_of(text)


@pytest.mark.parametrize("budget", [0, 11])
def test_a_budget_that_cannot_be(budget):
    with pytest.raises(BudgetError, match=r"1\.\.10"):
        spotal.plan(10, 4, budget)


@pytest.mark.parametrize("n", [600, 49_000, 2_000_000, 10**8])
@pytest.mark.parametrize("dim", [2, 64, 2048])
@pytest.mark.parametrize("budget", [5, 500])
@pytest.mark.parametrize(
    "known",
    [
        {},
        {"known": True},
        {"known": True, "classes": 10},
        {"limited": True},
        {"labeled": 90, "strategy": spotal.SPOT(reach=1.0)},
    ],
)
def test_a_plan_is_a_cap_that_a_run_keeps_to(untimed, n, dim, budget, known):
    planned = spotal.plan(n, dim, budget, **known)
    said = re.search(r"at most ([\d.]+GB) of memory", str(planned))[1]
    assert size_of(said) >= planned.memory
    scale = SelectionScale.of(
        n, dim, budget, known.get("strategy"), **{k: v for k, v in known.items() if k != "strategy"}
    )
    reading = scale.reading(size_of(said))
    assert (reading.batch_bytes, reading.threads) == (planned.batch_bytes, planned.threads)


@pytest.mark.parametrize("nothing", [None, [], np.empty(0, np.int64)])
def test_no_labels_take_no_memory(untimed, nothing):
    x = np.random.default_rng(0).normal(size=(30_000, 4)).astype(np.float32)
    most = spotal.plan(30_000, 4, 5).memory
    spotal.select(x, 5, labeled=nothing, max_memory=most, random_state=0)
    with raises_input("max_memory", "too little"):
        spotal.select(
            x, 5, labeled=nothing, max_memory=SelectionScale.of(30_000, 4, 5).memory(BatchReading(1 << 10, 1)) - 1
        )
