"""Embedder: the interface of everything that turns images into vectors."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError

__all__ = ["Embedder", "check_images"]


@runtime_checkable
class Embedder(Protocol):
    """Interface of a map from images to vectors of equal width.

    An embedder of gray images has the attribute ``channels = 1``. An embedder that is fitted to the pool has
    ``fit(images)`` and ``is_fitted``.
    """

    @property
    def name(self) -> str:
        """Name of the embedder, for records."""

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed images uint8 (n, height, width, channels) to float32 (n, d), with the same d in every call."""


def check_images(images: ArrayLike) -> NDArray[np.uint8]:
    """Return images as an array. Raises InputError unless they are uint8 (n, height, width, 1 or 3) and not empty."""
    array = np.asarray(images)
    if array.ndim != 4 or array.dtype != np.uint8 or array.shape[3] not in (1, 3) or not array.size:
        raise InputError(
            "images",
            must="be uint8 of shape (n, height, width, 1 or 3)",
            found=f"{array.dtype} of shape {array.shape}",
            remedy="convert them",
        )
    return array
