"""Pools: where the rows to choose from live, and how they are read."""

from spotal.pool.array import ArrayPool, as_pool, check_finite
from spotal.pool.base import Batch, Pool

__all__ = ["ArrayPool", "Batch", "Pool", "as_pool", "check_finite"]
