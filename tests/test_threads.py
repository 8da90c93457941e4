"""Threads: those that torch may use, one where sums are to round alike, and nothing of the caller's changed."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import spotal
from spotal.numeric import processors as counting
from spotal.numeric import threads as threading_
from spotal.numeric.processors import processors
from spotal.numeric.threads import one_thread, shared, threads, threads_for
from spotal.strategies import base


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    """On any machine torch has three threads here, and as many processors."""
    kept = torch.get_num_threads()
    torch.set_num_threads(3)
    monkeypatch.setattr(threading_, "processors", lambda: 3)
    yield
    torch.set_num_threads(kept)


def elsewhere():
    """The number of threads that torch uses when called from a new thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_one_thread_is_the_callers_alone():
    with one_thread():
        assert (torch.get_num_threads(), threads(), elsewhere()) == (1, 1, 3)
        with one_thread(2):
            assert (torch.get_num_threads(), threads()) == (1, 2)
        assert (torch.get_num_threads(), threads()) == (1, 1)
    assert (torch.get_num_threads(), threads(), elsewhere()) == (3, 3, 3)


def test_an_error_gives_the_threads_back():
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_numpy_keeps_to_one_thread_where_asked():
    from threadpoolctl import threadpool_info

    def most():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = most()
    with one_thread(numpy=True):
        assert set(most()) <= {1}
    assert most() == before


def test_numpy_keeps_to_one_thread_for_one_thread_after_the_other():
    from threadpoolctl import threadpool_info, threadpool_limits

    def most():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    seen = []

    def work():
        with one_thread(numpy=True):
            seen.append(most())

    with threadpool_limits(2, user_api="blas"):
        before = most()
    with one_thread(numpy=True):
        other = threading.Thread(target=work)
        other.start()
        other.join(0.2)
        assert seen == []  # it waits
    other.join()
    assert set(seen[0]) <= {1}
    with threadpool_limits(2, user_api="blas"):
        assert most() == before


def test_shared_work_is_done_by_threads_that_use_one_each():
    seen = []
    shared(lambda part: seen.append((part, torch.get_num_threads(), threads())), range(8), threads())
    assert sorted(seen) == [(part, 1, 1) for part in range(8)]
    assert torch.get_num_threads() == 3


def test_little_work_is_done_by_one_thread():
    with threads_for(1000):
        assert (torch.get_num_threads(), threads()) == (1, 3)
    with threads_for(10**10):
        assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    ("rows", "shares", "expected"), [(100, False, 1), (100, True, 1), (9000, False, 3), (9000, True, 1)]
)
def test_strategies_on_small_pools_use_one_thread(rows, shares, expected):
    seen = []

    class Watched(spotal.Strategy):
        name = "watched"
        shares_work = shares

        def _choose(self, query):
            seen.append((torch.get_num_threads(), threads()))
            return base.Choice(query.unlabeled[: query.budget])

    Watched().query(np.ones((rows, 64), np.float32), 2)
    assert seen == [(expected, 3)]


def test_a_small_network_is_trained_by_one_thread():
    seen = []

    class Watched(torch.nn.Linear):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return super().forward(x)

    def threads_in_training(width):
        seen.clear()
        network = torch.nn.Sequential(Watched(4, width), Watched(width, 2))
        X, y = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32), np.arange(20) % 2
        spotal.TorchLearner(network, 2, epochs=1, min_steps=1).fit(X, y).probabilities(X)
        return set(seen[2:])  # without the trial on two rows

    assert threads_in_training(8) == {1}
    assert threads_in_training(1 << 20) == {3}


def test_the_same_picks_for_any_number_of_threads():
    pool = np.random.default_rng(0).normal(size=(5000, 8))
    picks = {}
    for count in (1, 3):
        torch.set_num_threads(count)
        chosen = spotal.select(pool, 50, random_state=0)
        picks[count] = chosen.indices.tolist(), chosen.cells.tolist()
    assert picks[1] == picks[3]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, np.inf),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, np.inf),
        ({"cpu.max": "what"}, np.inf),
        ({}, np.inf),
    ],
)
def test_quotas_of_containers(tmp_path, files, expected):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert counting._quota(tmp_path) == expected


def test_processors_follow_the_affinity_and_the_quota(monkeypatch):
    monkeypatch.setattr(counting.os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    assert processors() == 3
    monkeypatch.setattr(counting, "_quota", lambda: 1.5)
    assert processors() == 2
    monkeypatch.setattr(counting, "_quota", lambda: 0.2)
    assert processors() == 1


def test_omp_num_threads_is_followed():
    code = "import spotal.numeric.threads as s; s.processors = lambda: 9; print(s.threads())"
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "1"
