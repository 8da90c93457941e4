"""Embedders: from images and texts to the vectors that a selection works on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spotal.embed.base import Embedder
from spotal.embed.files import embed_images
from spotal.embed.pixels import PixelEmbedder
from spotal.embed.torch_model import TorchEmbedder

if TYPE_CHECKING:
    from spotal.embed.choose import open_embedder, train_embedder
    from spotal.embed.items import Items, open_items
    from spotal.embed.run import Embedded, embed_items

__all__ = [
    "Embedded",
    "Embedder",
    "Items",
    "PixelEmbedder",
    "TorchEmbedder",
    "embed_images",
    "embed_items",
    "open_embedder",
    "open_items",
    "train_embedder",
]

_HOMES = {
    "Embedded": "run",
    "Items": "items",
    "embed_items": "run",
    "open_embedder": "choose",
    "open_items": "items",
    "train_embedder": "choose",
}
"""Names that need torch or pyarrow at once."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spotal.embed' has no attribute {name!r}")
    return getattr(import_module(f"spotal.embed.{_HOMES[name]}"), name)
