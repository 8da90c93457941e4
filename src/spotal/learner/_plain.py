"""Rows without standardization, as modules of other libraries expect them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spotal.errors import ModelError
from spotal.learner.forward import forward
from spotal.learner.inputs import check_data
from spotal.numeric.arrays import blocks

__all__ = ["BATCH", "forwarded", "outputs", "plain_batch", "plain_rows"]

BATCH = 256


def plain_rows(X: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows as float32: features (n, d) unchanged, images (n, h, w, c) as (n, c, h, w), bytes scaled to 0..1."""
    data = check_data(X, "X")
    rows = data.astype(np.float32)
    if data.dtype == np.uint8:
        rows /= 255
    return np.ascontiguousarray(rows.transpose(0, 3, 1, 2)) if rows.ndim == 4 else rows


def plain_batch(X: NDArray[Any]) -> torch.Tensor:
    """Return :func:`plain_rows` as a tensor."""
    return torch.from_numpy(plain_rows(X))


def forwarded(
    module: nn.Module, X: NDArray[Any], n_classes: int, device: torch.device | str
) -> list[tuple[torch.Tensor, NDArray[np.float32]]]:
    """Return the scores and embeddings, float32, of each batch of rows; embeddings as in :func:`forward`."""
    results = []
    with torch.no_grad():
        for part in blocks(len(X), BATCH):
            scores, embedding = forward(module.eval(), plain_batch(X[part]).to(device), n_classes, None)
            assert embedding is not None
            results.append((scores.float(), embedding.float().cpu().numpy()))
    return results


def outputs(module: nn.Module, X: NDArray[Any]) -> int:
    """Return the number of scores that a torch module gives for each row. Raises ModelError."""
    training = module.training
    try:
        with torch.no_grad():
            scores = module.eval()(plain_batch(X[:2]))
    except Exception as error:  # a person's code
        raise ModelError(
            f"learner {type(module).__name__} failed on rows of shape {np.shape(X)[1:]} "
            f"({' '.join(str(error).split())[:200]}); give one that takes such rows"
        ) from None
    finally:
        module.train(training)
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2:
        raise ModelError(f"learner {type(module).__name__} must give one row of scores for each row; give (n, classes)")
    return int(scores.shape[1])
