"""Opening of a pool: an array, a file, a folder of shards, a glob, a URI, or an iterable of batches."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError, OutputError, one_line
from spotal.numeric.arrays import check_matrix, to_numpy
from spotal.pool.array import ArrayPool
from spotal.pool.base import Pool, PoolLike
from spotal.pool.formats import FOLDERS, SHARD_SUFFIXES, open_shard
from spotal.pool.frames import index_of, is_frame, numbers_of
from spotal.pool.items import hugging_face_rows, is_hugging_face, is_torch_dataset, torch_rows
from spotal.pool.manifest import is_pool, read_manifest, read_shards
from spotal.pool.ray_data import is_ray_data, ray_pool
from spotal.pool.sharded import ShardedPool
from spotal.pool.shards import NpyShard, Shard
from spotal.pool.sparse import is_sparse, reduced
from spotal.pool.spooling import is_array, spool
from spotal.pool.texts import as_texts
from spotal.storage.files import FULL
from spotal.tables.arrays import read_npy
from spotal.tables.columns import features

__all__ = ["as_array", "as_pool", "bad_rows", "check_finite", "is_sharded", "open_pool", "spool"]

GLOB = set("*?[")


def as_pool(pool: PoolLike, *, column: str | None = None, random_state: int = 0) -> Pool:
    """Make a pool of any supported data.

    Parameters
    ----------
    pool : one of
        - a pool, which is returned unchanged; a path, glob or URI (:func:`open_pool`);
        - an array or tensor (n, d), which is neither copied nor read;
        - a scipy sparse matrix (n, d), such as TF-IDF, whose rows are reduced to 128 numbers by a truncated SVD and is
          never made dense (:func:`spotal.pool.sparse.reduced`);
        - a pandas or polars DataFrame of numbers; a pandas index becomes ``ids()`` of the pool;
        - a torch ``Dataset`` of vectors, or of tuples or dicts with a vector;
        - a Hugging Face ``Dataset``, an Arrow table, or a ``ray.data.Dataset``, which is read block by block in its
          cluster: the columns of numbers, or one called ``embedding``, ``embeddings`` or ``X``;
        - an iterable of batches, such as a ``DataLoader`` (:func:`spool`)
    column : str or None, the column of vectors in a frame or data set
    random_state : int, of the truncated SVD

    Raises
    ------
    InputError
        ``pool`` is none of these, a column has no numbers, or ``column`` does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import as_pool
    >>> len(as_pool(np.zeros((5, 3)))), as_pool(np.zeros((5, 3))).dim
    (5, 3)
    """
    if is_frame(pool):
        return ArrayPool(check_matrix(numbers_of(pool, "pool", column), "pool", finite=False), index_of(pool), pool)
    if is_hugging_face(pool):
        return as_pool(hugging_face_rows(pool, "pool", column))
    if is_torch_dataset(pool):
        return as_pool(torch_rows(pool, "pool", column))
    if column is not None:
        raise InputError(
            "column", must="be left out unless the pool is a DataFrame or a data set", found=repr(column),
            remedy="drop it",
        )  # fmt: skip
    if isinstance(pool, Pool):
        return pool
    if is_ray_data(pool):
        return ray_pool(pool)
    if is_sparse(pool):
        return ArrayPool(reduced(pool, "pool", random_state))
    if isinstance(pool, (str, os.PathLike)):
        return open_pool(pool)
    if _is_table(pool):
        return ArrayPool(features(pool, Path("the table")))
    if as_texts(pool) is not None:
        raise InputError(
            "pool", must="hold numbers", found="texts",
            remedy="embed them first, with scikit-learn's TfidfVectorizer or with spotal embed",
        )  # fmt: skip
    if _are_batches(pool):
        return ArrayPool(spool(pool))
    return ArrayPool(check_matrix(pool, "pool", finite=False))


def as_array(rows: PoolLike) -> NDArray[Any]:
    """Return an array, tensor, path, glob, URI, pool or iterable of batches as a numpy array.

    Arrays and tensors are not copied if possible, and a .npy file is memory-mapped. Other data are written to a
    temporary file and memory-mapped (:func:`spool`).

    Examples
    --------
    >>> import torch
    >>> from spotal.pool import as_array
    >>> as_array(torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    source: Any = rows
    if isinstance(source, (str, os.PathLike)):
        if not is_sharded(source) and Path(source).suffix.lower() == ".npy":
            return read_npy(Path(source))
        source = open_pool(source)
    if is_ray_data(source):
        source = ray_pool(source)
    if isinstance(source, Pool):
        return spool(to_numpy(batch.points) for batch in source.batches())
    if _is_table(source):
        return features(source, Path("the table"))
    return spool(source) if _are_batches(source) else to_numpy(source)


def _are_batches(x: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(x, Iterable) and not isinstance(x, (list, tuple)) and not is_array(x)


def _is_table(x: Any) -> bool:
    return type(x).__module__.split(".")[0] == "pyarrow" and hasattr(x, "column_names")


def is_sharded(source: str | os.PathLike[str]) -> bool:
    """Return whether ``source`` is a glob, a URI, a folder with shards, or a file in a format of shards only.

    Examples
    --------
    >>> from spotal.pool import is_sharded
    >>> is_sharded("features/*.npy"), is_sharded("features.npy")
    (True, False)
    """
    text = os.fspath(source)
    if "://" in text or GLOB & set(text):
        return True
    path = Path(text)
    if path.is_dir():
        return path.suffix.lower() in FOLDERS or any(_shards_in(path))
    return path.suffix.lower() in (".arrow", ".feather")


def _shards_in(folder: Path) -> Iterator[Path]:
    return (x for x in folder.iterdir() if x.suffix.lower() in SHARD_SUFFIXES and not x.name.startswith("."))


def open_pool(
    source: str | os.PathLike[str], *, id_column: str | None = None, others: tuple[str, ...] = ()
) -> ShardedPool:
    """Open a pool of files, to be read one batch at a time.

    Parameters
    ----------
    source : str or path
        A .npy, .parquet, .arrow or .feather file, a .zarr store or a .lance data set; a folder of such files, sorted by
        name; a folder that ``spotal embed`` wrote, which has ids; a glob; or a URI that fsspec supports, whose files
        are first copied to a temporary folder.
    id_column : str or None, the column of ids in tables; None for ``id`` if there is one
    others : other columns of tables that are not features, such as one of masses (:meth:`ShardedPool.column`)

    Returns
    -------
    ShardedPool

    Raises
    ------
    DataFileError
        There are no shards, a file is missing, damaged or truncated, or shards differ in width or dtype.
    InputError
        A shard does not have a named column.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from spotal.pool import open_pool
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "pool.npy"), np.eye(3))
    ...     print(len(open_pool(Path(folder, "pool.npy"))))
    3
    """
    text = os.fspath(source)
    if "://" in text and not text.startswith("file://"):
        paths = _fetched(text)
    else:
        text = text.removeprefix("file://")
        path = Path(text)
        if GLOB & set(text) and not path.exists():
            paths = [Path(match) for match in sorted(glob.glob(text))]
        elif is_pool(path):
            if id_column is not None or others:
                argument = "others" if id_column is None else "id_column"
                problem = "was written by spotal embed and has ids, but no columns"
                raise InputError(argument, problem, "name none", subject=str(path))
            return ShardedPool(_embedded(path))
        elif path.is_dir() and path.suffix.lower() not in FOLDERS:
            paths = sorted(_shards_in(path))
        else:
            paths = [path]
    if not paths:
        raise DataFileError(f"{source} has no shards; they are files that end in {', '.join(SHARD_SUFFIXES)}")
    return ShardedPool([open_shard(path, id_column, others) for path in paths])


def _embedded(folder: Path) -> list[Shard]:
    """Return the shards of a folder that ``spotal embed`` wrote."""
    manifest = read_manifest(folder)
    if not manifest.rows:
        raise DataFileError(f"{folder} has no embeddings in it yet; run spotal embed to its end")
    read_shards(folder, manifest)
    return [NpyShard(folder / shard.file, None, ids=folder / shard.ids) for shard in manifest.shards]


def _fetched(uri: str) -> list[Path]:
    """Return local copies of the files of a URI, which are deleted when the process ends."""
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
    """Return the rows with NaN, infinity or values beyond 1e19, int64 ascending, in one pass.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import as_pool, bad_rows
    >>> bad_rows(as_pool(np.array([[0.0], [np.nan], [1.0]]))).tolist()
    [1]
    """
    parts = (np.flatnonzero(~(np.abs(to_numpy(x.points)) <= 1e19).all(1)) + x.start for x in pool.batches())
    return np.concatenate([np.empty(0, np.int64), *parts])


def check_finite(pool: Pool) -> None:
    """Raise InputError, with the rows, unless all values are finite and within 1e19; one pass.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import as_pool, check_finite
    >>> check_finite(as_pool(np.eye(3)))
    """
    if isinstance(pool, ArrayPool):
        check_matrix(pool.array, "pool")
        return
    for batch in pool.batches():
        check_matrix(batch.points, "pool", where=lambda row, first=batch.start: pool.where(first + row))  # type: ignore[misc]
