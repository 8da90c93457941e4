"""Splits of labeled rows into a pool and a test part, and the encoding of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets.base import Dataset
from spotal.errors import DataFileError
from spotal.numeric.seeds import Seed, as_seed

__all__ = ["TEST_FRACTION", "encode", "from_parts", "split", "stratified"]

TEST_FRACTION = 0.2
"""Share of each class in the test part of data without one."""


def stratified(
    y: NDArray[np.int64], fraction: float, random_state: Seed = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the pool and of the test part, ascending; ``random_state=None`` means 0.

    Each class with at least two rows has the rounded fraction of its rows, but at least one row, in both parts.
    """
    rng = np.random.default_rng(as_seed(0 if random_state is None else random_state))
    tests = [np.empty(0, np.int64)]
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        if len(rows) > 1:
            count = min(max(1, round(fraction * len(rows))), len(rows) - 1)
            tests.append(rng.permutation(rows)[:count])
    test = np.sort(np.concatenate(tests))
    return np.setdiff1d(np.arange(len(y)), test), test


def split(y: NDArray[np.int64], source: object, random_state: Seed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split with the default fraction. Raises DataFileError about ``source`` if no class has two rows."""
    pool, test = stratified(y, TEST_FRACTION, random_state)
    if not len(test):
        raise DataFileError(
            f"{source} has only one item in each class, which leaves none to test on; add items or a test part"
        )
    return pool, test


def encode(*parts: Sequence[Any]) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the labels of each part as int64 classes 0 .. K-1, and the K class names of all parts together.

    Integers are sorted by value, other labels by their text.
    """
    labels = {label for part in parts for label in part}
    integers = all(isinstance(label, int) for label in labels)
    order = sorted(labels) if integers else sorted({str(label) for label in labels})
    code = {label: k for k, label in enumerate(order)}
    coded = [np.asarray([code[label if integers else str(label)] for label in part], np.int64) for part in parts]
    return coded, tuple(str(label) for label in order)


def from_parts(
    name: str,
    X: Sequence[NDArray[Any]],
    y: Sequence[NDArray[np.int64]],
    class_names: tuple[str, ...],
    source: object,
    random_state: Seed,
) -> Dataset:
    """Make a dataset of a pool and a test part, or of one part that is split. Raises DataFileError."""
    if len(X) == 2:
        return Dataset(name, X[0], y[0], X[1], y[1], class_names)
    pool, test = split(y[0], source, random_state)
    return Dataset(name, X[0][pool], y[0][pool], X[0][test], y[0][test], class_names)
