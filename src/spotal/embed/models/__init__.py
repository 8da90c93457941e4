"""Models: what may embed images or texts, in whichever form it was saved."""

from spotal.embed.models.base import Model
from spotal.embed.models.load import load_model

__all__ = ["Model", "load_model"]
