"""Datasets that a protocol may name: spotal's own, tables, features of pretrained encoders, or a path."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal import datasets
from spotal.bench import mlbench, photos, pretrained
from spotal.datasets import Dataset

__all__ = ["load", "names"]

TEST_FRACTION = 0.3
LARGE, THINNED = 1_000, 5
"""Classes of "shuttle" with ``LARGE`` rows or more keep one row in ``THINNED``: small pools then hold the rare rows."""
_TABLES = ("breast-cancer", "letter", "made-clusters", "made-species", "shuttle", "wine")


def names() -> tuple[str, ...]:
    """Return the names that ``load`` accepts besides paths, in alphabetical order."""
    return tuple(sorted((*datasets.names(), photos.NAME, *_TABLES, *pretrained.FILES)))


def load(name_or_path: str) -> Dataset:
    """Load a dataset; the last two are cached. Raises what :func:`spotal.datasets.load` raises."""
    return _load(name_or_path, () if name_or_path in names() else _state(Path(name_or_path)))


def _state(path: Path) -> tuple[Any, ...]:
    """Absolute path and modification times, so that a changed file is loaded again."""
    files = (path, path.parent / "labels.csv")
    return os.path.abspath(path), *(file.stat().st_mtime_ns if file.exists() else None for file in files)


@lru_cache(maxsize=2)
def _load(name_or_path: str, state: tuple[Any, ...]) -> Dataset:
    if name_or_path in _TABLES:
        X, y, classes = _table(name_or_path)
        return _split(name_or_path, X, y, classes)
    if name_or_path in pretrained.FILES:
        return pretrained.read(name_or_path)
    if name_or_path == photos.NAME:
        return photos.read()
    return datasets.load(name_or_path)


def _table(name: str) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    if name == "made-species":
        return _species()
    if name in mlbench.TABLES:
        X, y, classes = mlbench.read(name)
        rows = _thinned(y) if name == "shuttle" else slice(None)
        return X[rows], y[rows], classes
    from sklearn import datasets as sklearn_datasets

    if name == "made-clusters":
        # ten classes of two overlapping clusters each; two thirds of the features carry no information
        X, y = sklearn_datasets.make_classification(
            8_000, 30, n_informative=10, n_redundant=0, n_classes=10, n_clusters_per_class=2, class_sep=2.0,
            random_state=20_251,
        )  # fmt: skip
        return X, y, tuple(str(k) for k in range(10))
    read: Any = sklearn_datasets.load_wine if name == "wine" else sklearn_datasets.load_breast_cancer
    table = read()
    return table.data, table.target, tuple(str(label) for label in table.target_names)


def _thinned(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Select all rows of the small classes and a fifth of the large ones, ascending."""
    rng = np.random.default_rng(20_253)
    parts = []
    for label, count in enumerate(np.bincount(y)):
        rows = rng.permutation(np.flatnonzero(y == label))
        parts.append(rows if count < LARGE else rows[: count // THINNED])
    return np.sort(np.concatenate(parts))


def _species() -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    """Make 60 classes ("species") of 180 rows in 12 families, from 8 latent dimensions to 24 features, half skewed."""
    rng = np.random.default_rng(20_252)
    n_families, n_classes, n_rows, latent, measured = 12, 60, 180, 8, 24
    families = 2.5 * rng.standard_normal((n_families, latent))
    centers = families[np.arange(n_classes) % n_families] + 0.9 * rng.standard_normal((n_classes, latent))
    spread = rng.uniform(0.4, 1.2, n_classes)
    y = np.repeat(np.arange(n_classes), n_rows)
    points = centers[y] + spread[y, None] * rng.standard_normal((len(y), latent))
    X = points @ rng.standard_normal((latent, measured)) / np.sqrt(latent)
    X += 0.2 * rng.standard_normal(X.shape)
    X[:, ::2] = np.exp(X[:, ::2] / 2)
    order = rng.permutation(len(y))
    return X[order], y[order], tuple(f"species-{k:02d}" for k in range(n_classes))


def _split(name: str, X: NDArray[Any], y: NDArray[Any], classes: tuple[str, ...]) -> Dataset:
    """Split off 30 % of each class, always the same rows, as the test part."""
    rng = np.random.default_rng(0)
    test = []
    for label in range(len(classes)):
        rows = np.flatnonzero(y == label)
        test.append(rng.permutation(rows)[: round(TEST_FRACTION * len(rows))])
    held = np.sort(np.concatenate(test))
    pool = np.setdiff1d(np.arange(len(y)), held)
    values, labels = X.astype(np.float32), y.astype(np.int64)
    return Dataset(name, values[pool], labels[pool], values[held], labels[held], classes)
