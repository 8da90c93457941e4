"""Models of the timm library: by name, with its own weights or a checkpoint, or from a folder that timm wrote."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.embed.models.base import colored, need, on_device, weights_hash
from spotal.errors import DataFileError, ModelError, one_line

__all__ = ["TimmModel"]


class TimmModel:
    """A timm model without its classifier, and timm's own transform of images of any size.

    ``name`` is a model's name; ``NAME@CHECKPOINT`` with the path of a checkpoint; ``hf-hub:NAME`` or
    ``hf-hub:NAME@REVISION`` on the Hugging Face hub; or a folder that timm saved. Raises ModelError and DataFileError.
    """

    takes = "images"
    channels = 3
    resizes = True

    def __init__(self, name: str | Path, device: torch.device) -> None:
        try:
            timm: Any = import_module("timm")
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision does not match torch
            raise need("timm", "timm", name, ImportError(one_line(error))) from None
        options: dict[str, Any] = {}
        title = f"local-dir:{name}" if isinstance(name, Path) else name
        if isinstance(name, str) and "@" in name and not name.startswith("hf-hub:"):
            title, _, checkpoint = name.partition("@")
            if not Path(checkpoint).is_file():
                raise DataFileError(f"model {name} names the checkpoint {checkpoint}, which does not exist")
            options = {"pretrained_cfg_overlay": {"file": checkpoint}}
        try:
            self.model = timm.create_model(title, pretrained=True, num_classes=0, **options).eval().to(device)
            settings = timm.data.resolve_model_data_config(self.model)
            self.prepare = partial(_transformed, timm.data.create_transform(**settings, is_training=False))
        except Exception as error:  # for example an unknown name, no network, or weights that do not fit
            raise ModelError(
                f"model {name} cannot be loaded by timm ({one_line(error)}); give a name that timm.list_models knows, "
                "with @ and a checkpoint's path where its weights cannot be fetched"
            ) from None
        self.device = device
        self.image_size: int | None = int(settings["input_size"][-1])
        self.recipe: dict[str, Any] = {
            "kind": "timm",
            "architecture": type(self.model).__name__,
            "weights": weights_hash(self.model),
            "settings": {key: settings[key] for key in sorted(settings)},
        }

    def __call__(self, batch: dict[str, NDArray[Any]]) -> torch.Tensor:
        """Return vectors (n, d)."""
        vectors: torch.Tensor = self.model(on_device(batch, self.device)["images"])
        return vectors


def _transformed(transform: Any, images: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
    from PIL import Image

    return {"images": np.stack([transform(Image.fromarray(image)).numpy() for image in colored(images)])}
