"""SmallCNN: three convolutions and a linear layer, quick to train on a CPU."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["SmallCNN"]


class SmallCNN(nn.Module):
    """Three blocks of 3 x 3 convolution, batch norm and ReLU, then an average over the image and a linear layer.

    The first two blocks halve the size before the norm, which is cheaper than after it.

    From (n, in_channels, height, width) to (n, n_classes); embeddings before the last layer have 4 width numbers.
    Made for images of 8 x 8 to 64 x 64; any size of at least 1 x 1 works.

    Parameters
    ----------
    in_channels : int
    n_classes : int
    width : int, channels of the first block; the second block has 2 width channels, the third 4 width
    """

    def __init__(self, in_channels: int, n_classes: int, width: int = 32) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _block(in_channels, width, nn.MaxPool2d(2, ceil_mode=True)),
            _block(width, 2 * width, nn.MaxPool2d(2, ceil_mode=True)),
            _block(2 * width, 4 * width, nn.Identity()),
        )
        self.head = nn.Linear(4 * width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, n_classes)."""
        logits: torch.Tensor = self.head(self.blocks(x).mean((2, 3)))
        return logits


def _block(inputs: int, outputs: int, pool: nn.Module) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, pool, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
