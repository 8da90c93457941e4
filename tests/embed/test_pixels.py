"""PixelEmbedder: principal components of small copies."""

import numpy as np
import pytest
from tests.raising import raises_input

from spotal.datasets import load
from spotal.embed import Embedder, PixelEmbedder
from spotal.errors import ModelError


def noise(n, height=20, width=24, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels)).astype(np.uint8)


def test_is_the_pca_of_block_means():
    images = noise(50, 8, 8, 1)
    found = PixelEmbedder(size=4, n_components=5).fit_embed(images)
    small = images.reshape(50, 4, 2, 4, 2).mean((2, 4)).reshape(50, 16) / 255
    left, values, _ = np.linalg.svd(small - small.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :5], atol=1e-5)
    assert found.dtype == np.float32


def test_separates_real_digits():
    from sklearn.neighbors import KNeighborsClassifier

    data = load("digits")
    embedder = PixelEmbedder(n_components=30).fit(data.X)
    knn = KNeighborsClassifier(1).fit(embedder.embed(data.X), data.y)
    assert knn.score(embedder.embed(data.X_test), data.y_test) > 0.95


@pytest.mark.parametrize(("n", "expected"), [(2, 1), (10, 9), (300, 64)])
def test_number_of_components(n, expected):
    assert PixelEmbedder().fit_embed(noise(n)).shape == (n, expected)
    assert PixelEmbedder(size=2, n_components=99).fit_embed(noise(50)).shape == (50, 12)


def test_large_pools_are_sampled_under_the_seed():
    images = noise(60)
    first, again, other = (PixelEmbedder(random_state=seed, max_samples=20).fit_embed(images) for seed in (0, 0, 1))
    assert first.shape == (60, 19)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_constant_images_and_batches():
    same = PixelEmbedder().fit_embed(np.full((5, 9, 9, 3), 7, np.uint8))
    np.testing.assert_allclose(same, 0, atol=1e-5)
    images = noise(30)
    embedder = PixelEmbedder().fit(images)
    parts = [embedder.embed(images[:7]), embedder.embed(images[7:])]
    np.testing.assert_allclose(np.concatenate(parts), embedder.embed(images), atol=1e-5)
    np.testing.assert_allclose(PixelEmbedder().fit_embed(images), embedder.embed(images), atol=1e-5)


def test_contract_and_errors():
    assert isinstance(PixelEmbedder(), Embedder)
    with pytest.raises(ModelError, match="must be fitted"):
        PixelEmbedder().embed(noise(2))
    with raises_input("images", "1"):
        PixelEmbedder().fit(noise(1))
    with raises_input("images", "256"):
        PixelEmbedder().fit(noise(4)).embed(noise(4, channels=1))
    for bad in (noise(3).astype(float), noise(3)[0], noise(3)[..., :2], noise(3)[:0]):
        with raises_input("images"):
            PixelEmbedder().fit(bad)
    for argument in ("size", "n_components"):
        with raises_input(argument):
            PixelEmbedder(**{argument: 0})
