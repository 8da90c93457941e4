"""Fixed features of a pool and its test part, as a protocol's ``embedding`` says; kept by content hash."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.cache import Cache
from spotal.bench.pool_sampler import ShapedPool
from spotal.bench.protocol import Embedding
from spotal.datasets import Dataset
from spotal.errors import InputError

__all__ = ["dataset_features", "features_of", "fingerprint"]


def features_of(
    data: Dataset, embedding: Embedding, pool: ShapedPool, test: NDArray[np.int64], seed: int, cache: Cache
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features float32 (n, d) of the pool and (m, d) of the test rows, centered, with a mean squared norm of d.

    Table features ("none") are standardized one by one instead. Center and scale come from the pool.

    Raises
    ------
    InputError
        Images without an embedding, or an embedding of features.
    """
    if data.is_images == (embedding.kind in ("none", "as-is")):
        need = "pixels-pca or ssl" if data.is_images else "none or as-is"
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
    """Features float16 (N, d) and (M, d) of all training and test images, by an encoder of the dataset's own.

    It is trained on ``embedding.rows`` images of the training part without their labels, all classes as frequent as in
    the dataset, whatever the pools' shapes; its 512 features are cut to ``embedding.dim`` principal components.
    """
    recipe = _recipe(data, embedding) | {"rows": embedding.rows}

    def make() -> dict[str, NDArray[Any]]:
        rows = np.sort(np.random.default_rng(embedding.seed).permutation(len(data.X))[: embedding.rows])
        train, test = _encode(data.X[rows], embedding, data.X, data.X_test)
        return {"train": train, "test": test}

    found = cache.get(recipe, make)
    return found["train"], found["test"]


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Hash of arrays: their shapes and types, and at most 2,000 evenly spaced rows of each."""
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array[:: max(1, len(array) // 2_000)]).data)
    return digest.hexdigest()


def _pool_features(
    data: Dataset, embedding: Embedding, pool: ShapedPool, test: NDArray[np.int64], seed: int, cache: Cache
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same by an encoder that has seen this pool and nothing else; or the dataset's, of rows that were altered."""
    images = pool.data(data.X, seed)
    recipe = _recipe(data, embedding) | {"pool": fingerprint(images, pool.rows, test), "on": embedding.trained_on}
    if embedding.trained_on == "dataset":
        recipe["rows"] = embedding.rows

    def make() -> dict[str, NDArray[Any]]:
        source = images
        if embedding.trained_on == "dataset":
            source = data.X[np.sort(np.random.default_rng(embedding.seed).permutation(len(data.X))[: embedding.rows])]
        points, held = _encode(source, embedding, images, data.X_test[test])
        return {"train": points, "test": held}

    found = cache.get(recipe, make)
    return found["train"], found["test"]


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
) -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.decomposition import PCA

    from spotal.embed.simclr import train_encoder

    encoder = train_encoder(source, epochs=embedding.epochs, seed=embedding.seed)
    known = encoder.embed(source).astype(np.float64)
    if embedding.dim >= known.shape[1]:
        return encoder.embed(images).astype(np.float16), encoder.embed(test).astype(np.float16)
    pca = PCA(min(embedding.dim, len(known) - 1), svd_solver="covariance_eigh").fit(known)
    features, held = (pca.transform(encoder.embed(part)).astype(np.float16) for part in (images, test))
    return features, held
