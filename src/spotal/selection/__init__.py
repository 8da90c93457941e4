"""Selections: picked rows of a pool, their cells and estimates. Graph of neighbors and greedy coverage."""

from spotal.selection.assignment import assigned_rows
from spotal.selection.base import Selection
from spotal.selection.estimate import Estimate, Sampling
from spotal.selection.nearest import nearest_rows

__all__ = ["Estimate", "Sampling", "Selection", "assigned_rows", "nearest_rows"]
