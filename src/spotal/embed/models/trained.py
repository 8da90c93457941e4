"""An encoder that is trained on a pool without labels, followed by a principal component analysis."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.embed.models.base import weights_hash
from spotal.embed.simclr import make_network, recipe_for, train_encoder
from spotal.errors import InputError, ModelError, one_line
from spotal.numeric.device import find_device
from spotal.storage.files import atomic_path
from spotal.tables.json_lines import parse_json

__all__ = ["MOST_DIM", "TrainedEncoder"]

MOST_DIM = 128
LEAST_IMAGES = 16


class TrainedEncoder:
    """A map from images of one size to at most 128 principal components of a trained network's features.

    Attributes
    ----------
    recipe : dict, the network, epochs, seed, dim, shape of the training images and hash of the weights
    """

    FORMAT: ClassVar[str] = "spotal encoder 1"
    takes = "images"
    resizes = False
    prepare: Any = staticmethod(np.stack)

    def __init__(self, content: dict[str, Any], device: torch.device) -> None:
        self.content, self.device = content, device
        self.recipe: dict[str, Any] = parse_json(content["recipe"], "its recipe is no JSON")
        self.name = f"simclr-{self.recipe['network'].get('backbone', 'small')}"
        self.channels = int(content["channels"])
        self.image_size: int | None = int(content["image_size"])
        self.network = make_network(self.channels, self.recipe["network"])
        self.network.load_state_dict(content["state_dict"])
        self.network.eval().to(device)
        self._tensors = {name: content[name].to(device) for name in ("mean", "deviation", "center", "components")}

    def __call__(self, batch: NDArray[np.uint8]) -> torch.Tensor:
        """Return vectors (n, d)."""
        images = torch.from_numpy(np.array(batch)).to(self.device).float()
        scaled = (images - self._tensors["mean"]) / self._tensors["deviation"]
        features: torch.Tensor = self.network(scaled.permute(0, 3, 1, 2))
        vectors: torch.Tensor = (features.float() - self._tensors["center"]) @ self._tensors["components"].T
        return vectors

    @classmethod
    def of(cls, content: dict[str, Any], path: Path, device: torch.device) -> Self:
        """Make an encoder of the content of a file that ``save`` wrote. Raises ModelError."""
        try:
            return cls(content, device)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise ModelError(
                f"model {path} is no encoder that spotal saved ({one_line(error)}); train it again"
            ) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file that ``--model`` takes. The same encoder gives the same bytes."""
        buffer = io.BytesIO()  # given a path, torch would write its name into the file
        torch.save(self.content, buffer)
        with atomic_path(path) as part:
            part.write_bytes(buffer.getvalue())

    @classmethod
    def train(
        cls,
        images: NDArray[np.uint8],
        *,
        dim: int = 64,
        epochs: int = 20,
        seed: int = 0,
        backbone: str = "small",
        device: str = "auto",
        on_epoch: Callable[[int, float], object] | None = None,
    ) -> Self:
        """Train an encoder on images uint8 (n, size, size, channels), n >= 16. Raises InputError.

        ``dim`` is at most 128; the result has min(dim, n - 1, number of features) dimensions. ``backbone`` is "small"
        or "resnet18", which without a GPU has a quarter of its channels. Other arguments are those of
        :func:`spotal.embed.simclr.train_encoder`.
        """
        from sklearn.decomposition import PCA

        if len(images) < LEAST_IMAGES:
            raise InputError(
                "images", f"takes at least {LEAST_IMAGES} images, found {len(images)}", "add some",
                subject="training an encoder",
            )  # fmt: skip
        for name, value, most in (("dim", dim, MOST_DIM), ("epochs", epochs, 100_000)):
            if not 1 <= value <= most:
                raise InputError(name, must=f"lie in 1..{most}", found=value)
        network = recipe_for(backbone, find_device(device).type == "cuda")
        encoder = train_encoder(images, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch, recipe=network)
        features = encoder.embed(images).astype(np.float64)
        pca = PCA(min(dim, len(features) - 1, features.shape[1]), svd_solver="covariance_eigh").fit(features)
        recipe = options(network, dim, epochs, seed)
        recipe |= {"images": list(images.shape), "weights": weights_hash(encoder.network)}
        content = {
            "format": cls.FORMAT,
            "recipe": json.dumps(recipe, sort_keys=True),
            "channels": images.shape[3],
            "image_size": images.shape[1],
            "state_dict": {name: value.cpu() for name, value in encoder.network.state_dict().items()},
            "mean": torch.from_numpy(encoder.scale.mean).float(),
            "deviation": torch.from_numpy(encoder.scale.deviation).float(),
            "center": torch.from_numpy(pca.mean_).float(),
            "components": torch.from_numpy(np.ascontiguousarray(pca.components_)).float(),
        }
        return cls(content, encoder.device)


def options(network: dict[str, Any], dim: int, epochs: int, seed: int) -> dict[str, Any]:
    """Return the part of a recipe that the user chose."""
    return {"kind": "simclr", "network": network, "dim": dim, "epochs": epochs, "seed": seed}
