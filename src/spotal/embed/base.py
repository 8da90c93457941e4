"""Embedder: what turns images into vectors."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError

__all__ = ["Embedder", "check_images"]


@runtime_checkable
class Embedder(Protocol):
    """From uint8 images (n, height, width, channels) to float32 vectors (n, d), the same d in every call.

    ``name`` says what it is, for records. An embedder that wants gray images has an attribute ``channels`` of 1; one
    that learns from the pool first has ``fit(images)`` and says by ``is_fitted`` whether it has.
    """

    @property
    def name(self) -> str:
        """What it is."""
        ...

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings (n, d) of images (n, height, width, channels)."""
        ...


def check_images(images: ArrayLike) -> NDArray[np.uint8]:
    """Check uint8 images (n, height, width, channels), 1 or 3 channels, none empty. Raises InputError."""
    array = np.asarray(images)
    if array.ndim != 4 or array.dtype != np.uint8 or array.shape[3] not in (1, 3) or not array.size:
        raise InputError(
            "images",
            must="be uint8 of shape (n, height, width, 1 or 3)",
            found=f"{array.dtype} of shape {array.shape}",
            remedy="convert them",
        )
    return array
