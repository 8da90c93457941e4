"""Embeddings to the few dimensions in which they are transported, and to the sphere on which they are covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.lazy import lazily
from spotal.reduce.dimension import choose_dimension
from spotal.reduce.leading import LeadingSpace
from spotal.reduce.soft_sphere import SoftSphere

if TYPE_CHECKING:
    from spotal.reduce.pca import PCA

__all__ = ["PCA", "LeadingSpace", "SoftSphere", "choose_dimension"]

__getattr__, __dir__ = lazily(__name__, {"PCA": "spotal.reduce.pca"}, __all__)
