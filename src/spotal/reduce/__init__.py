"""Projections of embeddings: to a few dimensions for a transport, and to the unit sphere for coverage."""

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
