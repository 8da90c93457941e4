"""Convolutional networks for small images: SmallCNN, quick to train on a CPU, and ResNet18."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ResNet18", "SmallCNN"]


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


class ResNet18(nn.Module):
    """Residual network of 18 layers for 32 x 32 images.

    From (n, in_channels, height, width) to (n, n_classes); embeddings before the last layer have 8 width numbers.

    Parameters
    ----------
    in_channels : int
    n_classes : int
    width : int, channels of the first stage; each of the three later stages doubles the channels and halves the height
        and width

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, sections 3.3 and 4.2.
    """

    def __init__(self, in_channels: int, n_classes: int, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.stages = nn.Sequential(
            _Block(width, width, 1),
            _Block(width, width, 1),
            _Block(width, 2 * width, 2),
            _Block(2 * width, 2 * width, 1),
            _Block(2 * width, 4 * width, 2),
            _Block(4 * width, 4 * width, 1),
            _Block(4 * width, 8 * width, 2),
            _Block(8 * width, 8 * width, 1),
        )
        self.head = nn.Linear(8 * width, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, n_classes)."""
        x = self.stages(F.relu(self.norm(self.stem(x))))
        logits: torch.Tensor = self.head(x.mean((2, 3)))
        return logits


class _Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, a 1 x 1 convolution if the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))
