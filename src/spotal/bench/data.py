"""What a protocol's ``dataset`` may name: spotal's datasets, tables that come with scikit-learn, or a path."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal import datasets
from spotal.datasets import Dataset

__all__ = ["load", "names"]

TEST_FRACTION = 0.3
_TABLES = ("breast-cancer", "made-clusters", "wine")


def names() -> tuple[str, ...]:
    """Names of the datasets that ``load`` knows besides paths, in alphabetical order."""
    return tuple(sorted(datasets.names() + _TABLES))


@lru_cache(maxsize=2)
def load(name_or_path: str) -> Dataset:
    """The dataset; the last two are kept. Raises what :func:`spotal.datasets.load` raises."""
    if name_or_path in _TABLES:
        X, y, classes = _table(name_or_path)
        return _split(name_or_path, X, y, classes)
    return datasets.load(name_or_path)


def _table(name: str) -> tuple[NDArray[Any], NDArray[Any], tuple[str, ...]]:
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
