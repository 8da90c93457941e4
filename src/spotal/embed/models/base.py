"""Model: a network with the preparation of its inputs, apart, so that other processes can prepare."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from spotal.errors import ModelError, one_line

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Model", "need", "on_device", "weights_hash"]


class Model(Protocol):
    """A network on its device.

    Attributes
    ----------
    takes : {"images", "text"}
    channels : {1, 3}, of the images
    image_size : int or None, height and width that it was made for
    resizes : bool, whether ``prepare`` takes images of any size
    recipe : dict of JSON types, all that its vectors depend on besides the items
    """

    takes: str
    channels: int
    image_size: int | None
    resizes: bool
    recipe: dict[str, Any]

    @property
    def prepare(self) -> Any:
        """From a list of images, uint8 (height, width, channels), or of texts to a batch of numpy arrays.

        It can be pickled and knows nothing of the device.
        """
        ...

    def __call__(self, batch: Any) -> torch.Tensor:
        """Vectors (n, d), or maps (n, d, height, width), of a batch that ``prepare`` made."""
        ...


def weights_hash(module: nn.Module) -> str:
    """16 hexadecimal digits that stand for a module's weights, whatever file they came from. Reads them once."""
    import torch

    digest = hashlib.blake2b(digest_size=8)
    for name, value in sorted(module.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def on_device(batch: dict[str, Any], device: torch.device) -> dict[str, torch.Tensor]:
    """Arrays by name as tensors there."""
    import torch

    return {name: torch.from_numpy(value).to(device, non_blocking=True) for name, value in batch.items()}


def need(package: str, extra: str, model: object, error: ImportError) -> ModelError:
    """The sentence for a package that is not installed."""
    return ModelError(f"model {model} needs {package} ({one_line(error)}); pip install 'spotal[{extra}]'")
