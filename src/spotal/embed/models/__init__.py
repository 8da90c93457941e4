"""Models of images and texts, and the loading of every form in which they are saved."""

from spotal.embed.models.base import Model
from spotal.embed.models.load import load_model

__all__ = ["Model", "load_model"]
