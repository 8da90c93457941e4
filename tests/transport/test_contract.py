"""Every transport keeps scikit-learn's contract and ours."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from spotal.errors import InputError
from spotal.transport import ExactTransport, ProjectionPursuitTransport, SinkhornTransport, SlicedTransport

FAST = [SlicedTransport(random_state=0), ProjectionPursuitTransport(random_state=0, max_iter=120)]
REFERENCE = [ExactTransport(random_state=0), SinkhornTransport(random_state=0, reg=0.05)]
EVERY = pytest.mark.parametrize("transport", FAST + REFERENCE, ids=lambda t: type(t).__name__)
pytestmark = pytest.mark.filterwarnings("ignore::spotal.errors.ConvergenceWarning")


def short(transport):
    """A few iterations only: hundreds of maps through a few points amplify rounding without bound."""
    return clone(transport).set_params(**{"min_iter": 0, "max_iter": 5} if transport in FAST else {})


def cloud(n=400, d=3, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, d))
    x[:, 1] += x[:, 0] ** 2
    return x * [1, 5, 0.2] + [0, 10, -3]


@EVERY
def test_scikit_learn_contract(transport):
    """With a few iterations: what is checked is the interface, by some fifty fits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(short(transport).set_params(random_state=None), on_fail=None)
    assert len(results) > 40
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] not in ("passed", "skipped")}
    assert not failed


@EVERY
def test_carries_into_the_cube_also_unseen_and_far_points(transport):
    t = clone(transport).fit(cloud())
    far = np.array([[1e6, -1e6, 1e6], [-1e12, 1e12, 0]])
    for x in (cloud(), cloud(seed=1), far):
        u = t.transform(x)
        assert u.shape == x.shape
        assert np.isfinite(u).all()
        assert u.min() >= 0
        assert u.max() <= 1


@EVERY
def test_same_seed_same_map_bit_for_bit(transport):
    a, b = (clone(transport).fit(cloud()).transform(cloud(seed=1)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


@EVERY
def test_row_order_does_not_matter(transport):
    x = cloud()
    order = np.random.default_rng(2).permutation(len(x))
    a, b = clone(transport).fit(x).transform(x), clone(transport).fit(x[order]).transform(x)
    np.testing.assert_allclose(a, b, atol=1e-9)


@EVERY
def test_a_weight_of_k_is_k_copies_and_zero_is_none(transport):
    x = cloud(60)
    weight = np.random.default_rng(3).integers(0, 4, 60)
    weighted = short(transport).fit(x, sample_weight=weight).transform(x)
    copied = short(transport).fit(np.repeat(x, weight, axis=0)).transform(x)
    np.testing.assert_allclose(weighted, copied, atol=1e-6)


@EVERY
def test_arrays_of_any_kind_and_tensors(transport, tmp_path):
    x = cloud().astype(np.float16).astype(np.float32)  # values that every type holds exactly
    t = clone(transport).fit(x)
    u = t.transform(x)
    assert u.dtype == np.float32
    assert t.transform(x.astype(np.float64)).dtype == np.float64
    np.testing.assert_array_equal(t.transform(np.asfortranarray(x)), u)
    mapped = np.memmap(tmp_path / "x.dat", np.float32, "w+", shape=x.shape)
    mapped[:] = x
    np.testing.assert_array_equal(t.transform(np.memmap(tmp_path / "x.dat", np.float32, "r", shape=x.shape)), u)
    tensor = t.transform(torch.from_numpy(x))
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), u)
    np.testing.assert_array_equal(t.transform(x.astype(np.float16)), u)
    np.testing.assert_array_equal(clone(transport).fit(torch.from_numpy(x)).transform(x), u)
    np.testing.assert_array_equal(clone(transport).fit(x.astype(np.float16)).transform(x), u)


@EVERY
@pytest.mark.parametrize(
    "x",
    [
        np.ones((20, 3)),
        np.repeat([[1.0, 2, 3], [4, 5, 6]], 10, axis=0),
        np.c_[np.linspace(0, 1, 30), np.full(30, 7.0), np.linspace(0, 1, 30) ** 2],
        np.random.default_rng(0).normal(size=(4, 9)),
        np.array([[1.0, 2.0]]),
        np.arange(5.0)[:, None],
    ],
    ids=["constant", "two points", "constant column on a curve", "fewer points than dimensions", "one point", "line"],
)
def test_degenerate_clouds(transport, x):
    t = clone(transport).fit(x)
    u = t.transform(x)
    assert np.isfinite(u).all()
    assert ((u >= 0) & (u <= 1)).all()
    assert np.isfinite(t.inverse_transform(u)).all()
    if len(np.unique(x, axis=0)) == 1:
        np.testing.assert_allclose(u, 0.5, atol=1e-9)


@EVERY
def test_bad_input_is_one_sentence_that_names_it(transport):
    x = cloud(20)
    broken = x.copy()
    broken[[3, 7], 1] = np.nan, np.inf
    t = clone(transport)
    for call, words in [
        (lambda: t.fit(broken), ["X", "NaN", "3", "7"]),
        (lambda: t.fit(x[:, 0]), ["X", "2-D", "1-D"]),
        (lambda: t.fit(x[None]), ["X", "2-D", "3-D"]),
        (lambda: t.fit(x[:0]), ["X", "0 rows"]),
        (lambda: t.fit(np.array([["a", "b"]])), ["X", "numbers"]),
        (lambda: t.fit(x, sample_weight=np.ones(19)), ["sample_weight", "(20,)", "(19,)"]),
        (lambda: t.fit(x, sample_weight=np.zeros(20)), ["sample_weight", "all zero"]),
        (lambda: t.fit(x, sample_weight=np.r_[np.ones(19), -1]), ["sample_weight", "negative", "19"]),
        (lambda: t.fit(x, sample_weight=np.r_[np.ones(19), np.inf]), ["sample_weight", "finite", "19"]),
        (lambda: clone(t).fit(x).transform(x[:, :2]), ["2 features", "3 features"]),
        (lambda: clone(t).fit(x).inverse_transform(np.full((1, 3), 1.5)), ["U", "1.5"]),
    ]:
        with pytest.raises(InputError) as error:
            call()
        assert all(word in str(error.value) for word in words), str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(NotFittedError):
        clone(t).transform(x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@EVERY
def test_cuda_agrees_with_cpu(transport):
    x = cloud(2_000)
    here = clone(transport).fit(x).transform(x)
    there = clone(transport).fit(torch.from_numpy(x).cuda()).transform(torch.from_numpy(x).cuda())
    assert there.is_cuda
    # rounding is amplified by SAVE's eigenvectors of near-equal eigenvalues: compare those maps by their effect
    if isinstance(transport, ProjectionPursuitTransport):
        assert np.abs(there.cpu().numpy() - here).mean() < 0.1
    else:
        np.testing.assert_allclose(there.cpu().numpy(), here, atol=1e-6)
