"""Open a pool wherever it is: an array, a file, a folder of shards, a glob, a URI, or batches that come one by one."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError, OutputError, one_line
from spotal.numeric.arrays import check_matrix, is_tensor, to_numpy
from spotal.pool.array import ArrayPool
from spotal.pool.base import Pool, PoolLike
from spotal.pool.formats import FOLDERS, SHARD_SUFFIXES, open_shard
from spotal.pool.manifest import is_pool, read_manifest, read_shards
from spotal.pool.ray_data import is_ray_data, ray_pool
from spotal.pool.sharded import ShardedPool
from spotal.pool.shards import NpyShard, Shard
from spotal.storage.files import FULL
from spotal.tables.arrays import read_npy
from spotal.tables.columns import EMBEDDING_COLUMNS, features

__all__ = ["as_array", "as_pool", "bad_rows", "check_finite", "is_sharded", "open_pool", "spool"]

GLOB = set("*?[")
DATASET_ROWS = 4096
"""Rows that are taken at a time from a Hugging Face data set."""


def as_pool(pool: PoolLike) -> Pool:
    """Return a pool as it is; a path or URI opened; batches spooled; an array (n, d) checked but for its values.

    A ``ray.data.Dataset`` is read block by block in its cluster.
    """
    if isinstance(pool, Pool):
        return pool
    if is_ray_data(pool):
        return ray_pool(pool)
    if isinstance(pool, (str, os.PathLike)):
        return open_pool(pool)
    if isinstance(pool, Iterable) and not isinstance(pool, (list, tuple)) and not _is_array(pool):
        return ArrayPool(spool(pool))
    return ArrayPool(check_matrix(pool, "pool", finite=False))


def as_array(rows: Any) -> NDArray[Any]:
    """An array or tensor as numpy; a path, glob, URI, pool, or batches that come one by one, as a memory map.

    A .npy file is mapped as it is; anything else is copied to a temporary file first (:func:`spool`).
    """
    if isinstance(rows, (str, os.PathLike)):
        if not is_sharded(rows) and Path(rows).suffix.lower() == ".npy":
            return read_npy(Path(rows))
        rows = open_pool(rows)
    if is_ray_data(rows):
        rows = ray_pool(rows)
    if isinstance(rows, Pool):
        return spool(to_numpy(batch.points) for batch in rows.batches())
    if isinstance(rows, Iterable) and not isinstance(rows, (list, tuple)) and not _is_array(rows):
        return spool(rows)
    return to_numpy(rows)


def _is_array(x: Any) -> bool:
    return is_tensor(x) or hasattr(x, "__array__") or hasattr(x, "toarray") or hasattr(x, "__array_interface__")


def is_sharded(source: str | os.PathLike[str]) -> bool:
    """Whether a path, glob or URI stands for shards: not for one .npy, .npz or .csv file, nor a folder of images."""
    text = os.fspath(source)
    if "://" in text or GLOB & set(text):
        return True
    path = Path(text)
    if path.is_dir():
        return path.suffix.lower() in FOLDERS or any(_shards_in(path))
    return path.suffix.lower() in (".arrow", ".feather")


def _shards_in(folder: Path) -> Iterator[Path]:
    return (p for p in folder.iterdir() if p.suffix.lower() in SHARD_SUFFIXES and not p.name.startswith("."))


def open_pool(
    source: str | os.PathLike[str], *, id_column: str | None = None, others: tuple[str, ...] = ()
) -> ShardedPool:
    """Open a pool on disk or in a store, to be read a batch at a time.

    Parameters
    ----------
    source : str or path
        A .npy, .parquet, .arrow or .feather file, a .zarr store or a .lance data set; a folder of such files, or
        one that ``spotal embed`` wrote, which has ids; a glob; or a URI that fsspec understands, whose files are copied
        to a temporary folder first. Shards follow each other by name.
    id_column : str or None, the column of ids in tables; None for ``id`` where there is one
    others : columns of tables that are no features either, such as one of masses (:meth:`ShardedPool.column`)

    Returns
    -------
    ShardedPool

    Raises
    ------
    DataFileError
        Nothing is there, a file is missing, damaged or cut short, or shards differ in width or dtype.
    InputError
        A column is named that a shard does not have.
    """
    text = os.fspath(source)
    if "://" in text and not text.startswith("file://"):
        paths = _fetched(text)
    else:
        text = text.removeprefix("file://")
        path = Path(text)
        if GLOB & set(text) and not path.exists():
            paths = [Path(found) for found in sorted(glob.glob(text))]
        elif is_pool(path):
            if id_column is not None or others:
                raise InputError(
                    "others" if id_column is None else "id_column",
                    "was written by spotal embed and has ids, but no columns",
                    "name none",
                    subject=str(path),
                )
            return ShardedPool(_embedded(path))
        elif path.is_dir() and path.suffix.lower() not in FOLDERS:
            paths = sorted(_shards_in(path))
        else:
            paths = [path]
    if not paths:
        raise DataFileError(f"{source} has no shards; they are files that end in {', '.join(SHARD_SUFFIXES)}")
    return ShardedPool([open_shard(path, id_column, others) for path in paths])


def _embedded(folder: Path) -> list[Shard]:
    """What ``spotal embed`` wrote, as its manifest tells it."""
    manifest = read_manifest(folder)
    if not manifest.rows:
        raise DataFileError(f"{folder} has no embeddings in it yet; run spotal embed to its end")
    read_shards(folder, manifest)
    return [NpyShard(folder / shard.file, None, ids=folder / shard.ids) for shard in manifest.shards]


def _fetched(uri: str) -> list[Path]:
    """Local copies of the files that a URI stands for, which go when the process ends."""
    try:
        import fsspec
    except ImportError:
        raise DataFileError(f"{uri} needs fsspec, which is not installed: pip install spotal[remote]") from None
    folder = tempfile.TemporaryDirectory(prefix="spotal-")
    _folders.append(folder)
    try:
        system, path = fsspec.core.url_to_fs(uri)
        if GLOB & set(path):
            names = sorted(system.glob(path))
        elif system.isdir(path) and not path.endswith(FOLDERS):
            names = sorted(name for name in system.ls(path, detail=False) if name.lower().endswith(SHARD_SUFFIXES))
        else:
            names = [path]
        paths = []
        for name in names:
            target = Path(folder.name, name.rstrip("/").rsplit("/", 1)[-1])
            system.get(name, str(target), recursive=name.endswith(FOLDERS))
            paths.append(target)
    except (OSError, ValueError, ImportError) as error:
        said = one_line(error)
        if isinstance(error, OSError) and error.errno in FULL:
            raise OutputError(
                f"{tempfile.gettempdir()} cannot take a copy of {uri} ({said.lower()}); make room or set TMPDIR"
            ) from None
        raise DataFileError(
            f"{uri} cannot be fetched ({said or type(error).__name__}); check it and its extra"
        ) from None
    return paths


_folders: list[tempfile.TemporaryDirectory[str]] = []


def bad_rows(pool: Pool) -> NDArray[np.int64]:
    """Numbers of the rows that hold NaN, infinity or values beyond 1e19; int64 ascending. One pass."""
    found = [np.empty(0, np.int64)]
    for batch in pool.batches():
        values = to_numpy(batch.points)
        found.append(np.flatnonzero(~(np.abs(values) <= 1e19).all(1)) + batch.start)
    return np.concatenate(found)


def check_finite(pool: Pool) -> None:
    """Raise InputError, with the rows, unless all values are finite and within 1e19. One pass."""
    if isinstance(pool, ArrayPool):
        check_matrix(pool.array, "pool")
        return
    for batch in pool.batches():
        check_matrix(batch.points, "pool", where=lambda row, first=batch.start: pool.where(first + row))  # type: ignore[misc]


def spool(batches: Iterable[Any]) -> NDArray[Any]:
    """Write batches to a temporary file once, and map it: a loader that shuffles, or ends, can then be read again.

    Parameters
    ----------
    batches : iterable of arrays or tensors (k, d), of rows (d,), of dicts with one of these as ``embedding``, or of
        tuples whose first is one, as a PyTorch ``DataLoader`` gives; or a Hugging Face ``datasets`` object, whose
        columns are taken as those of a Parquet file (:func:`~spotal.pool.files.read_pool`)

    Returns
    -------
    np.memmap (n, d), of the batches' float type, float32 for integers. The file has no name any more: it goes with it.

    Raises
    ------
    InputError
        There is no batch, or one has another width or dtype than the first.
    OutputError
        The disk is full.
    """
    shape: tuple[int, np.dtype[Any]] | None = None
    rows = 0
    # without a buffer: what it could not write would be tried again, and fail again, when the file is closed
    with tempfile.TemporaryFile(prefix="spotal-", buffering=0) as file:
        for number, batch in enumerate(_parts(batches)):
            block = check_matrix(np.atleast_2d(to_numpy(_features(batch))), f"batch {number}", finite=False)
            if block.dtype.kind != "f":
                block = block.astype(np.float32)
            if shape is not None and (block.shape[1], block.dtype) != shape:
                raise InputError(
                    "batches",
                    must=f"have width {shape[0]} and dtype {shape[1]}, as the first",
                    found=f"width {block.shape[1]} and dtype {block.dtype}",
                    remedy="make them alike",
                    subject=f"batch {number}",
                )
            shape = block.shape[1], block.dtype
            rows += len(block)
            left = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError as error:
                raise OutputError(
                    f"{tempfile.gettempdir()} cannot take the pool's batches ({str(error.strerror).lower()} after "
                    f"{rows:,} rows); make room or set TMPDIR"
                ) from None
        if shape is None:
            raise InputError("pool", must="have a batch at least", found="none", remedy="check the loader")
        return np.memmap(file, dtype=shape[1], mode="r+", shape=(rows, shape[0]))


def _parts(batches: Iterable[Any]) -> Iterable[Any]:
    """The batches; those of a Hugging Face data set as tables, in which numbers keep their precision."""
    if not (hasattr(batches, "with_format") and hasattr(batches, "iter")):
        return batches
    name = Path("the data set")
    return (features(table, name) for table in batches.with_format("arrow").iter(DATASET_ROWS))


def _features(batch: Any) -> Any:
    if isinstance(batch, dict):
        name = next((name for name in EMBEDDING_COLUMNS if name in batch), None)
        if name is None:
            raise InputError("batches", must="have 'embedding' among their names", found=", ".join(map(str, batch)))
        batch = batch[name]
    return batch[0] if isinstance(batch, tuple) or (isinstance(batch, list) and _is_array(batch[0])) else batch
