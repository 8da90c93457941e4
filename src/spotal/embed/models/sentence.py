"""Models of the sentence-transformers library."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from spotal.embed.models.base import need, unchanged, weights_hash
from spotal.errors import ModelError, one_line
from spotal.selection.provenance import describe

__all__ = ["SentenceModel"]


class SentenceModel:
    """A model that returns the vectors of ``SentenceTransformer.encode``. Raises ModelError."""

    takes = "text"
    channels, resizes = 3, False
    image_size: int | None = None
    prepare = staticmethod(unchanged)

    def __init__(self, source: Path | str, device: torch.device) -> None:
        try:
            library: Any = import_module("sentence_transformers")
        except ImportError as error:
            raise need("sentence-transformers", "sentence-transformers", source, error) from None
        try:
            options = {"local_files_only": isinstance(source, Path), "trust_remote_code": False}
            self.model = library.SentenceTransformer(str(source), device=str(device), **options)
        except Exception as error:  # the library passes on any error of its dependencies
            raise ModelError(
                f"model {source} cannot be loaded by sentence-transformers ({one_line(error)}); give a folder that it "
                "saved, or a name on the Hugging Face hub that can be reached from here"
            ) from None
        modules = [{"class": type(module).__name__} | describe(module.get_config_dict()) for module in self.model]
        self.recipe: dict[str, Any] = {
            "kind": "sentence-transformers",
            "modules": modules,
            "weights": weights_hash(self.model),
            "tokens": self.model.max_seq_length,
        }

    def __call__(self, batch: list[str]) -> torch.Tensor:
        """Return vectors (n, d)."""
        options = {"batch_size": len(batch), "convert_to_tensor": True, "show_progress_bar": False}
        vectors: torch.Tensor = self.model.encode(batch, **options)
        return vectors
