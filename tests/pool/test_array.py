"""A pool in an array: batches, rows by number, and the fingerprint of its content."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spotal.numeric.arrays import batches_of
from spotal.pool import ArrayPool

X = np.random.default_rng(0).normal(size=(1_000, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, np.asfortranarray, lambda x: x.astype(np.float64)])
def test_batches_are_all_rows_in_order(kind):
    pool = ArrayPool(kind(X))
    with batches_of(1):  # 256 rows
        batches = list(pool.batches())
    assert [len(batch.points) for batch in batches] == [256, 256, 256, 232]
    assert [batch.rows.start for batch in batches] == [0, 256, 512, 768]
    assert batches[-1].rows.stop == len(pool) == 1_000
    assert pool.dim == 3
    np.testing.assert_array_equal(torch.cat([batch.points for batch in batches]), X)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, lambda x: x.astype(np.float16)])
def test_rows_by_number_in_the_order_asked(kind):
    numbers = np.array([900, 3, 3, 0])
    pool = ArrayPool(kind(X))
    assert pool.rows(numbers).dtype == torch.float32
    np.testing.assert_allclose(pool.rows(numbers), X[numbers], rtol=1e-3)
    assert pool.rows(np.empty(0, np.int64)).shape == (0, 3)


def test_fingerprint():
    whole = ArrayPool(X).fingerprint()
    assert {key: whole[key] for key in ("rows", "dim", "dtype", "hashed_rows")} == {
        "rows": 1_000,
        "dim": 3,
        "dtype": "float32",
        "hashed_rows": 1_000,
    }
    for same in (X.copy(), torch.from_numpy(X), np.asfortranarray(X)):
        assert ArrayPool(same).fingerprint() == whole
    for row in (0, 500, 999):
        other = X.copy()
        other[row, 1] += 1e-6
        assert ArrayPool(other).fingerprint()["blake2b"] != whole["blake2b"]
    assert ArrayPool(X[::-1]).fingerprint()["blake2b"] != whole["blake2b"]
    assert ArrayPool(torch.from_numpy(X).to(torch.bfloat16)).fingerprint()["dtype"] == "bfloat16"


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_fingerprint_of_a_large_pool_is_of_evenly_spaced_rows(kind):
    first = ArrayPool(kind(X)).fingerprint(1_000, 10)
    assert (first["rows"], first["hashed_rows"]) == (1_000, 10)
    for row, noticed in [(0, True), (999, True), (111, True), (112, False)]:
        other = X.copy()
        other[row] += 1
        assert (ArrayPool(kind(other)).fingerprint(1_000, 10)["blake2b"] != first["blake2b"]) == noticed
