"""Models of the timm library: by name, with its own weights or a checkpoint's, or from a folder that timm wrote."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.embed.models.base import need, on_device, weights_hash
from spotal.errors import DataFileError, ModelError, one_line

__all__ = ["TimmModel"]


class TimmModel:
    """From images of any size to what the model gives before its classifier; prepared by timm's own transform.

    ``name`` is a model's name, a name with ``@`` and the path of a checkpoint, ``hf-hub:`` and a name on the Hugging
    Face hub with ``@`` and a revision or without, or a folder with ``config.json`` and weights, as timm saves them.
    Raises ModelError and DataFileError.
    """

    takes = "images"
    channels = 3
    resizes = True

    def __init__(self, name: str | Path, device: torch.device) -> None:
        try:
            timm: Any = import_module("timm")
        except (ImportError, RuntimeError) as error:  # torchvision that does not fit torch fails in its own way
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
            self.prepare = _Transformed(timm.data.create_transform(**settings, is_training=False))
        except Exception as error:  # an unknown name, a closed network, or weights that do not fit
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

    def __call__(self, batch: dict[str, NDArray[Any]]) -> Any:
        """Vectors (n, d)."""
        return self.model(on_device(batch, self.device)["images"])


class _Transformed:
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, images: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
        from PIL import Image

        plain = [np.repeat(image, 3, 2) if image.shape[2] == 1 else image for image in images]
        return {"images": np.stack([self.transform(Image.fromarray(image)).numpy() for image in plain])}
