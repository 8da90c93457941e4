"""Networks for images. ``get`` makes a network by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.errors import unknown_name
from spotal.lazy import lazily

_NAMES = {"resnet18": "ResNet18", "small-cnn": "SmallCNN"}
_HOMES = dict.fromkeys(_NAMES.values(), "spotal.learner.networks.convolutional")

__all__ = ["ResNet18", "SmallCNN", "get", "names"]

if TYPE_CHECKING:
    from torch import nn

    from spotal.learner.networks.convolutional import ResNet18, SmallCNN


def names() -> tuple[str, ...]:
    """Return the names that ``get`` takes, in alphabetical order, without importing torch."""
    return tuple(sorted(_NAMES))


def get(name: str, in_channels: int, n_classes: int) -> nn.Module:
    """Make a network by name.

    Parameters
    ----------
    name : str, one of ``names()``
    in_channels : int, channels of the images
    n_classes : int, outputs

    Returns
    -------
    torch.nn.Module, from (n, in_channels, height, width) to (n, n_classes)

    Raises
    ------
    InputError
        The name is unknown.
    """
    if name not in _NAMES:
        raise unknown_name("network", name, names())
    network: nn.Module = __getattr__(_NAMES[name])(in_channels, n_classes)
    return network


__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
