"""Long tails: keep fewer and fewer rows of each next class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import as_array
from spotal.numeric.seeds import Seed, as_seed

__all__ = ["long_tail"]


def long_tail(y: ArrayLike, ratio: float, random_state: Seed = None, *, order: str = "index") -> NDArray[np.int64]:
    """Rows of a subset whose class counts fall exponentially from the first class to the last.

    The k-th of K classes keeps ``n_max * ratio ** (-k / (K - 1))`` rows, rounded down, at least 1 and at most what it
    has; ``n_max`` is the count of the largest class. A ratio of 100 leaves the most frequent class 100 times the
    rarest.

    Parameters
    ----------
    y : int (n,), labels
    ratio : float, at least 1
    random_state : int, numpy generator or None, which rows are kept and, for ``order="random"``, which class is rare
    order : {"index", "random"}, whether classes get rarer by their label or in a random order

    Returns
    -------
    int64 (m,), row numbers, ascending

    Raises
    ------
    InputError
        y is empty or not a vector of integers, or the ratio or the order is not one of the above.

    References
    ----------
    Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, "Class-balanced loss based on effective number of samples", CVPR
    2019, section 5.1.
    """
    labels = as_array(y, "y")
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "ui":
        raise InputError(
            "y",
            must="be a vector of integer labels",
            found=f"dtype {labels.dtype} of shape {labels.shape}",
            remedy="give one a row",
        )
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float, np.number)) or not 1 <= ratio < np.inf:
        raise InputError(
            "ratio", must="be a finite number of at least 1", found=repr(ratio), remedy="1 keeps all classes as large"
        )
    if order not in ("index", "random"):
        raise InputError("order", must="be 'index' or 'random'", found=repr(order), remedy="take one of these")
    rng = np.random.default_rng(as_seed(random_state))
    classes, counts = np.unique(labels, return_counts=True)
    ranked = rng.permutation(classes) if order == "random" else classes
    kept = []
    for k, label in enumerate(ranked):
        rows = np.flatnonzero(labels == label)
        # the small number keeps 4.9999... that is a rounded 5 from becoming 4
        wanted = int(counts.max() * ratio ** (-k / max(1, len(classes) - 1)) + 1e-9)
        kept.append(rng.permutation(rows)[: max(1, wanted)])
    return np.sort(np.concatenate(kept))
