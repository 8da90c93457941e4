"""Embeddings to the few dimensions in which they are transported, and to the sphere on which they are covered."""

from spotal.reduce.dimension import choose_dimension
from spotal.reduce.leading import LeadingSpace
from spotal.reduce.pca import PCA
from spotal.reduce.soft_sphere import SoftSphere

__all__ = ["PCA", "LeadingSpace", "SoftSphere", "choose_dimension"]
