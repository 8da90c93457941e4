"""What a protocol's ``dataset`` may name: spotal's datasets, tables, features of pretrained encoders, or a path."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal import datasets
from spotal.bench import mlbench, pretrained
from spotal.datasets import Dataset

__all__ = ["load", "names"]

TEST_FRACTION = 0.3
LARGE, THINNED = 1_000, 5
"""Of "shuttle": classes of this many rows keep one row in five, so that pools of thousands have all rare rows."""
_TABLES = ("breast-cancer", "letter", "made-clusters", "made-species", "shuttle", "wine")


def names() -> tuple[str, ...]:
    """Names of the datasets that ``load`` knows besides paths, in alphabetical order."""
    return tuple(sorted((*datasets.names(), *_TABLES, *pretrained.FILES)))


def load(name_or_path: str) -> Dataset:
    """The dataset; the last two are kept. Raises what :func:`spotal.datasets.load` raises."""
    return _load(name_or_path, () if name_or_path in names() else _state(Path(name_or_path)))


def _state(path: Path) -> tuple[Any, ...]:
    """What tells one state of a path from another, in whichever folder the process is."""
    files = (path, path.parent / "labels.csv")
    return os.path.abspath(path), *(file.stat().st_mtime_ns if file.exists() else None for file in files)


@lru_cache(maxsize=2)
def _load(name_or_path: str, state: tuple[Any, ...]) -> Dataset:
    if name_or_path in _TABLES:
        X, y, classes = _table(name_or_path)
        return _split(name_or_path, X, y, classes)
    if name_or_path in pretrained.FILES:
        return pretrained.read(name_or_path)
    return datasets.load(name_or_path)


def _table(name: str) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    if name == "made-species":
        return _species()
    if name in mlbench.TABLES:
        X, y, classes = mlbench.read(name)
        kept = _thinned(y) if name == "shuttle" else slice(None)
        return X[kept], y[kept], classes
    from sklearn import datasets as sklearn_datasets

    if name == "made-clusters":
        # ten classes of two clusters each, overlapping, two thirds of the features without use
        X, y = sklearn_datasets.make_classification(
            8_000, 30, n_informative=10, n_redundant=0, n_classes=10, n_clusters_per_class=2, class_sep=2.0,
            random_state=20_251,
        )  # fmt: skip
        return X, y, tuple(str(k) for k in range(10))
    read: Any = sklearn_datasets.load_wine if name == "wine" else sklearn_datasets.load_breast_cancer
    found = read()
    return found.data, found.target, tuple(str(label) for label in found.target_names)


def _thinned(y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows, ascending: all of the small classes, a fifth of the large ones."""
    rng = np.random.default_rng(20_253)
    parts = []
    for label, count in enumerate(np.bincount(y)):
        rows = rng.permutation(np.flatnonzero(y == label))
        parts.append(rows if count < LARGE else rows[: count // THINNED])
    return np.sort(np.concatenate(parts))


def _species() -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
    """Sixty classes of 180 rows in twelve families, as of species: 24 measurements, half of them skewed.

    A class lies near its family in 8 latent dimensions and has a spread of its own; measurements mix the latent ones.
    """
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
    """30 % of each class, always the same rows, as test part."""
    rng = np.random.default_rng(0)
    test = []
    for label in range(len(classes)):
        rows = np.flatnonzero(y == label)
        test.append(rng.permutation(rows)[: round(TEST_FRACTION * len(rows))])
    held = np.sort(np.concatenate(test))
    pool = np.setdiff1d(np.arange(len(y)), held)
    values, labels = X.astype(np.float32), y.astype(np.int64)
    return Dataset(name, values[pool], labels[pool], values[held], labels[held], classes)
