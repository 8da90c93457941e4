"""LightningLearner: a lightning module as a learner."""

from __future__ import annotations

import copy
import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spotal.errors import ModelError
from spotal.learner._plain import forwarded, plain_batch
from spotal.learner.base import check_labels
from spotal.learner.training import reset_parameters, seeded

__all__ = ["LightningLearner"]


class LightningLearner:
    """A learner that wraps a ``LightningModule``; training uses the module's own steps and optimizers.

    Parameters
    ----------
    module : LightningModule whose ``forward`` gives scores (n, n_classes), or probabilities
        Each fit trains a copy. First the method ``reset_parameters`` of each submodule is called, with the seed set.
    n_classes : int
    epochs : int, passes over the labels; min_steps : int, minimum number of optimizer steps; batch_size : int
    trainer : dict or None, more parameters for ``lightning.Trainer``, such as ``{"accelerator": "cpu"}``

    Attributes
    ----------
    module_ : the trained copy, in eval mode

    Notes
    -----
    The module gets batches (rows, labels): float32 features unchanged, images (n, channels, height, width) scaled to
    0..1; int64 labels. Embeddings are the input of the last ``torch.nn.Linear`` that runs.
    """

    module_: Any

    def __init__(
        self,
        module: nn.Module,
        n_classes: int,
        *,
        epochs: int = 20,
        min_steps: int = 300,
        batch_size: int = 32,
        trainer: dict[str, Any] | None = None,
    ) -> None:
        self.module, self.n_classes = module, int(n_classes)
        self.epochs, self.min_steps, self.batch_size = epochs, min_steps, batch_size
        self.trainer = trainer

    def fit(self, X: NDArray[Any], y: NDArray[np.int64], *, random_state: int | None = None) -> Self:
        """Train a fresh copy on X (n, ...) and y (n,), classes 0 .. n_classes - 1. Raises InputError."""
        lightning: Any = import_module(
            "pytorch_lightning" if _home(self.module) == "pytorch_lightning" else "lightning"
        )
        rows = plain_batch(X)
        labels = torch.from_numpy(check_labels(y, len(rows), self.n_classes))
        draw, order = (int(seed) for seed in np.random.SeedSequence(random_state).generate_state(2, np.uint32))
        module = copy.deepcopy(self.module)
        data = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(rows, labels),
            batch_size=min(self.batch_size, len(rows)),
            shuffle=True,
            generator=torch.Generator().manual_seed(order),
        )
        plain: dict[str, Any] = dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        )
        steps = max(self.min_steps, self.epochs * math.ceil(len(rows) / self.batch_size))
        with seeded(draw, torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")), _quiet():
            reset_parameters(module)
            options = plain | {"max_steps": steps, "max_epochs": -1} | (self.trainer or {})
            lightning.Trainer(**options).fit(module, data)
        self.module_ = module.eval()
        return self

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class probabilities (n, n_classes) and embeddings (n, d), float32. Raises ModelError."""
        if not hasattr(self, "module_"):
            raise ModelError("the learner has not been fitted; call fit first")
        batches = forwarded(self.module_, X, self.n_classes, self.module_.device)
        probabilities = [_as_probabilities(scores).cpu().numpy() for scores, _ in batches]
        return np.concatenate(probabilities), np.concatenate([embedding for _, embedding in batches])

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes), float32, rows sum to 1. Raises ModelError."""
        return self.infer(X)[0]

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return embeddings (n, d), float32. Raises ModelError."""
        return self.infer(X)[1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trained module's weights to a file, as ``torch.save`` of its ``state_dict``."""
        torch.save(self.module_.state_dict(), path)


def _as_probabilities(scores: torch.Tensor) -> torch.Tensor:
    """Return the softmax of scores or logarithms of probabilities; return probabilities unchanged."""
    normalized = bool((scores >= 0).all()) and torch.allclose(
        scores.sum(1), torch.ones(len(scores), device=scores.device)
    )
    return scores if normalized else scores.softmax(1)


def _home(module: Any) -> str:
    return next(cls.__module__.split(".")[0] for cls in type(module).__mro__ if cls.__name__ == "LightningModule")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence lightning's remarks on the machine and on missing methods."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
