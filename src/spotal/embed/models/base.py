"""Model: a network, with the preparation of its inputs as a separate function that worker processes can run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from spotal.errors import ModelError, one_line

if TYPE_CHECKING:
    import torch
    from torch import nn

T = TypeVar("T")
Batch = Any
"""What a model's own ``prepare`` makes of a list of items: an array, arrays by name, or the list."""

__all__ = ["Batch", "Model", "colored", "need", "on_device", "unchanged", "weights_hash"]


class Model(Protocol):
    """A network on its device.

    Attributes
    ----------
    takes : {"images", "text"}
    channels : {1, 3}, of the images
    image_size : int or None, height and width of the images that it was trained on
    resizes : bool, whether ``prepare`` takes images of any size
    recipe : dict of JSON types, everything that determines the vector of an item
    """

    takes: str
    channels: int
    image_size: int | None
    resizes: bool
    recipe: dict[str, Any]

    @property
    def prepare(self) -> Callable[[list[Any]], Batch]:
        """A picklable function from a list of images uint8 (height, width, channels), or of texts, to numpy arrays."""

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return vectors (n, d), or maps (n, d, height, width), of a batch that ``prepare`` made."""


def unchanged(batch: T) -> T:
    """Return the argument: the preparation of a model that takes items as they are."""
    return batch


def colored(images: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return images (height, width, 3): the channel of gray images three times."""
    return [np.repeat(image, 3, 2) if image.shape[2] == 1 else image for image in images]


def weights_hash(module: nn.Module) -> str:
    """Return a hash of a module's weights, 16 hexadecimal digits, which does not depend on their file."""
    import torch

    digest = hashlib.blake2b(digest_size=8)
    for name, value in sorted(module.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def on_device(batch: dict[str, Any], device: torch.device) -> dict[str, torch.Tensor]:
    """Return a batch of named arrays as tensors on the device."""
    import torch

    return {name: torch.from_numpy(value).to(device, non_blocking=True) for name, value in batch.items()}


def need(package: str, extra: str, model: object, error: ImportError) -> ModelError:
    """Return the error for a package that is not installed."""
    return ModelError(f"model {model} needs {package} ({one_line(error)}); pip install 'spotal[{extra}]'")
