"""Embedders, which turn images and texts into the vectors that a selection uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.embed.base import Embedder
from spotal.embed.files import embed_images
from spotal.embed.pixels import PixelEmbedder
from spotal.embed.torch_model import TorchEmbedder
from spotal.lazy import lazily

if TYPE_CHECKING:
    from spotal.embed.automatic import Automatic, choose_model
    from spotal.embed.choose import model_before, open_embedder, train_embedder
    from spotal.embed.items import Items, open_items
    from spotal.embed.run import Embedded, embed_items

__all__ = [
    "Automatic", "Embedded", "Embedder", "Items", "PixelEmbedder", "TorchEmbedder", "choose_model", "embed_images",
    "embed_items", "model_before", "open_embedder", "open_items", "train_embedder",
]  # fmt: skip

_LAZY = {
    "automatic": ("Automatic", "choose_model"),
    "choose": ("model_before", "open_embedder", "train_embedder"),
    "items": ("Items", "open_items"),
    "run": ("Embedded", "embed_items"),
}
"""Modules that import torch or pyarrow, and the names that come from them."""
_MODULES = {name: f"spotal.embed.{module}" for module, names in _LAZY.items() for name in names}
__getattr__, __dir__ = lazily(__name__, _MODULES, __all__)
