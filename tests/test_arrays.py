"""The public edge: finite checks, blocks, and crossing between numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from tests.raising import raises_input

from spotal.errors import InputError
from spotal.numeric.arrays import (
    as_array,
    batches_of,
    block_rows,
    blocks,
    check_matrix,
    check_rows,
    check_weight,
    to_numpy,
    to_tensor,
)
from spotal.numeric.nearest import nearest


@pytest.mark.parametrize("n", [0, 1, 10, 11])
def test_blocks_cover_every_row_once(n):
    assert [row for part in blocks(n, 5) for row in range(n)[part]] == list(range(n))


def test_blocks_are_of_bounded_size():
    assert block_rows(1_000, 4, target=1 << 20) == 262
    assert block_rows(10**9) == 256


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float16, torch.float32),
        (np.float32, torch.float32),
        (np.float64, torch.float64),
        (np.longdouble, torch.float64),
        (np.uint8, torch.float32),
        (np.int32, torch.float32),
        (np.int64, torch.float64),
        (bool, torch.float32),
        (">f8", torch.float64),
        (">f4", torch.float32),
    ],
)
def test_tensors_of_arrays(given, expected):
    x = np.array([[0, 1], [1, 0]]).astype(given)
    tensor = to_tensor(x)
    assert tensor.dtype == expected
    assert tensor.tolist() == [[0, 1], [1, 0]]
    assert to_tensor(x, torch.float64).dtype == torch.float64


def test_tensors_share_memory_where_they_can_and_never_write_to_what_is_read_only():
    x = np.zeros((4, 2))
    to_tensor(x)[0, 0] = 1
    assert x[0, 0] == 1
    x.flags.writeable = False
    to_tensor(x)[0, 0] = 2
    assert x[0, 0] == 1
    assert to_tensor(np.arange(4.0)[::-1]).tolist() == [3, 2, 1, 0]


def test_tensors_leave_their_graph():
    x = torch.ones(2, 2, requires_grad=True)
    assert not to_tensor(x).requires_grad
    assert not check_matrix(x, "x").requires_grad
    assert to_numpy(x * 2).tolist() == [[2, 2], [2, 2]]
    assert to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32


def test_a_checked_matrix_is_not_copied():
    x = np.ones((3, 2))
    assert check_matrix(x, "x") is x
    assert np.shares_memory(check_matrix(x[::2], "x"), x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", np.longdouble])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_found_in_any_block(dtype, bad):
    for rows in ([0], [700], [255, 256], [999]):
        x = np.ones((1_000, 2), dtype)
        x[rows, 1] = bad
        first = [row for row in rows if row // 256 == rows[0] // 256]
        said = rf"x must be finite.* row\(s\) {', '.join(map(str, first))};"
        with batches_of(1), pytest.raises(InputError, match=said):  # 256 rows
            check_matrix(x, "x")
        check_matrix(x, "x", finite=False)


def test_sums_that_overflow_are_finite_rows():
    check_matrix(np.full((1_000, 4), 6e4, np.float16), "x")
    check_matrix(np.full((1_000, 4), 1e19, np.float32), "x")
    check_matrix(np.full((1_000, 4), -1e19), "x")
    with raises_input("x", "-2e+19 in row 1"):
        check_matrix(np.array([[1.0], [-2e19]]), "x")


def test_other_refusals():
    with raises_input("x"):
        check_matrix(csr_array(np.eye(3)), "x")
    with raises_input("x", "at least 1"):
        check_matrix(np.ones((0, 2)), "x")
    with raises_input("x"):
        as_array([[1], [2, 3]], "x")


def test_rows_and_weights_that_are_fine():
    assert check_rows(None, 3, "rows").tolist() == []
    assert check_rows([2, 0], 3, "rows").dtype == np.int64
    assert check_rows(torch.tensor([2, 0]), 3, "rows").tolist() == [2, 0]
    assert check_rows(np.array([2], np.uint8), 3, "rows").tolist() == [2]
    assert check_weight(None, 3, "w") is None
    assert check_weight(2, 3, "w").tolist() == [2, 2, 2]
    assert check_weight(np.array([1, 0, 2], object), 3, "w").dtype == np.float64
    assert check_weight(np.zeros(3), 3, "w", all_zero=True).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dim", [1, 3, 40])
def test_nearest_against_scipy(dtype, dim):
    rng = np.random.default_rng(dim)
    points, centers = rng.normal(size=(300, dim)).astype(dtype) + 7, rng.normal(size=(9, dim)) + 7
    distance = cdist(points, centers)
    for entries in (1, 100, 1 << 20):
        index, squared = nearest(torch.from_numpy(points), torch.from_numpy(centers), entries)
        assert np.array_equal(index, distance.argmin(1))
        assert squared.dtype == torch.float64
        np.testing.assert_allclose(squared, distance.min(1) ** 2, rtol=1e-9)


def test_nearest_far_from_the_origin():
    """Distances of 1 at an offset of 10,000 in single precision: |x|^2 - 2 x c + |c|^2 alone would lose them."""
    centers = torch.tensor([[10_000.0, 0.0], [10_001.0, 0.0], [10_002.0, 0.0]])
    index, squared = nearest(centers + 0.25, centers)
    assert index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(squared, 0.125)
    assert nearest(torch.zeros(1, 1), torch.tensor([[1.0], [-1.0], [1.0]]))[0].tolist() == [0]


MASKED = np.ma.masked_array(np.arange(6.0).reshape(3, 2), [[0, 1], [0, 0], [0, 0]])
ONE = np.ma.masked_array([0, 1, 0], [True, False, False])


def test_a_mask_is_never_dropped():
    import spotal
    from spotal import SPOT, ActiveLearner, SklearnLearner, VectorOracle

    x = np.random.default_rng(0).normal(size=(3, 2))
    for arguments in (
        {"pool": MASKED},
        {"labeled": ONE[:1]},
        {"labeled": [0, 1], "labels": ONE[:2]},
        {"probabilities": MASKED},
        {"mass": ONE},
        {"cost": ONE + 1},
        {"groups": ONE, "max_per_group": 1},
    ):
        # a masked label is none, and says so
        with pytest.raises(InputError, match=r"must have no masked entries, found 1|has no label for row"):
            spotal.select(**{"pool": x, "budget": 1} | arguments)
    assert VectorOracle(ONE)(np.array([0, 1])).tolist() == [-1, 1]  # a masked answer is none
    from sklearn.linear_model import LogisticRegression

    learner = SklearnLearner(LogisticRegression(), 2)
    for fit in (lambda: learner.fit(MASKED, [0, 1, 0]), lambda: learner.fit(x, ONE)):
        with pytest.raises(InputError, match="must have no masked entries"):
            fit()
    with raises_input("the array", "1"):
        ActiveLearner(MASKED, learner, SPOT(), VectorOracle([0, 1, 0]), batch_size=1, max_labels=2).step()
    unmasked = np.ma.masked_array(x, False)
    np.testing.assert_array_equal(
        spotal.select(unmasked, 1, random_state=0).indices, spotal.select(x, 1, random_state=0).indices
    )
