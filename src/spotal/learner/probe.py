"""Linear probe: logistic regression on fixed features."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.learner.base import Learner

__all__ = ["linear_probe"]

SCALE_ROWS = 10_000


def linear_probe(X: NDArray[Any], n_classes: int, many: bool = False) -> Learner:
    """Make a logistic regression with C = 1 on features scaled to an overall standard deviation of 1.

    Parameters
    ----------
    X : (n, d), the pool; about 10,000 rows are read
    n_classes : int
    many : bool, whether an item may have several classes, with one regression for each class

    Returns
    -------
    Learner, not fitted
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from spotal.learner import SklearnLearner

    deviation = float(X[:: max(1, len(X) // SCALE_ROWS)].std(dtype=np.float64)) or 1.0
    scaled = FunctionTransformer(partial(np.multiply, 1 / deviation))
    return SklearnLearner(make_pipeline(scaled, LogisticRegression(C=1.0, max_iter=500)), n_classes, multilabel=many)
