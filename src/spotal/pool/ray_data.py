"""Ray Data sets as pools, whose blocks are read by the worker that needs them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from spotal.errors import DataFileError
from spotal.pool.file_signature import FileSignature
from spotal.pool.sharded import ShardedPool
from spotal.pool.shards import TableShard
from spotal.tables.columns import EMBEDDING_COLUMNS, features

if TYPE_CHECKING:
    import ray

__all__ = ["is_ray_data", "ray_pool"]


def is_ray_data(source: object) -> TypeGuard[ray.data.Dataset]:
    """Return whether it is a ``ray.data.Dataset``, without importing Ray."""
    return type(source).__module__.startswith("ray.data.") and hasattr(source, "to_arrow_refs")


def ray_pool(dataset: ray.data.Dataset) -> ShardedPool:
    """Make a pool of a ``ray.data.Dataset``, with its blocks in order. They are computed once and stay in the cluster.

    The features are the columns of numbers, or one column of lists or tensors called ``embedding``, ``embeddings``,
    ``X`` or ``data``.

    Raises
    ------
    DataFileError
        There is no row, or blocks differ in width or dtype.
    """
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    try:
        refs = dataset.to_arrow_refs()
    finally:
        options.preserve_order = before
    ray: Any = import_module("ray")
    infos = ray.get([ray.remote(_info).remote(ref) for ref in refs])
    blocks = [_Block(k, ref, *info) for k, (ref, info) in enumerate(zip(refs, infos, strict=True)) if info[0]]
    if not blocks:
        raise DataFileError("the Ray data set has no rows; give one that has some")
    return ShardedPool(blocks)


def _info(table: Any) -> tuple[int, int, np.dtype[Any], list[str]]:
    """Return rows, width, dtype and column names of a block. Runs on a worker."""
    if not table.num_rows:
        return 0, 0, np.dtype(np.float32), []
    sample = features(_plain(table.slice(0, 1)), Path("the Ray data set"))
    return table.num_rows, sample.shape[1], sample.dtype, table.column_names


def _plain(table: Any) -> Any:
    """Return the table with tensors as lists; Ray's column ``data`` of tensors is renamed to ``embedding``."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            name = field.name
            if name == "data" and not set(EMBEDDING_COLUMNS) & set(table.column_names):
                name = EMBEDDING_COLUMNS[0]
            chunks = [chunk.storage for chunk in table.column(place).chunks]
            table = table.set_column(place, name, pa.chunked_array(chunks, field.type.storage_type))
    return table


class _Block(TableShard):
    """One block, an immutable table in the cluster's memory."""

    def __init__(self, number: int, ref: Any, rows: int, width: int, dtype: np.dtype[Any], names: list[str]) -> None:
        self.path, self.ref, self.rows, self.width, self.dtype = Path(f"block {number}"), ref, rows, width, dtype
        self.id_column, self.others = "id" if "id" in names else None, ()
        self.ends = np.array([rows])
        self.signature = _Fixed(rows, str(ref.hex()))

    def _parts(self, first: int, last: int, columns: list[str] | None, rows: int) -> Iterator[Any]:
        ray: Any = import_module("ray")
        table = _plain(ray.get(self.ref))
        yield from (table if columns is None else table.select(columns)).to_batches(max_chunksize=rows)


class _Fixed(FileSignature):
    """The signature of an immutable block."""

    def __init__(self, size: int, ends: str) -> None:
        self.size, self.ends = size, ends

    def check(self) -> None:
        """Do nothing: a block never changes."""
