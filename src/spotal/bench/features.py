"""Fixed features of a pool and its test part, as the protocol's ``embedding`` defines them; cached by content hash."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.cache import Cache, fingerprint
from spotal.bench.pool_sampler import ShapedPool
from spotal.bench.protocol import Embedding
from spotal.datasets import Dataset
from spotal.errors import InputError

__all__ = ["dataset_features", "features_of"]


def features_of(
    data: Dataset, embedding: Embedding, pool: ShapedPool, test: NDArray[np.int64], seed: int, cache: Cache
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features float32 (n, d) of the pool and (m, d) of the test rows.

    They are centered and scaled to a mean squared norm of d. Features of tables ("none") are standardized one by one
    instead. Center and scale come from the pool.

    Raises
    ------
    InputError
        Images without an embedding, or an embedding of features.
    """
    if data.is_images == (embedding.kind in ("none", "as-is")):
        need = "pixels-pca, ssl or lite0" if data.is_images else "none or as-is"
        raise InputError(
            "embedding",
            must=f"be {need} for a frozen learner on {'images' if data.is_images else 'features'}",
            found=f"{embedding.kind!r} with {data.name}",
        )
    if embedding.kind == "none":
        rows, test_rows = pool.data(data.X, seed).astype(np.float64), data.X_test[test].astype(np.float64)
        center, deviation = rows.mean(0), rows.std(0)
        deviation[deviation <= 1e-9 * (1 + np.abs(center))] = 1.0
        return ((rows - center) / deviation).astype(np.float32), ((test_rows - center) / deviation).astype(np.float32)
    if embedding.kind == "as-is":
        points, held = pool.data(data.X, seed), data.X_test[test]
    elif embedding.kind == "pixels-pca":
        from spotal.embed import PixelEmbedder

        embedder = PixelEmbedder(n_components=embedding.dim)
        points, held = embedder.fit_embed(pool.data(data.X, seed)), embedder.embed(data.X_test[test])
    elif embedding.kind == "lite0":
        points, held = _pretrained(pool.data(data.X, seed), data.X_test[test], embedding.dim, cache)
    elif embedding.trained_on == "dataset" and not pool.copied.any():
        train, every = dataset_features(data, embedding, cache)
        points, held = train[pool.rows], every[test]
    else:
        points, held = _pool_features(data, embedding, pool, test, seed, cache)
    points, held = points.astype(np.float32), held.astype(np.float32)
    center = points.mean(0, dtype=np.float64)
    scale = float(np.sqrt(points.var(0, dtype=np.float64).mean())) or 1.0
    return ((points - center) / scale).astype(np.float32), ((held - center) / scale).astype(np.float32)


def dataset_features(data: Dataset, embedding: Embedding, cache: Cache) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return features float16 (N, d) and (M, d) of all training and test images, by an encoder of the dataset.

    The encoder is trained without labels on ``embedding.rows`` random images of the training part, whatever the shape
    of the pools. Its 512 features are reduced to ``embedding.dim`` principal components.
    """
    recipe = _recipe(data, embedding) | {"rows": embedding.rows}
    arrays = cache.get(recipe, lambda: _encode(_source(data, embedding), embedding, data.X, data.X_test))
    return arrays["train"], arrays["test"]


def _pool_features(
    data: Dataset, embedding: Embedding, pool: ShapedPool, test: NDArray[np.int64], seed: int, cache: Cache
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same for one pool: by an encoder trained on this pool alone, or by the dataset's for altered rows."""
    images = pool.data(data.X, seed)
    recipe = _recipe(data, embedding) | {"pool": fingerprint(images, pool.rows, test), "on": embedding.trained_on}
    if embedding.trained_on == "dataset":
        recipe["rows"] = embedding.rows

    def make() -> dict[str, NDArray[Any]]:
        source = _source(data, embedding) if embedding.trained_on == "dataset" else images
        return _encode(source, embedding, images, data.X_test[test])

    arrays = cache.get(recipe, make)
    return arrays["train"], arrays["test"]


def _pretrained(images: NDArray[Any], test: NDArray[Any], dim: int, cache: Cache) -> tuple[NDArray[Any], NDArray[Any]]:
    """Principal components of the pool's features by EfficientNet-Lite0, and the same of the test rows."""
    from sklearn.decomposition import PCA

    from spotal.bench.lite0 import encode

    points, held = (encode(rows, cache)[1].astype(np.float64) for rows in (images, test))
    pca = PCA(min(dim, *points.shape), svd_solver="covariance_eigh").fit(points)
    return pca.transform(points), pca.transform(held)


def _source(data: Dataset, embedding: Embedding) -> NDArray[Any]:
    """Images that an encoder of the dataset is trained on."""
    return data.X[np.sort(np.random.default_rng(embedding.seed).permutation(len(data.X))[: embedding.rows])]


def _recipe(data: Dataset, embedding: Embedding) -> dict[str, Any]:
    from spotal.embed.simclr import RECIPE

    return {
        "kind": "ssl",
        "dataset": data.name.rsplit("/", 1)[-1],
        "data": fingerprint(data.X, data.X_test),
        "dim": embedding.dim,
        "epochs": embedding.epochs,
        "seed": embedding.seed,
        "network": RECIPE,
    }


def _encode(
    source: NDArray[Any], embedding: Embedding, images: NDArray[Any], test: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    from sklearn.decomposition import PCA

    from spotal.embed.simclr import train_encoder

    encoder = train_encoder(source, epochs=embedding.epochs, seed=embedding.seed)
    points = encoder.embed(source).astype(np.float64)
    parts = {"train": encoder.embed(images), "test": encoder.embed(test)}
    if embedding.dim < points.shape[1]:
        pca = PCA(min(embedding.dim, len(points) - 1), svd_solver="covariance_eigh").fit(points)
        parts = {name: pca.transform(part) for name, part in parts.items()}
    return {name: part.astype(np.float16) for name, part in parts.items()}
