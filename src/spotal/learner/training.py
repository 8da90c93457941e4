"""Training of a classifier on few labels, with warm-up, cosine decay and early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from spotal.errors import ModelError
from spotal.learner._augment import Augment
from spotal.learner.base import TrainingReport

__all__ = ["TrainingPlan", "hold_out", "reset_parameters", "seeded", "train"]

MOST_REPORTS = 40
"""Maximum number of epochs; if there would be more, an epoch is several passes over the labels."""
WARM_UP = 0.15
"""Share of the steps in which the learning rate rises."""
HELD_OUT = 0.1
LEAST_PER_CLASS = 50
"""Mean number of labels per class from which some are held out for early stopping."""

Batch = Callable[[NDArray[np.int64]], torch.Tensor]


@dataclass(frozen=True)
class TrainingPlan:
    """Parameters of training."""

    epochs: int
    min_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    patience: int


def hold_out(y: NDArray[np.int64], n_classes: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the rows of y into training and held-out rows, a tenth of each class held out.

    None are held out with fewer than 50 labels per class on average, or with fewer than 2 in a class. For an indicator
    matrix (n, n_classes), a tenth of the rows is held out.
    """
    if y.ndim == 2:
        if len(y) < LEAST_PER_CLASS * n_classes:
            return np.arange(len(y)), np.empty(0, np.int64)
        order = np.random.default_rng(seed).permutation(len(y))
        held = order[: round(HELD_OUT * len(y))]
        return np.setdiff1d(np.arange(len(y)), held), np.sort(held)
    counts = np.bincount(y, minlength=n_classes)
    if len(y) < LEAST_PER_CLASS * n_classes or counts.min() < 2:
        return np.arange(len(y)), np.empty(0, np.int64)
    rng = np.random.default_rng(seed)
    held = np.concatenate(
        [
            rng.permutation(np.flatnonzero(y == label))[: max(1, round(HELD_OUT * counts[label]))]
            for label in range(n_classes)
        ]
    )
    return np.setdiff1d(np.arange(len(y)), held), np.sort(held)


def reset_parameters(network: nn.Module) -> None:
    """Draw every parameter again from torch's global generators, submodules first."""

    def reset(module: nn.Module) -> None:
        draw = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
        if callable(draw):
            draw()

    network.apply(reset)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators and make cuDNN deterministic within the context; restore all afterwards."""
    on_cuda = device.type == "cuda"
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        # torch.manual_seed would also seed devices that are not forked
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        try:
            cudnn.deterministic, cudnn.benchmark = True, False
            yield
        finally:
            cudnn.deterministic, cudnn.benchmark = before


def train(
    network: nn.Module,
    batch: Batch,
    y: NDArray[np.int64],
    train_rows: NDArray[np.int64],
    held_rows: NDArray[np.int64],
    plan: TrainingPlan,
    *,
    augment: Augment | None,
    device: torch.device,
    seed: int,
    on_epoch: Callable[[TrainingReport], object] | None,
) -> list[TrainingReport]:
    """Train the network in place and set it to eval mode, with the weights of lowest held-out loss if labels are held
    out.

    The loss is cross-entropy for classes y (n,), and binary cross-entropy for an indicator matrix (n, n_classes).

    AdamW; the learning rate rises linearly over the first 15 % of the steps, then falls to zero as a cosine; bfloat16
    on CUDA. Raises ModelError when the loss is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    order = _endless(train_rows, max(2, min(plan.batch_size, len(train_rows))), np.random.default_rng(seed))
    a_pass = math.ceil(len(train_rows) / plan.batch_size)
    steps = max(plan.min_steps, plan.epochs * a_pass)
    epoch_steps = max(a_pass, math.ceil(steps / MOST_REPORTS))
    epochs = math.ceil(steps / epoch_steps)
    optimizer = _optimizer(network, plan)
    targets = torch.from_numpy(y).to(device)
    reports: list[TrainingReport] = []
    best_loss, best_epoch, best_state = math.inf, 0, None
    step = 0
    for epoch in range(1, epochs + 1):
        network.train()
        total, first = torch.zeros((), device=device), step
        for step in range(first + 1, min(first + epoch_steps, steps) + 1):
            rows = next(order)
            inputs = batch(rows)
            if augment is not None:
                inputs = augment(inputs, generator)
            rate = _rate(step, steps) * plan.learning_rate
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(inputs)
            chosen = targets[torch.from_numpy(rows).to(device)]
            loss = _loss_of(logits.float(), chosen, plan.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        mean = float(total) / (step - first)
        if not math.isfinite(mean):
            raise ModelError(
                f"network has a training loss of {mean} in epoch {epoch}; lower learning_rate "
                f"(now {plan.learning_rate:g}) or look for a division or logarithm of zero in the network"
            )
        network.eval()
        held_loss = _loss(network, batch, targets, held_rows) if len(held_rows) else None
        reports.append(TrainingReport(epoch, epochs, mean, held_loss))
        if on_epoch is not None:
            on_epoch(reports[-1])
        if held_loss is None:
            continue
        if held_loss < best_loss:
            best_loss, best_epoch = held_loss, epoch
            best_state = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best_epoch >= plan.patience:
            break
    if best_state is not None:
        network.load_state_dict(best_state)
    network.eval()
    return reports


def _endless(rows: NDArray[np.int64], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield batches of exactly ``size`` rows from repeated random orders."""
    queue = np.empty(0, np.int64)
    while True:
        while len(queue) < size:
            queue = np.concatenate([queue, rng.permutation(rows)])
        yield queue[:size]
        queue = queue[size:]


def _rate(step: int, steps: int) -> float:
    """Return the learning rate at step 1 .. steps as a share of its greatest value."""
    warm = max(1, round(WARM_UP * steps))
    if step <= warm:
        return step / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm + 1)))


def _optimizer(network: nn.Module, plan: TrainingPlan) -> torch.optim.Optimizer:
    """Return AdamW with weight decay for weights, but not for biases and norms."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=plan.learning_rate)


def _loss_of(logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Return the mean loss of scores (b, n_classes) for classes (b,) or an indicator matrix (b, n_classes)."""
    if targets.ndim == 1:
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    return F.binary_cross_entropy_with_logits(logits, targets.float() * (1 - smoothing) + smoothing / 2)


@torch.no_grad()
def _loss(network: nn.Module, batch: Batch, targets: torch.Tensor, rows: NDArray[np.int64]) -> float:
    """Return the mean negative log-likelihood of these rows."""
    total = 0.0
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        logits = network(batch(part)).float()
        chosen = targets[torch.from_numpy(part).to(targets.device)]
        if targets.ndim == 2:
            total += len(part) * float(_loss_of(logits, chosen, 0.0))
        else:
            total += float(F.cross_entropy(logits, chosen, reduction="sum"))
    return total / len(rows)
