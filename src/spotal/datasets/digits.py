"""The handwritten digits of scikit-learn: 1,797 images of 8 x 8, which need no download."""

from __future__ import annotations

import numpy as np

from spotal.datasets.base import Dataset
from spotal.datasets.splits import stratified

__all__ = ["load_digits"]

TEST_FRACTION = 0.3
SEED = 0


def load_digits() -> Dataset:
    """Load the digits as uint8 images (n, 8, 8, 1), with gray values 0..16 scaled to 0..255.

    The test part is a fixed sample of 30 % of each class.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.
    scikit-learn includes its test part.
    """
    from sklearn.datasets import load_digits as read

    values, labels = read(return_X_y=True)
    images = np.rint(values * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    y = labels.astype(np.int64)
    pool, test = stratified(y, TEST_FRACTION, SEED)
    return Dataset("digits", images[pool], y[pool], images[test], y[test], tuple("0123456789"))
