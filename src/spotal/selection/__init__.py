"""From a design in the cube, or a graph of neighbors, to rows of the pool."""

from spotal.selection.assignment import assigned_rows
from spotal.selection.base import Selection
from spotal.selection.estimate import Estimate, Sampling
from spotal.selection.nearest import nearest_rows

__all__ = ["Estimate", "Sampling", "Selection", "assigned_rows", "nearest_rows"]
