"""Embedders: from images and texts to the vectors that a selection works on."""

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
    "Automatic",
    "Embedded",
    "Embedder",
    "Items",
    "PixelEmbedder",
    "TorchEmbedder",
    "choose_model",
    "embed_images",
    "embed_items",
    "model_before",
    "open_embedder",
    "open_items",
    "train_embedder",
]

_HOMES = {
    "Automatic": "automatic",
    "Embedded": "run",
    "Items": "items",
    "choose_model": "automatic",
    "embed_items": "run",
    "model_before": "choose",
    "open_embedder": "choose",
    "open_items": "items",
    "train_embedder": "choose",
}
"""Names that need torch or pyarrow at once."""

__getattr__, __dir__ = lazily(__name__, {name: f"spotal.embed.{home}" for name, home in _HOMES.items()}, __all__)
