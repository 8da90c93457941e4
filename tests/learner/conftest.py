from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks on busy cores: threads that wait for each other cost more than they give."""
    kept = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(kept)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits in random order: uint8 (n, 8, 8, 1) and int64 (n,)."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return (X * 15.9).astype(np.uint8).reshape(-1, 8, 8, 1)[order], y.astype(np.int64)[order]
