"""The pool of one seed: its rows of the dataset, the labels that the oracle gives, and the altered rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench.protocol import PoolShape, Protocol
from spotal.datasets import Dataset, long_tail
from spotal.errors import InputError

__all__ = ["JUNK", "ShapedPool", "drawn", "shape_pool", "test_rows"]

JUNK = -1
"""The label of a row that belongs to no class of the task."""
_ROWS, _NOISE, _COPIES, _JUNK, _TEST, _CHANGES = range(6)  # streams of random numbers; renumbering changes pools
PIXEL_NOISE = 4.0
FEATURE_NOISE = 0.02


@dataclass(frozen=True)
class ShapedPool:
    """A pool drawn from a dataset's training part.

    rows : int64 (n,), the row of the dataset behind each row of the pool
    labels : int64 (n,), the oracle's answers: classes 0 .. K-1 of the task (some wrong if there is label noise), -1 for
        junk
    copied : bool (n,), near-duplicates: slightly changed copies of other rows of the pool
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    copied: NDArray[np.bool_]

    def data(self, X: NDArray[Any], seed: int) -> NDArray[Any]:
        """Return the pool's images or features (n, ...): rows of X, with the near-duplicates changed."""
        rows = X[self.rows]
        if self.copied.any():
            rows[self.copied] = _changed(rows[self.copied], X, np.random.default_rng([seed, _CHANGES]))
        return rows


def drawn(data: Dataset, protocol: Protocol, seed: int) -> tuple[ShapedPool, NDArray[np.int64], NDArray[np.int64]]:
    """Draw a seed's pool, and rows and classes of its test part. Raises InputError, also if the pool is too small."""
    pool = shape_pool(data, protocol.pool, protocol.classes, seed)
    if len(pool.rows) < protocol.asked[-1]:
        raise InputError(
            "rounds",
            f"ask for {protocol.asked[-1]} labels, found a pool of {len(pool.rows)} rows in {data.name}",
            "lower rounds or batch_size",
        )
    return pool, *test_rows(data, protocol.classes, protocol.test_size, seed)


def shape_pool(data: Dataset, shape: PoolShape, classes: tuple[int, ...] | None, seed: int) -> ShapedPool:
    """Draw a pool, its rows in random order. The same arguments give the same pool. O(N).

    Raises
    ------
    InputError
        The dataset has too few rows, a class has none, or ``classes`` has one that does not exist.
    """
    place, n_classes = _places(data, classes)
    y = place[data.y]
    size = _size(shape, y)
    n_junk, n_copied = round(shape.junk * size), round(shape.near_duplicates * size)
    rng = np.random.default_rng([seed, _ROWS])
    rows = _balanced(data.name, y, n_classes, shape, size - n_junk - n_copied, rng)
    copies = np.random.default_rng([seed, _COPIES]).choice(rows, n_copied) if n_copied else np.empty(0, np.int64)
    outside = np.flatnonzero(y == JUNK)
    if n_junk > len(outside):
        raise InputError(
            "junk",
            f"of {n_junk} rows must come from the classes left out, which have {len(outside)} in {data.name}",
            "lower junk or leave out more classes",
        )
    junk = np.random.default_rng([seed, _JUNK]).permutation(outside)[:n_junk]
    order = rng.permutation(len(rows) + n_copied + n_junk)
    every = np.concatenate([rows, copies, junk])[order]
    copied = np.repeat([False, True, False], [len(rows), n_copied, n_junk])[order]
    return ShapedPool(every, _noisy(y[every], n_classes, shape.label_noise, seed), copied)


def test_rows(
    data: Dataset, classes: tuple[int, ...] | None, size: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw rows of the dataset's test part, ascending, and return them with their classes 0 .. K-1 in the task."""
    place, _ = _places(data, classes)
    rows = np.flatnonzero(place[data.y_test] != JUNK)
    if size is not None and size < len(rows):
        rows = np.sort(np.random.default_rng([seed, _TEST]).permutation(rows)[:size])
    return rows, place[data.y_test[rows]]


def _places(data: Dataset, classes: tuple[int, ...] | None) -> tuple[NDArray[np.int64], int]:
    """The task's class of each class of the dataset (JUNK for the others), and the number of the task's classes."""
    chosen = list(range(data.n_classes) if classes is None else classes)
    outside = [label for label in chosen if label >= data.n_classes]
    if outside:
        raise InputError("classes", must=f"be 0 to {data.n_classes - 1} in {data.name}", found=outside[0])
    place = np.full(data.n_classes, JUNK, np.int64)
    place[chosen] = np.arange(len(chosen))
    return place, len(chosen)


def _size(shape: PoolShape, y: NDArray[np.int64]) -> int:
    """Number of rows of the pool; without a given size, the largest for which every class has enough rows."""
    if shape.size is not None:
        return shape.size
    counts = np.bincount(y[y != JUNK])
    clean = len(y[y != JUNK])
    if shape.balance == "balanced":
        clean = len(counts) * int(counts.min())
    elif shape.balance == "long-tail":
        clean = int(counts.min() * _shares(len(counts), shape.ratio).sum())
    return int(clean / (1 - shape.junk - shape.near_duplicates) + 1e-9)


def _shares(n_classes: int, ratio: float) -> NDArray[np.float64]:
    """Size of each class of a long tail as a share of the largest."""
    shares: NDArray[np.float64] = ratio ** (-np.arange(n_classes) / max(1, n_classes - 1))
    return shares


def _balanced(
    name: str, y: NDArray[np.int64], n_classes: int, shape: PoolShape, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``size`` rows (or a few less, as class sizes are rounded down) of the task's classes with a balance."""
    rows = rng.permutation(np.flatnonzero(y != JUNK))
    if shape.balance == "as-is":
        if size > len(rows):
            raise InputError(
                "size", f"needs {size} rows of {name}, which has {len(rows)}", "lower it", subject="pool size"
            )
        return rows[:size]
    if shape.balance == "thinned":
        return rows[long_tail(y[rows], shape.ratio, int(rng.integers(2**31)), order=shape.order)][:size]
    counts = np.bincount(y[rows], minlength=n_classes)
    largest = size / (n_classes if shape.balance == "balanced" else _shares(n_classes, shape.ratio).sum())
    if largest < 1:
        raise InputError(
            "size",
            must=f"leave a row for each of {n_classes} classes",
            found=size,
            remedy="raise it",
            subject="pool size",
        )
    if counts.min() < int(largest):
        raise InputError(
            "size",
            f"needs {int(largest)} rows of each class of {name}, found a class with {counts.min()}",
            "lower the size",
            subject="pool size",
        )
    rows = np.concatenate([rows[y[rows] == label][: int(largest)] for label in range(n_classes)])
    if shape.balance == "balanced":
        return rows
    return rows[long_tail(y[rows], shape.ratio, int(rng.integers(2**31)), order=shape.order)]


def _noisy(labels: NDArray[np.int64], n_classes: int, rate: float, seed: int) -> NDArray[np.int64]:
    """Replace a share of the labels, junk excluded, by another class."""
    rng = np.random.default_rng([seed, _NOISE])
    own = np.flatnonzero(labels != JUNK)
    wrong = rng.permutation(own)[: round(rate * len(own))]
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    return noisy


def _changed(rows: NDArray[Any], X: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Shift images by at most one pixel and add noise of 4 gray values; add noise of 2 % to features."""
    if rows.ndim != 4:
        deviation = X[:: max(1, len(X) // 10_000)].std(0)
        changed = rows + FEATURE_NOISE * deviation * rng.standard_normal(rows.shape)
        moved: NDArray[Any] = changed.astype(rows.dtype)
        return moved
    moves = rng.integers(-1, 2, (len(rows), 2))
    shifted = np.stack([_shift(image, *move) for image, move in zip(rows, moves, strict=True)])
    noise = PIXEL_NOISE * rng.standard_normal(rows.shape)
    altered: NDArray[Any] = np.clip(np.rint(shifted + noise), 0, 255).astype(rows.dtype)
    return altered


def _shift(image: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Move an image by one pixel at most; its edge is repeated."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = image.shape[:2]
    moved: NDArray[Any] = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
    return moved
