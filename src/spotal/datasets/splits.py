"""Split labeled rows into a pool and a test part, and turn labels into classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.numeric.seeds import Seed, as_seed

__all__ = ["TEST_FRACTION", "encode", "split", "stratified"]

TEST_FRACTION = 0.2
"""Share of each class that is kept for testing where the data come without a test part."""


def stratified(
    y: NDArray[np.int64], fraction: float, random_state: Seed = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the pool and of the test part, ascending; None as random state is the seed 0.

    Of a class with two members or more, the rounded fraction is for testing, at least one and never all.
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
    """``stratified`` with the usual fraction; raises DataFileError, naming the source, if no class has two rows."""
    pool, test = stratified(y, TEST_FRACTION, random_state)
    if not len(test):
        raise DataFileError(
            f"{source} has only one item in each class, which leaves none to test on; add items or a test part"
        )
    return pool, test


def encode(*parts: Sequence[Any]) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Labels of one or more parts as int64 classes 0 .. K-1 over all parts, and the K names.

    Integers are ordered by value, anything else by its text.
    """
    every = {label for part in parts for label in part}
    whole = all(isinstance(label, int) for label in every)
    order = sorted(every) if whole else sorted({str(label) for label in every})
    place = {label: k for k, label in enumerate(order)}
    coded = [np.asarray([place[label if whole else str(label)] for label in part], np.int64) for part in parts]
    return coded, tuple(str(label) for label in order)
