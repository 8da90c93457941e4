"""Pools: the rows to select from, in memory or in files, and their reading."""

from spotal.pool.array import ArrayPool
from spotal.pool.base import Batch, Pool, PoolLike
from spotal.pool.device import DEVICES, on_device
from spotal.pool.opening import as_array, as_pool, bad_rows, check_finite, is_sharded, open_pool
from spotal.pool.sharded import ShardedPool
from spotal.pool.spooling import spool

__all__ = [
    "DEVICES", "ArrayPool", "Batch", "Pool", "PoolLike", "ShardedPool", "as_array", "as_pool", "bad_rows",
    "check_finite", "is_sharded", "on_device", "open_pool", "spool",
]  # fmt: skip
