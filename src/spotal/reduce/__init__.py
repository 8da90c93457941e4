"""Embeddings to the few dimensions in which they are transported."""

from spotal.reduce.dimension import choose_dimension
from spotal.reduce.leading import LeadingSpace
from spotal.reduce.pca import PCA

__all__ = ["PCA", "LeadingSpace", "choose_dimension"]
