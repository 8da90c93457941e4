"""Embeddings before there is a model, for the first batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.arrays import block_rows, blocks

__all__ = ["cold_embeddings"]

COLD_DIM = 64
"""Maximum number of dimensions of these embeddings."""
COLD_SAMPLE = 10_000
"""Maximum number of rows to fit the embeddings on."""


def cold_embeddings(X: NDArray[Any], random_state: int) -> NDArray[np.float32]:
    """Return the first 64 principal components of the flattened rows of X, as embeddings without a model.

    Parameters
    ----------
    X : numbers (n, ...); rows of at most 64 numbers are returned unchanged
    random_state : int

    Returns
    -------
    float32 (n, min(64, d))

    Notes
    -----
    Fitted on at most 10,000 rows, by scikit-learn's randomized solver; X is read in blocks. O(n d).
    """
    width = int(np.prod(X.shape[1:]))

    def flat(rows: Any) -> NDArray[np.float32]:
        block: NDArray[np.float32] = X[rows].astype(np.float32)
        return block.reshape(len(block), width)

    if width <= COLD_DIM:
        return flat(slice(None))
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(random_state)
    sample = np.sort(rng.permutation(len(X))[:COLD_SAMPLE])
    pca = PCA(min(COLD_DIM, len(sample)), svd_solver="randomized", random_state=random_state).fit(flat(sample))
    return np.concatenate([pca.transform(flat(part)) for part in blocks(len(X), block_rows(width))], dtype=np.float32)
