"""Items: images or texts to embed, read by row number from any source."""

from spotal.embed.items.base import Items
from spotal.embed.items.open import open_items

__all__ = ["Items", "open_items"]
