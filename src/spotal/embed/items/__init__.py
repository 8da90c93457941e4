"""Items: what is embedded, images or texts, wherever they lie, read by number."""

from spotal.embed.items.base import Items
from spotal.embed.items.open import open_items

__all__ = ["Items", "open_items"]
