"""Hugging Face models of images and of text, from a folder or by their name on the hub."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.embed.models.base import need, on_device, weights_hash
from spotal.embed.models.hub import prefix_of, split_revision
from spotal.errors import ModelError, one_line

__all__ = ["HuggingFaceImages", "HuggingFaceText"]

MOST_TOKENS = 512
"""Where neither tokenizer nor model says how many tokens it takes."""


class _HuggingFace:
    """A model and its processor. Runs no code from a folder or the hub; a folder is never looked for elsewhere."""

    channels = 3
    resizes = True
    image_size: int | None = None

    def __init__(self, source: Path | str, device: torch.device, processor: str, what: str) -> None:
        try:
            transformers: Any = import_module("transformers")
        except ImportError as error:
            raise need("transformers", "hugging-face", source, error) from None
        quiet: Any = transformers.utils.logging
        shown = quiet.is_progress_bar_enabled()
        quiet.disable_progress_bar()  # it has a bar for each file of weights
        name, revision = (source, None) if isinstance(source, Path) else split_revision(source)
        options: dict[str, Any] = {"local_files_only": isinstance(source, Path), "trust_remote_code": False}
        if revision is not None:
            options["revision"] = revision
        try:
            self.model, told = transformers.AutoModel.from_pretrained(name, output_loading_info=True, **options)
            self.processor: Any = getattr(transformers, processor).from_pretrained(name, **options)
        except Exception as error:  # transformers raises whatever its parts raise
            known = f"a folder that save_pretrained wrote, of a {what}"
            if not isinstance(source, Path):
                known = (
                    f"a path that exists, or a name on the Hugging Face hub that can be reached from here, of a {what}"
                )
            raise ModelError(
                f"model {source} cannot be loaded by transformers ({one_line(error)}); give {known}"
            ) from None
        finally:
            if shown:
                quiet.enable_progress_bar()
        self.model.eval().to(device)
        self.device = device
        self.pooled = not any("pooler" in str(key) for key in told.get("missing_keys", ()))
        self.recipe: dict[str, Any] = {
            "kind": "hugging-face",
            "architecture": type(self.model).__name__,
            "weights": weights_hash(self.model),
            "processor": type(self.processor).__name__,
        }


class HuggingFaceImages(_HuggingFace):
    """From images of any size to one vector each: what the model itself calls its image features.

    That is ``get_image_features`` where the model has it, else its pooled output, unless the folder has no weights for
    the pooling layer; else the first token where there is a class token, and the mean over tokens or places where there
    is none. Raises ModelError.
    """

    takes = "images"

    def __init__(self, source: Path | str, device: torch.device) -> None:
        super().__init__(source, device, "AutoImageProcessor", "vision model and its image processor")
        self.class_token = any(key.endswith(("cls_token", "class_embedding")) for key in self.model.state_dict())
        size = getattr(self.model.config, "image_size", None)
        self.image_size = size if isinstance(size, int) else None
        told = self.processor.to_dict()
        self.recipe["settings"] = {
            name: told[name] for name in sorted(told) if name.startswith(("do_", "size", "crop"))
        }
        self.recipe["settings"] |= {name: told.get(name) for name in ("image_mean", "image_std", "resample")}
        self.prepare = _Pixels(self.processor)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> Any:
        """Vectors (n, d)."""
        inputs = on_device(batch, self.device)
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


class HuggingFaceText(_HuggingFace):
    """From texts to one vector each: ``get_text_features`` where the model has it, else the mean over its tokens.

    Texts longer than the model takes are cut. Of an encoder with a decoder only the encoder runs. Models of the e5
    family get "query: " before each text, as they were trained. Raises ModelError.
    """

    takes = "text"

    def __init__(self, source: Path | str, device: torch.device) -> None:
        super().__init__(source, device, "AutoTokenizer", "text model and its tokenizer")
        known = getattr(self.model.config, "max_position_embeddings", MOST_TOKENS)
        most = int(min(self.processor.model_max_length, known))
        self.recipe["tokens"] = most
        if self.processor.pad_token is None:  # a model that only continues texts has none; the mask hides it
            self.processor.pad_token = self.processor.eos_token
        prefix = prefix_of(str(source))
        if prefix:
            self.recipe["prefix"] = prefix
        self.prepare = _Tokens(self.processor, most, prefix)

    def __call__(self, batch: dict[str, NDArray[Any]]) -> Any:
        """Vectors (n, d)."""
        inputs = on_device(batch, self.device)
        if hasattr(self.model, "get_text_features"):
            output = self.model.get_text_features(**inputs)
            return getattr(output, "pooler_output", output)
        both = getattr(self.model.config, "is_encoder_decoder", False)
        tokens = (self.model.get_encoder() if both else self.model)(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None].to(tokens.dtype)
        return (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)


class _Pixels:
    def __init__(self, processor: Any) -> None:
        self.processor = processor

    def __call__(self, images: list[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
        colored = [np.repeat(image, 3, 2) if image.shape[2] == 1 else image for image in images]
        return _arrays(self.processor(images=colored, return_tensors="np"))


class _Tokens:
    def __init__(self, tokenizer: Any, most: int, prefix: str) -> None:
        self.tokenizer, self.most, self.prefix = tokenizer, most, prefix

    def __call__(self, texts: list[str]) -> dict[str, NDArray[Any]]:
        whole = [self.prefix + text for text in texts]
        return _arrays(self.tokenizer(whole, padding=True, truncation=True, max_length=self.most, return_tensors="np"))


def _arrays(prepared: Any) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(value) for name, value in prepared.items()}
