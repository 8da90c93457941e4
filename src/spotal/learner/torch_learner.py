"""TorchLearner: any torch classifier as a learner, trained on few labels."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spotal.errors import DataFileError, InputError, ModelError, OutputError
from spotal.learner._augment import Augment, choose_augment
from spotal.learner.base import TrainingReport, check_labels
from spotal.learner.forward import Embed, forward, multiplications
from spotal.learner.inputs import Standardizer, check_data, row_shape
from spotal.learner.training import TrainingPlan, hold_out, reset_parameters, seeded, train
from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count
from spotal.numeric.device import find_device
from spotal.numeric.indicator import check_indicator
from spotal.numeric.threads import one_thread, threads_for
from spotal.storage.files import atomic_path

__all__ = ["TorchLearner"]

BACKWARD = 3
"""Multiplications of a forward and a backward pass for each of a forward pass."""


class TorchLearner:
    """A learner that wraps any ``torch.nn.Module`` that maps a batch to one score for each class.

    The network gets float32 batches, standardized by channel or feature: images (n, height, width, channels) arrive as
    (n, channels, height, width), features (n, d) unchanged. Every ``fit`` trains a new network: the result depends only
    on labels and seed, not on earlier fits.

    Parameters
    ----------
    network : torch.nn.Module or function without arguments that returns one
        Each fit trains a copy of the module. First the method ``reset_parameters`` of each submodule is called, with
        the seed set. A function is called before each fit, and the network that it returns is trained from its own
        weights: use a function to start from given weights.
    n_classes : int, at least 2
    multilabel : bool
        Whether items may have several classes, or none. Probabilities are then sigmoids of the scores, and the loss is
        the mean binary cross-entropy over classes.
    embed : function, str or None
        Source of embeddings: a function from (module, batch) to (n, d), the name of such a method of the module, or
        None for the input of the last ``torch.nn.Linear`` that runs.
    epochs : int, passes over the labels
    min_steps : int, minimum number of optimizer steps for any number of labels
    batch_size : int
    learning_rate, weight_decay : float, of AdamW; the learning rate is the maximum during training
    label_smoothing : float in [0, 1)
    augment : {"auto", "none", "crop", "crop-flip"} or function from (batch, torch.Generator) to a batch
        Shifts by up to an eighth of the size; mirrors left to right with probability one half. "auto" is "crop-flip"
        for images with 3 channels, "crop" for other images, "none" for features.
    early_stopping : bool
        Hold out a tenth of the labels, stop when their loss no longer falls, and use the best weights. This needs 50
        labels per class on average and at least 2 in each class. With fewer labels, all of them are used for training,
        because the loss on a very small held-out set is not reliable.
    patience : int, epochs without a better held-out loss before training stops
    normalize_from : array of the same kind as X, or None
        Source of mean and deviation (at most 20,000 rows); None for the labeled rows of each fit.
    device : str or torch.device; "auto" is CUDA if available, otherwise the CPU
    inference_batch_size : int or None, rows at a time outside training; None for batches of about 4 MiB

    Attributes
    ----------
    network_ : torch.nn.Module, the trained network, in eval mode
    embedding_dim_ : int
    history_ : list of TrainingReport, one for each epoch of the last fit
    n_held_out_ : int, labels held out in the last fit

    Notes
    -----
    The same labels in the same order and the same ``random_state`` give the same bits on a CPU with the same number of
    threads; on CUDA, cuDNN is deterministic during training. Global random state does not change. Steps of up to 2^28
    multiplications run on one thread, because on a busy machine several threads would wait for each other. Images are
    stored channels last. Training on CUDA uses bfloat16; inference uses float32. ``X`` may be a ``np.memmap``: only
    the rows of a batch are read.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019 (AdamW, cosine schedule).

    Examples
    --------
    >>> import numpy as np, torch
    >>> from spotal.learner import TorchLearner
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]], np.float32)
    >>> learner = TorchLearner(torch.nn.Linear(1, 2), n_classes=2, min_steps=100, embed=lambda module, batch: batch)
    >>> learner.fit(X, np.array([0, 0, 1, 1]), random_state=0).probabilities(X).argmax(1).tolist()
    [0, 0, 1, 1]
    """

    network_: nn.Module
    embedding_dim_: int
    history_: list[TrainingReport]
    n_held_out_: int

    def __init__(
        self,
        network: nn.Module | Callable[[], nn.Module],
        n_classes: int,
        *,
        multilabel: bool = False,
        embed: Embed | str | None = None,
        epochs: int = 20,
        min_steps: int = 1000,
        batch_size: int = 32,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.05,
        label_smoothing: float = 0.0,
        augment: str | Augment = "auto",
        early_stopping: bool = True,
        patience: int = 15,
        normalize_from: NDArray[Any] | None = None,
        device: str | torch.device = "auto",
        inference_batch_size: int | None = None,
    ) -> None:
        if not isinstance(network, nn.Module) and not callable(network):
            raise InputError(
                "network", must="be a torch.nn.Module or a function that returns one", found=type(network).__name__
            )
        for name, value, least in (
            ("n_classes", n_classes, 2),
            ("epochs", epochs, 1),
            ("min_steps", min_steps, 1),
            ("batch_size", batch_size, 1),
            ("patience", patience, 1),
            ("inference_batch_size", 1 if inference_batch_size is None else inference_batch_size, 1),
        ):
            check_count(value, name, least)
        if not learning_rate > 0 or not weight_decay >= 0 or not 0 <= label_smoothing < 1:
            raise InputError(
                "learning_rate",
                must="be positive, weight_decay at least 0 and label_smoothing in [0, 1)",
                found=f"{learning_rate}, {weight_decay} and {label_smoothing}",
            )
        choose_augment(augment, (1, 1, 1))
        # a copy, so that later changes by the caller have no effect
        self.network = copy.deepcopy(network) if isinstance(network, nn.Module) else network
        self.n_classes = int(n_classes)
        self.multilabel = bool(multilabel)
        self.embed = embed
        self.augment = augment
        self.early_stopping = early_stopping
        self.normalize_from = normalize_from
        self.device = find_device(device)
        self.inference_batch_size = inference_batch_size
        self.plan = TrainingPlan(
            epochs, min_steps, batch_size, float(learning_rate), float(weight_decay), float(label_smoothing), patience
        )

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.int64],
        *,
        random_state: int | None = None,
        on_epoch: Callable[[TrainingReport], object] | None = None,
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : images (n, height, width, channels), uint8 or float; or features (n, d); n >= 1
        y : int (n,), classes 0 .. n_classes - 1, which need not all occur; 0 and 1 (n, n_classes) with ``multilabel``
        random_state : int or None; None takes fresh entropy
        on_epoch : function of a TrainingReport, called after each epoch

        Returns
        -------
        TorchLearner, itself

        Raises
        ------
        InputError
            X or y has the wrong shape, dtype or range.
        ModelError
            The network fails on a batch, its output is not (n, n_classes), it has no source of embeddings, or its loss
            is not finite.

        Notes
        -----
        Takes max(min_steps, epochs n / batch_size) optimizer steps. An epoch is one pass over the labels, or several
        passes if there would be more than 40 epochs.
        """
        data = check_data(X, "X")
        check = check_indicator if self.multilabel else check_labels
        labels = check(y, len(data), self.n_classes)
        shape = row_shape(data)
        augment = choose_augment(self.augment, shape)
        scale = self._scale(data, shape)
        draw, split, order = (int(s) for s in np.random.SeedSequence(random_state).generate_state(3, np.uint32))
        with seeded(draw, self.device):
            network = self._fresh()
            dim, work = self._probe(network, shape)
            rows, held = np.arange(len(labels)), np.empty(0, np.int64)
            if self.early_stopping:
                rows, held = hold_out(labels, self.n_classes, split)
            with threads_for(BACKWARD * work * self.plan.batch_size):
                history = train(
                    network,
                    lambda part: scale.batch(data, part, self.device),
                    labels,
                    rows,
                    held,
                    self.plan,
                    augment=augment,
                    device=self.device,
                    seed=order,
                    on_epoch=on_epoch,
                )
        self.network_, self.embedding_dim_, self._fitted_scale, self._shape = network, dim, scale, shape
        self._work = work
        self.history_, self.n_held_out_ = history, len(held)
        return self

    def infer(self, X: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return class probabilities (n, n_classes) and embeddings (n, d) from one forward pass, float32.

        A function or method ``embed`` runs separately. X is read batch by batch.

        Raises
        ------
        InputError
            Rows of X differ in shape from those trained on.
        ModelError
            The learner has not been fitted, or the network fails on a batch.
        """
        probabilities, embeddings = self._infer(X, True)
        assert embeddings is not None
        return probabilities, embeddings

    def probabilities(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return class probabilities (n, n_classes), float32; rows sum to 1, except with ``multilabel``."""
        return self._infer(X, False)[0]

    def embeddings(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """Return embeddings (n, d), float32. Raises as ``infer`` does."""
        return self.infer(X)[1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trained weights and the scale of the inputs to a file, whole or not at all.

        Raises
        ------
        ModelError
            The learner has not been fitted.
        OutputError
            The file cannot be written.
        """
        self._check_fitted()
        content = {
            "format": 1,
            "n_classes": self.n_classes,
            "multilabel": self.multilabel,
            "shape": list(self._shape),
            "mean": torch.from_numpy(self._fitted_scale.mean),
            "deviation": torch.from_numpy(self._fitted_scale.deviation),
            "state": {name: value.cpu() for name, value in self.network_.state_dict().items()},
        }
        target = Path(path)
        try:
            with atomic_path(target) as part:
                torch.save(content, part)
        except RuntimeError as error:  # torch's, of a disk that gives out
            raise OutputError(f"path {target} cannot be written ({error}); give a path in a writable folder") from None

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Load the trained weights from a file that ``save`` wrote. The network must have the same architecture.

        The file is read as plain tensors, never as code.

        Raises
        ------
        DataFileError
            The file is missing or was not written by ``save``.
        ModelError
            The file's weights do not fit the network, or its number of classes differs.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # torch's, about how the file was written
                content = torch.load(path, map_location="cpu", weights_only=True)
            shape = tuple(int(size) for size in content["shape"])
            scale = Standardizer(content["mean"].numpy(), content["deviation"].numpy())
            state, n_classes = content["state"], content["n_classes"]
            multilabel = bool(content.get("multilabel", False))
        except Exception as error:  # a damaged file can raise anything, such as struct.error or IndexError
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataFileError(
                f"path {os.fspath(path)} cannot be read as a saved learner ({reason}); give a file that save wrote"
            ) from None
        if n_classes != self.n_classes:
            raise ModelError(
                f"path {os.fspath(path)} holds a learner of {n_classes} classes, expected {self.n_classes}; "
                "make the learner with the same n_classes"
            )
        if multilabel != self.multilabel:
            raise ModelError(
                f"path {os.fspath(path)} holds a learner with multilabel={multilabel}, expected {self.multilabel}; "
                "make the learner with the same multilabel"
            )
        with seeded(0, self.device):
            network = self._fresh()
            dim, work = self._probe(network, shape)
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise ModelError(
                f"path {os.fspath(path)} holds weights of another network ({' '.join(str(error).split())[:200]}); "
                "make the learner with the same network"
            ) from None
        self.network_, self.embedding_dim_, self._fitted_scale, self._shape = network.eval(), dim, scale, shape
        self._work = work
        self.history_, self.n_held_out_ = [], 0
        return self

    def _fresh(self) -> nn.Module:
        """Return an untrained network on the device, drawn from torch's global generators."""
        if isinstance(self.network, nn.Module):
            network = copy.deepcopy(self.network)
            reset_parameters(network)
        else:
            network = self.network()
            if not isinstance(network, nn.Module):
                raise ModelError(
                    f"network must return a torch.nn.Module, found {type(network).__name__}; return the module itself"
                )
        # channels last is 1.5 times as fast on a CPU too
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        placed: nn.Module = network.to(self.device)
        return placed

    def _scale(self, data: NDArray[Any], shape: tuple[int, ...]) -> Standardizer:
        if self.normalize_from is None:
            return Standardizer.of(data, "X")
        source = check_data(self.normalize_from, "normalize_from", shape)
        if len(source) == 0:
            raise InputError(
                "normalize_from", must="have at least one row", found="none", remedy="leave it out or give data"
            )
        if getattr(self, "_source_scale", None) is None:
            self._source_scale = Standardizer.of(source, "normalize_from")
        return self._source_scale

    @torch.no_grad()
    def _probe(self, network: nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
        """Check the network on two blank rows; return its embedding's width and about its multiplications a row."""
        inputs = (2, shape[2], *shape[:2]) if len(shape) == 3 else (2, *shape)
        network.eval()
        with one_thread(), multiplications(network) as count:
            _, embedding = forward(network, torch.zeros(inputs, device=self.device), self.n_classes, self.embed)
        assert embedding is not None
        return int(embedding.shape[1]), count(len(embedding))

    def _infer(self, X: NDArray[Any], embed: bool) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        self._check_fitted()
        data = check_data(X, "X", self._shape)
        probabilities = np.empty((len(data), self.n_classes), np.float32)
        embeddings = np.empty((len(data), self.embedding_dim_), np.float32) if embed else None
        budget = (1 << 20) * (8 if self.device.type == "cuda" else 1)
        size = self.inference_batch_size or int(np.clip(budget // int(np.prod(self._shape)), 32, 1024))
        self.network_.eval()
        with torch.inference_mode(), threads_for(self._work * size):
            for part in blocks(len(data), size):
                batch = self._fitted_scale.batch(data, part, self.device)
                logits, embedding = forward(self.network_, batch, self.n_classes, self.embed, want_embedding=embed)
                scores = logits.float()
                probabilities[part] = (scores.sigmoid() if self.multilabel else scores.softmax(1)).cpu().numpy()
                if embeddings is not None and embedding is not None:
                    embeddings[part] = embedding.float().cpu().numpy()
        return probabilities, embeddings

    def _check_fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise ModelError("the learner has not been fitted; call fit or load first")
