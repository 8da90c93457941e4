"""Augmentation: random shifts and mirror images of a whole batch at once, in torch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from spotal.errors import InputError

__all__ = ["Augment", "choose_augment", "crop", "crop_flip"]

Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""Function from a batch (n, c, h, w) and a generator on the CPU to a batch of the same shape."""


def crop(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift each image (n, c, h, w) by up to an eighth of its size; the edge is repeated. O(n c h w)."""
    n, _, height, width = batch.shape
    y = _shifted(n, height, generator).to(batch.device)
    x = _shifted(n, width, generator).to(batch.device)
    rows = torch.arange(n, device=batch.device)
    # indexing around a slice puts channels last: move them back
    return batch[rows[:, None, None], :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def crop_flip(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift as ``crop`` does, and mirror each image left to right with probability one half. O(n c h w)."""
    flip = (torch.rand(len(batch), generator=generator) < 0.5).to(batch.device)
    shifted = crop(batch, generator)
    return torch.where(flip[:, None, None, None], shifted.flip(3), shifted)


def choose_augment(augment: str | Augment, shape: tuple[int, ...]) -> Augment | None:
    """Return the augmentation with this name, or None, for rows of ``shape``, (h, w, c) or (d,). Raises InputError."""
    if augment == "none" or (augment == "auto" and len(shape) == 1):
        return None
    if callable(augment):
        chosen: Augment = augment
        return chosen
    if augment not in ("auto", "crop", "crop-flip"):
        raise InputError(
            "augment",
            must="be 'auto', 'none', 'crop', 'crop-flip' or a function of a batch and a generator",
            found=repr(augment),
        )
    if len(shape) == 1:
        raise InputError(
            "augment", must=f"be 'auto', 'none' or a function for features (n, {shape[0]})", found=repr(augment)
        )
    return crop_flip if augment == "crop-flip" or (augment == "auto" and shape[2] == 3) else crop


def _shifted(n: int, size: int, generator: torch.Generator) -> torch.Tensor:
    """Return the source of each of ``size`` positions in n randomly shifted images, int64 (n, size)."""
    reach = size // 8
    shift = torch.randint(-reach, reach + 1, (n, 1), generator=generator)
    return (torch.arange(size) + shift).clamp(0, size - 1)
