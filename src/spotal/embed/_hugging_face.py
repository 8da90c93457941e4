"""A Hugging Face vision model from a folder on this machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["HuggingFaceModel"]


class HuggingFaceModel:
    """From uint8 images (n, height, width, 3) to one vector each: what the model itself calls its image features.

    That is ``get_image_features`` where the model has it, else its pooled output, unless the folder has no weights for
    the pooling layer; else the first token where there is a class token, and the mean over tokens or places where there
    is none. Never fetches anything and never runs code from the folder. Raises ModelError.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        try:
            transformers: Any = import_module("transformers")
        except ImportError as error:
            raise ModelError(
                f"model {folder} is a Hugging Face model, which needs transformers ({error}); "
                "pip install 'spotal[hugging-face]'"
            ) from None
        try:
            self.model, told = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
            self.processor: Any = transformers.AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # transformers raises whatever its parts raise
            raise ModelError(
                f"model {folder} cannot be loaded by transformers ({' '.join(str(error).split())[:200]}); give a "
                "folder that save_pretrained wrote, of a vision model and its image processor"
            ) from None
        self.model.eval().to(device)
        self.device = device
        self.pooled = not any("pooler" in str(key) for key in told.get("missing_keys", ()))
        self.class_token = any(key.endswith(("cls_token", "class_embedding")) for key in self.model.state_dict())
        size = getattr(self.model.config, "image_size", None)
        self.image_size: int | None = size if isinstance(size, int) else None

    def __call__(self, images: NDArray[np.uint8]) -> Any:
        """Vectors (n, d), a float tensor."""
        inputs = self.processor(images=list(images), return_tensors="pt").to(self.device)
        if hasattr(self.model, "get_image_features"):
            output = self.model.get_image_features(**inputs)
            return getattr(output, "pooler_output", output)
        output = self.model(**inputs)
        pooled = getattr(output, "pooler_output", None)
        if self.pooled and pooled is not None:
            return pooled.flatten(1)
        last = output.last_hidden_state
        if last.ndim == 3:
            return last[:, 0] if self.class_token else last.mean(1)
        return last.mean((2, 3))
