"""Hugging Face models of images and texts, from a folder or from the hub."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.embed.models.base import colored, on_device, weights_hash
from spotal.embed.models.hub import from_pretrained, prefix_of

__all__ = ["HuggingFaceImages", "HuggingFaceText"]

MOST_TOKENS = 512
"""Limit of tokens, if neither the tokenizer nor the model has one."""


class _HuggingFace(ABC):
    """A model and its processor. No code from the folder or the hub is run; a folder causes no network access."""

    kind: str
    channels = 3
    resizes = True
    image_size: int | None = None

    def __init__(self, source: Path | str, device: torch.device, processor: str, what: str) -> None:
        (self.model, loading), self.processor = from_pretrained(
            source, ("AutoModel", {"output_loading_info": True}), (processor, {}), of=f", of a {what}"
        )
        self.model.eval().to(device)
        self.device = device
        self.pooled = not any("pooler" in str(key) for key in loading.get("missing_keys", ()))
        self.recipe: dict[str, Any] = {
            "kind": "hugging-face",
            "architecture": type(self.model).__name__,
            "weights": weights_hash(self.model),
            "processor": type(self.processor).__name__,
        }

    @abstractmethod
    def _outputs(self, inputs: dict[str, torch.Tensor]) -> Any:
        """Return vectors (n, d) of a model without a method for features."""

    def __call__(self, batch: dict[str, NDArray[Any]]) -> Any:
        """Return vectors (n, d)."""
        inputs = on_device(batch, self.device)
        if hasattr(self.model, f"get_{self.kind}_features"):
            output = getattr(self.model, f"get_{self.kind}_features")(**inputs)
            return getattr(output, "pooler_output", output)
        return self._outputs(inputs)


class HuggingFaceImages(_HuggingFace):
    """A vision model, which gives one vector for an image of any size.

    The vector is the first of these that the model has: ``get_image_features``; the pooled output, if the file has
    weights for the pooling layer; the class token; the mean over tokens or positions. Raises ModelError.
    """

    takes, kind = "images", "image"

    def __init__(self, source: Path | str, device: torch.device) -> None:
        super().__init__(source, device, "AutoImageProcessor", "vision model and its image processor")
        self.class_token = any(key.endswith(("cls_token", "class_embedding")) for key in self.model.state_dict())
        size = getattr(self.model.config, "image_size", None)
        self.image_size = size if isinstance(size, int) else None
        config = self.processor.to_dict()
        settings = {name: config[name] for name in sorted(config) if name.startswith(("do_", "size", "crop"))}
        settings |= {name: config.get(name) for name in ("image_mean", "image_std", "resample")}
        self.recipe["settings"] = settings
        self.prepare = partial(_pixels, self.processor)

    def _outputs(self, inputs: dict[str, torch.Tensor]) -> Any:
        output = self.model(**inputs)
        pooled = getattr(output, "pooler_output", None)
        if self.pooled and pooled is not None:
            return pooled.flatten(1)
        last = output.last_hidden_state
        if last.ndim == 3:
            return last[:, 0] if self.class_token else last.mean(1)
        return last.mean((2, 3))


class HuggingFaceText(_HuggingFace):
    """A text model, which gives one vector for a text: ``get_text_features`` or else the mean over the tokens.

    Long texts are cut at the model's limit. A model with an encoder and a decoder runs its encoder only. Models of the
    e5 family get "query: " before each text, as in their training. Raises ModelError.
    """

    takes, kind = "text", "text"

    def __init__(self, source: Path | str, device: torch.device) -> None:
        super().__init__(source, device, "AutoTokenizer", "text model and its tokenizer")
        positions = getattr(self.model.config, "max_position_embeddings", MOST_TOKENS)
        most = int(min(self.processor.model_max_length, positions))
        self.recipe["tokens"] = most
        if self.processor.pad_token is None:  # as in models that continue texts; the mask hides the padding
            self.processor.pad_token = self.processor.eos_token
        prefix = prefix_of(str(source))
        if prefix:
            self.recipe["prefix"] = prefix
        self.prepare = partial(_tokens, self.processor, most, prefix)

    def _outputs(self, inputs: dict[str, torch.Tensor]) -> Any:
        has_decoder = getattr(self.model.config, "is_encoder_decoder", False)
        tokens = (self.model.get_encoder() if has_decoder else self.model)(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None].to(tokens.dtype)
        return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)


def _pixels(processor: Any, images: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
    return _arrays(processor(images=colored(images), return_tensors="np"))


def _tokens(tokenizer: Any, most: int, prefix: str, texts: list[str]) -> dict[str, NDArray[Any]]:
    whole = [prefix + text for text in texts]
    return _arrays(tokenizer(whole, padding=True, truncation=True, max_length=most, return_tensors="np"))


def _arrays(prepared: Any) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(value) for name, value in prepared.items()}
