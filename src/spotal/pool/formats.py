"""Formats of shards: file name endings and the classes that read them."""

from __future__ import annotations

from pathlib import Path

from spotal.errors import DataFileError
from spotal.pool.lance import LanceShard
from spotal.pool.shards import ArrowShard, NpyShard, Shard, TableShard, ZarrShard

__all__ = ["FOLDERS", "SHARD_SUFFIXES", "open_shard"]

_KINDS: dict[str, type[Shard]] = {
    ".npy": NpyShard,
    ".parquet": TableShard,
    ".arrow": ArrowShard,
    ".feather": ArrowShard,
    ".zarr": ZarrShard,
    ".lance": LanceShard,
}
FOLDERS = (".zarr", ".lance")
"""Endings of formats whose shards are folders."""
SHARD_SUFFIXES = tuple(_KINDS)


def open_shard(path: Path, id_column: str | None = None, others: tuple[str, ...] = ()) -> Shard:
    """Open a file as a shard, in the format of its ending.

    Raises DataFileError if the file is missing, damaged or has no matrix, and InputError if it lacks a column.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise DataFileError(f"{path} is no shard of a pool; its name must end in {', '.join(SHARD_SUFFIXES)}")
    return kind(path, id_column, others)
