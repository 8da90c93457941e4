"""Principal components against scikit-learn, and the dimension that they suggest."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA as Reference
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from spotal.errors import InputError
from spotal.reduce import PCA, choose_dimension


def cloud(n=300, dim=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) * np.geomspace(10, 0.1, dim) @ rng.normal(size=(dim, dim)) + 5


@pytest.mark.parametrize("estimator", [PCA(), PCA(n_components=1), PCA(whiten=True, budget=8)], ids=repr)
def test_scikit_learn_contract(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None)
    assert len(results) > 40
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] not in ("passed", "skipped")}
    assert not failed


@pytest.mark.parametrize("count", [1, 3, 8])
def test_components_and_variances_are_scikit_learns(count):
    x = cloud()
    mine, reference = PCA(count).fit(x), Reference(count).fit(x)
    np.testing.assert_allclose(mine.mean_, reference.mean_)
    # that of scikit-learn divides by n - 1
    np.testing.assert_allclose(mine.explained_variance_, reference.explained_variance_ * 299 / 300)
    cosines = np.abs((mine.components_.numpy() * reference.components_).sum(1))
    np.testing.assert_allclose(cosines, 1)
    np.testing.assert_allclose(np.abs(mine.transform(x)), np.abs(reference.transform(x)), atol=1e-8)


def test_the_largest_entry_of_a_component_is_positive():
    components = PCA(8).fit(cloud()).components_
    assert (components.gather(1, components.abs().argmax(1, keepdim=True)) > 0).all()
    again = PCA(8).fit(np.random.default_rng(1).permutation(cloud())).components_
    np.testing.assert_allclose(again, components, atol=1e-9)


def test_wide_data_take_randomized_iteration_and_agree():
    x = cloud(400, 60)
    wide = np.pad(x, ((0, 0), (0, 2_000)))
    exact, randomized = PCA(5).fit(x), PCA(5, random_state=0).fit(wide)
    np.testing.assert_allclose(randomized.explained_variance_, exact.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(randomized.transform(wide), exact.transform(x), atol=1e-4)
    assert torch.equal(PCA(5, random_state=0).fit(wide).components_, randomized.components_)


def test_more_columns_than_rows_and_than_the_randomized_rank():
    x = np.random.default_rng(0).normal(size=(30, 2_100))
    mine, reference = PCA(4, random_state=0).fit(x), Reference(4, svd_solver="full").fit(x)
    np.testing.assert_allclose(mine.explained_variance_, reference.explained_variance_ * 29 / 30, rtol=1e-4)
    assert PCA(100, random_state=0).fit(x).transform(x).shape == (30, 30)


def test_a_weight_of_k_is_k_copies_and_zero_is_none():
    x = cloud(60)
    weight = np.random.default_rng(1).integers(0, 4, 60)
    weighted, copied = PCA(3).fit(x, sample_weight=weight), PCA(3).fit(np.repeat(x, weight, axis=0))
    np.testing.assert_allclose(weighted.mean_, copied.mean_)
    np.testing.assert_allclose(weighted.spectrum_, copied.spectrum_, atol=1e-9)
    np.testing.assert_allclose(weighted.transform(x), copied.transform(x), atol=1e-8)


def test_whitened_components_have_unit_variance_and_no_correlation():
    x = cloud()
    z = PCA(4, whiten=True).fit_transform(x)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(4), atol=1e-8)
    weight = np.random.default_rng(2).random(300)
    z = PCA(4, whiten=True).fit(x, sample_weight=weight).transform(x)
    np.testing.assert_allclose(np.cov(z.T, aweights=weight, bias=True), np.eye(4), atol=1e-8)


@pytest.mark.parametrize("value", [0.0, 0.1, -1 / 3, 1e12 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whitening_of_what_does_not_vary(value, dtype):
    x = np.full((50, 3), value, dtype)
    z = PCA(3, whiten=True).fit_transform(x)
    assert np.abs(z).max() <= 1e-6 * max(1, abs(value))
    x[:, 1] += np.linspace(0, 1, 50).astype(dtype) * max(1, abs(value))
    z = PCA(3, whiten=True).fit_transform(x.astype(np.float64))
    np.testing.assert_allclose(z.std(0), [1, 0, 0], atol=1e-4)


def test_arrays_of_any_kind_and_tensors(tmp_path):
    x = cloud().astype(np.float32)
    fitted = PCA(3).fit(x)
    z = fitted.transform(x)
    assert z.dtype == np.float32
    assert fitted.transform(x.astype(np.float64)).dtype == np.float64
    file = np.memmap(tmp_path / "x", np.float32, "w+", shape=x.shape)
    file[:] = x
    np.testing.assert_allclose(fitted.transform(np.memmap(tmp_path / "x", np.float32, "r", shape=x.shape)), z)
    np.testing.assert_allclose(fitted.transform(np.asfortranarray(x)), z, atol=1e-4)
    np.testing.assert_allclose(fitted.transform(x.astype(np.float16)), z, atol=0.1)
    tensor = clone(fitted).fit(torch.from_numpy(x)).transform(torch.from_numpy(x))
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_allclose(tensor, z, atol=1e-4)


def test_large_data_are_thinned_by_weight():
    x = cloud(3_000)
    weight = (x[:, 0] > 5).astype(float)
    thinned = PCA(8, max_samples=800, random_state=0).fit(x, sample_weight=weight)
    assert torch.equal(PCA(8, max_samples=800, random_state=0).fit(x, sample_weight=weight).mean_, thinned.mean_)
    assert not torch.equal(PCA(8, max_samples=800, random_state=1).fit(x, sample_weight=weight).mean_, thinned.mean_)
    whole = PCA(8).fit(x, sample_weight=weight)
    np.testing.assert_allclose(thinned.explained_variance_[:3], whole.explained_variance_[:3], rtol=0.2)


def test_automatic_dimension():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 10))
    fitted = PCA(budget=1_000).fit(flat)
    assert fitted.n_components_ == choose_dimension(fitted.spectrum_, 1_000) <= 3
    assert fitted.transform(flat).shape == (200, fitted.n_components_)
    assert PCA().fit(rng.normal(size=(2_000, 20))).n_components_ == 9  # log2 of 1,000 points
    assert PCA(budget=4).fit(rng.normal(size=(2_000, 20))).n_components_ == 2


def test_bad_input_is_one_sentence_that_names_it():
    x = cloud(20)
    broken = x.copy()
    broken[3, 1] = np.nan
    for call, words in [
        (lambda: PCA().fit(broken), ["X", "NaN", "3"]),
        (lambda: PCA().fit(x[0]), ["X", "2-D", "1-D"]),
        (lambda: PCA().fit(x, sample_weight=np.ones(3)), ["sample_weight", "(20,)", "(3,)"]),
        (lambda: PCA().fit(x, sample_weight=-np.ones(20)), ["sample_weight", "negative"]),
        (lambda: PCA(9).fit(x), ["n_components", "1 to 8", "9"]),
        (lambda: PCA(0).fit(x), ["n_components", "0"]),
        (lambda: PCA(2.5).fit(x), ["n_components", "2.5"]),
        (lambda: PCA(True).fit(x), ["n_components", "True"]),
        (lambda: PCA("most").fit(x), ["n_components", "auto", "most"]),
        (lambda: PCA([2]).fit(x), ["n_components", "[2]"]),
        (lambda: PCA(budget=0).fit(x), ["budget", "at least 1", "0"]),
        (lambda: PCA(max_samples=None).fit(x), ["max_samples", "None"]),
        (lambda: PCA(2).fit(x).transform(x[:, :3]), ["3 features", "8 features"]),
    ]:
        with pytest.raises(InputError) as error:
            call()
        assert all(word in str(error.value) for word in words), str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(NotFittedError):
        PCA().transform(x)


@pytest.mark.parametrize(
    ("variances", "budget", "dimension"),
    [
        ([1.0] * 20, 1 << 10, 10),  # n points halve log2(n) dimensions
        ([1.0] * 20, 1 << 30, 12),  # the most
        ([1.0] * 5, 1 << 30, 5),
        ([1.0] * 20, 1, 2),
        ([1.0, 0.0, 0.0], 1_000, 1),  # rank 1
        ([1.0, 1e-6], 1_000, 2),  # at least 2 where there are 2
        ([4.0, 2, 1, 0.5, 0.25], 1_000, 3),  # (7.75)^2 / 21.3 = 2.8
        ([0.0, 0.0], 1_000, 1),
        ([3.0], 1_000, 1),
        ([1e300, 1e300, 1e300], 1_000, 3),
        ([1e-300, 1e-300, 1e-300], 1_000, 3),
    ],
)
def test_dimension_of_known_spectra(variances, budget, dimension):
    assert choose_dimension(variances, budget) == dimension
