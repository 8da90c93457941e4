"""Pools: where the rows to choose from live, and how they are read."""

from spotal.pool.array import ArrayPool
from spotal.pool.base import Batch, Pool

__all__ = ["ArrayPool", "Batch", "Pool"]
