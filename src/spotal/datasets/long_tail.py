"""Subsets with a long tail, in which class counts fall exponentially."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.seeds import Seed, as_seed

__all__ = ["long_tail"]


def long_tail(y: ArrayLike, ratio: float, random_state: Seed = None, *, order: str = "index") -> NDArray[np.int64]:
    """Draw a subset whose class counts fall exponentially from the first class to the last.

    Class k of K gets ``n_max * ratio ** (-k / (K - 1))`` rows, rounded down, at least 1 and at most its own count.
    ``n_max`` is the count of the largest class. With a ratio of 100, the most frequent class is 100 times as large as
    the rarest.

    Parameters
    ----------
    y : int (n,), labels
    ratio : float, at least 1
    random_state : int, numpy generator or None
    order : {"index", "random"}, order of the classes from frequent to rare: by class number, or random

    Returns
    -------
    int64 (m,), row numbers, ascending

    Raises
    ------
    InputError
        y is empty or not a vector of integers, or the ratio or the order is out of range.

    References
    ----------
    Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, "Class-balanced loss based on effective number of samples", CVPR
    2019, section 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.datasets import long_tail
    >>> y = np.repeat([0, 1, 2], 100)
    >>> np.bincount(y[long_tail(y, 100, random_state=0)]).tolist()
    [100, 10, 1]
    """
    labels = as_array(y, "y")
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "ui":
        kind = f"dtype {labels.dtype} of shape {labels.shape}"
        raise InputError("y", must="be a vector of integer labels", found=kind, remedy="give one a row")
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float, np.number)) or not 1 <= ratio < np.inf:
        raise InputError(
            "ratio", must="be a finite number of at least 1", found=repr(ratio), remedy="1 keeps all classes as large"
        )
    if order not in ("index", "random"):
        raise InputError("order", must="be 'index' or 'random'", found=repr(order), remedy="take one of these")
    rng = np.random.default_rng(as_seed(random_state))
    classes, counts = np.unique(labels, return_counts=True)
    ranked = rng.permutation(classes) if order == "random" else classes
    parts = []
    for k, label in enumerate(ranked):
        rows = np.flatnonzero(labels == label)
        # 1e-9 compensates rounding errors: 4.9999... is 5
        count = int(counts.max() * ratio ** (-k / max(1, len(classes) - 1)) + 1e-9)
        parts.append(rng.permutation(rows)[: max(1, count)])
    return np.sort(np.concatenate(parts))
