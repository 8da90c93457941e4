"""long_tail: counts of Cui et al., determinism, and arguments that are refused."""

import numpy as np
import pytest
from tests.raising import raises_input

from spotal.datasets import long_tail

Y = np.tile(np.arange(10), 5000)


def test_counts_of_cifar10_lt():
    rows = long_tail(Y, 100, 0)
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()
    assert np.bincount(Y[rows]).tolist() == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


@pytest.mark.parametrize("ratio", [2, 10, 50, 100, 1000])
def test_ratio_is_that_of_the_ends(ratio):
    counts = np.bincount(Y[long_tail(Y, ratio, 1)])
    assert counts[0] == 5000
    assert counts[-1] == 5000 // ratio
    assert (np.diff(counts) < 0).all()


def test_determinism():
    np.testing.assert_array_equal(long_tail(Y, 10, 4), long_tail(Y, 10, 4))
    assert not np.array_equal(long_tail(Y, 10, 4), long_tail(Y, 10, 5))
    assert not np.array_equal(long_tail(Y, 10), long_tail(Y, 10))


def test_random_order():
    counts = [np.bincount(Y[long_tail(Y, 100, seed, order="random")]) for seed in range(4)]
    assert all(sorted(c) == sorted(counts[0]) for c in counts)
    assert len({tuple(c) for c in counts}) > 1


def test_ratio_one_keeps_all_and_every_class_stays():
    np.testing.assert_array_equal(long_tail(Y, 1, 0), np.arange(len(Y)))
    small = np.array([7, 7, 7, 2, 2, 9])
    assert sorted(set(small[long_tail(small, 1e6, 0)])) == [2, 7, 9]
    assert long_tail([3, 3], 50, 0).tolist() == [0, 1]


@pytest.mark.parametrize("ratio", [0.5, 0, -1, np.nan, np.inf, "10", True])
def test_bad_ratio(ratio):
    with raises_input("ratio"):
        long_tail(Y, ratio)


@pytest.mark.parametrize("y", [[], [[1]], [0.5, 1.0], ["a"]])
def test_bad_labels(y):
    with raises_input("y"):
        long_tail(y, 10)


def test_bad_order():
    with raises_input("order"):
        long_tail(Y, 10, order="size")
