"""Forward pass that gives checked scores and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from spotal.errors import ModelError

__all__ = ["Embed", "forward", "multiplications"]

Embed = Callable[[nn.Module, torch.Tensor], torch.Tensor]
"""Function from a module and a batch on its device to embeddings (n, d)."""


def forward(
    network: nn.Module, batch: torch.Tensor, n_classes: int, embed: Embed | str | None, *, want_embedding: bool = True
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return scores (n, n_classes) and, if wanted, embeddings (n, d).

    With ``embed=None`` the embedding is the input of the last ``nn.Linear`` that runs, read by temporary hooks. Raises
    ModelError for a network that fails or has outputs of another shape.
    """
    embedding: Any = None
    hooks: list[Any] = []

    def keep(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal embedding
        embedding = args[0] if args else kwargs.get("input")

    if want_embedding and embed is None:
        linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
        hooks = [module.register_forward_pre_hook(keep, with_kwargs=True) for module in linear]
    try:
        scores = network(batch)
        if want_embedding and embed is not None:
            embedding = _embedder(network, embed)(batch)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        if isinstance(error, ModelError | torch.OutOfMemoryError):
            raise
        raise ModelError(
            f"network failed on a batch of shape {tuple(batch.shape)} ({' '.join(str(error).split())[:200]}); "
            "give one that takes such batches"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    _check(scores, "network", len(batch), n_classes, f"give one with {n_classes} outputs, the number of classes")
    if not want_embedding:
        return scores, None
    if embed is None and embedding is None:
        raise ModelError(
            "network has no torch.nn.Linear that runs, so there is nothing to embed with; pass embed=, a function of "
            "(module, batch) or the name of a method"
        )
    _check(embedding, "embed", len(batch), None, "pass embed= that gives one vector for each row")
    return scores, embedding


@contextmanager
def multiplications(network: nn.Module) -> Iterator[Callable[[int], int]]:
    """Count multiplications of forward passes in the context; yield a function from rows to about the count a row.

    Weights of linear and convolutional modules are counted; each parameter counts at least once for each row.
    """
    counts: list[int] = []

    def count(module: nn.Module, args: Any, output: Any) -> None:
        weight: Any = module.weight
        counts.append(weight.numel() * output.numel() // len(weight))

    weighed = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    hooks = [module.register_forward_hook(count) for module in network.modules() if isinstance(module, weighed)]
    try:
        yield lambda rows: max(sum(counts) // rows, sum(p.numel() for p in network.parameters()))
    finally:
        for hook in hooks:
            hook.remove()


def _embedder(network: nn.Module, embed: Embed | str) -> Callable[[torch.Tensor], Any]:
    if not isinstance(embed, str):
        return lambda batch: embed(network, batch)
    method: Callable[[torch.Tensor], Any] | None = getattr(network, embed, None)
    if method is None or not callable(method):
        raise ModelError(
            f"embed must be a method of the network, found {embed!r}, which {type(network).__name__} lacks; "
            "name one that it has or pass a function"
        )
    return method


def _check(output: Any, name: str, rows: int, columns: int | None, remedy: str) -> None:
    expected = f"({rows}, {'d' if columns is None else columns})"
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"{name} must return a tensor of shape {expected}, found {type(output).__name__}; {remedy}")
    if output.ndim != 2 or output.shape[0] != rows or columns not in (None, output.shape[1]):
        raise ModelError(f"{name} must return shape {expected}, found {tuple(output.shape)}; {remedy}")
