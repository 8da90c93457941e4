"""Embedders: from images to the vectors that a selection works on."""

from spotal.embed.base import Embedder
from spotal.embed.files import embed_images
from spotal.embed.pixels import PixelEmbedder
from spotal.embed.torch_model import TorchEmbedder

__all__ = ["Embedder", "PixelEmbedder", "TorchEmbedder", "embed_images"]
