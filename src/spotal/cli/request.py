"""What ``spotal select`` chooses from: a pool's file or folder with all that other files say about its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.cli.console import bar
from spotal.errors import BudgetError, DataFileError, InputError
from spotal.tables import PLAIN, TABLES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress

    from spotal.pool.base import Pool
    from spotal.pool.files import PoolFile
    from spotal.tables import Dialect

__all__ = ["PIXELS", "Request", "embed_request", "read_request"]

COLUMNS = {"mass": "mass_column", "cost": "cost_column", "groups": "group_column"}
"""Which argument of ``read_pool`` an option is where it names a column."""
VECTOR_SUFFIXES = (".npy", ".npz", ".txt", *TABLES)
PIXELS = "the pixels' principal components"
"""What images are embedded by where no model is given."""


@dataclass
class Request:
    """What there is to choose from.

    rows : int64 (n,) or a range, the rows of ``file`` that it has, fewer where images could not be read, of which
    ``skipped`` are; features : (n, d), None for images that are not embedded yet; labeled : int64 (m,), positions in
    ``rows``; labels : int64 (m,); mass, cost, groups : (n,); probabilities : (n, classes)
    """

    file: PoolFile
    rows: NDArray[np.int64] | range
    features: Any
    embedder: str | None
    skipped: int
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    mass: NDArray[np.float64] | None
    probabilities: Any
    cost: NDArray[np.float64] | None = None
    groups: NDArray[Any] | None = None


def read_request(
    source: str,
    labeled: Path | None,
    mass: str | None,
    id_column: str | None,
    probabilities: Path | None,
    skip_bad_rows: bool = False,
    device: str = "cpu",
    cost: str | None = None,
    groups: str | None = None,
    limit: Callable[[Pool], AbstractContextManager[Any]] = nullcontext,
    dialect: Dialect = PLAIN,
    strict: bool = False,
) -> Request:
    """Read all files, or open those that are shards; within ``limit``, what needs a pass over these.

    Raises DataFileError and InputError.
    """
    import numpy as np

    from spotal.datasets.splits import encode
    from spotal.pool import is_sharded
    from spotal.pool.files import read_indices, read_pool
    from spotal.pool.values import read_names, read_probabilities, read_vector

    pool = Path(source)
    sharded = is_sharded(source) or _is_big(pool) or skip_bad_rows
    values = {"mass": mass, "cost": cost, "groups": groups}
    files = {
        of: Path(name)
        for of, name in values.items()
        if name and (_is_file(name) or not (sharded or _has_columns(pool)))
    }
    columns: dict[str, Any] = {COLUMNS[of]: name for of, name in values.items() if name is not None and of not in files}
    bad = np.empty(0, np.int64)
    if sharded:
        file, bad = _open_shards(source, id_column, columns, skip_bad_rows, device, limit)
    else:
        strict_images = strict and pool.is_dir()
        file = read_pool(pool, id_column=id_column, dialect=dialect, strict=strict_images, **columns)
    n = len(file)
    request = Request(
        file,
        np.delete(np.arange(n + len(bad)), bad) if len(bad) else range(n),
        file.features,
        None,
        len(bad),
        np.empty(0, np.int64),
        None,
        file.mass,
        None,
        file.cost,
        _array(file.groups),
    )
    how: dict[str, Any] = {"id_column": id_column, "dialect": dialect}
    if labeled is not None:
        with _file_of("labeled"):
            key = _column_of(labeled, id_column, dialect)
            request.labeled, names = read_indices(labeled, n, file.ids, key, dialect=dialect)
        request.labels = None if names is None else encode(names)[0][0]
    if "mass" in files:
        with _file_of("mass"):
            request.mass = read_vector(files["mass"], n, file.ids, **how)
    if "cost" in files:
        with _file_of("cost"):
            request.cost = read_vector(files["cost"], n, file.ids, "cost", **how)
    if "groups" in files:
        with _file_of("groups"):
            request.groups = _array(read_names(files["groups"], n, file.ids, **how))
    if probabilities is not None:
        with _file_of("probabilities"):
            request.probabilities = read_probabilities(probabilities, n, file.ids, **how)
    return request


@contextmanager
def _file_of(option: str) -> Iterator[None]:
    """Say what is wrong with a file of the option that names it."""
    try:
        yield
    except DataFileError as error:
        raise DataFileError(f"--{option} {error}") from None
    except InputError as error:
        if not error.subject and error.argument.isidentifier():  # about another argument than the file
            raise
        raise error.renamed(option, f"--{option} {error.subject or error.argument}") from None


BIG = 1 << 28
"""Bytes from which one .npy or .parquet file is read as a shard, a batch at a time."""


def _is_big(pool: Path) -> bool:
    return pool.suffix.lower() in (".npy", ".parquet") and pool.is_file() and pool.stat().st_size >= BIG


def _open_shards(
    source: str,
    id_column: str | None,
    columns: dict[str, str],
    skip_bad_rows: bool,
    device: str,
    limit: Callable[[Pool], AbstractContextManager[Any]],
) -> tuple[PoolFile, Any]:
    """The shards as one pool on a device, without their bad rows where these are skipped; and which these are."""
    import numpy as np

    from spotal.numeric.arrays import check_weight
    from spotal.pool import ShardedPool, bad_rows, on_device, open_pool
    from spotal.pool.files import PoolFile
    from spotal.tables.columns import numbers, texts_of

    pool = open_pool(source, id_column=id_column, others=tuple(columns.values()))
    bad = np.empty(0, np.int64)
    if skip_bad_rows:
        with limit(pool):
            bad = bad_rows(pool)
        if len(bad) == len(pool):
            raise InputError("pool", "hold NaN or infinity", "repair them", subject=f"all {len(bad)} rows of {source}")
        pool = ShardedPool(pool.shards, bad)
    mass, cost = (
        None if (name := columns.get(of)) is None else numbers(pool.column(name, of), f"{source}, column {name!r},")
        for of in ("mass_column", "cost_column")
    )
    named = columns.get("group_column")
    groups: list[Any] | None = None
    if named is not None:
        groups = list(texts_of(pool.column(named, "group_column"), f"column {named!r}", Path(source)))
    check_weight(mass, len(pool), f"mass in {source}")
    check_weight(cost, len(pool), f"cost in {source}")
    return PoolFile(on_device(pool, device), pool.ids(), mass, "shards", cost=cost, groups=groups), bad


def _array(names: list[Any] | None) -> NDArray[Any] | None:
    """Names as objects, so that rows can be left out."""
    import numpy as np

    return None if names is None else np.array(names, dtype=object)


def _is_file(name: str) -> bool:
    return Path(name).is_file() or name.lower().endswith(VECTOR_SUFFIXES) or "/" in name


def _has_columns(pool: Path) -> bool:
    return not pool.is_dir() and pool.suffix.lower() != ".npy"


def _column_of(labeled: Path, id_column: str | None, dialect: Dialect) -> str | None:
    """The pool's column of ids where the labeled rows' table has one of that name too."""
    from spotal.tables import TABLES, read_table

    if id_column is None or labeled.suffix.lower() not in TABLES:
        return None
    return id_column if id_column in read_table(labeled, dialect).names else None


def embed_request(request: Request, budget: float, model: Path | None, strict: bool, bars: Progress) -> Request:
    """The same request with the features of its images, less those that cannot be read.

    Raises BudgetError before it begins where there are too few images, and what ``embed_images`` raises.
    """
    if request.file.paths is None:
        if model is not None:
            raise InputError(
                "model",
                f"embeds folders of images, found a pool of {request.file.kind}, embedded already",
                "leave it out",
            )
        return request
    import numpy as np

    from spotal.embed import PixelEmbedder, TorchEmbedder, embed_images

    paths = request.file.paths
    if request.cost is None and budget > len(paths) - len(request.labeled):
        raise BudgetError(
            "budget",
            must=f"be at most {len(paths) - len(request.labeled)}, the unlabeled images of this folder",
            found=budget,
            remedy="lower it",
        )
    embedder = PixelEmbedder() if model is None else TorchEmbedder(model)
    features, kept, skipped = embed_images(
        paths, embedder, strict=strict, progress=bar(bars, f"embedding {len(paths):,} images")
    )
    there = set(kept)
    is_kept = np.asarray([path in there for path in paths])
    position = np.cumsum(is_kept) - 1
    known = is_kept[request.labeled]
    return Request(
        request.file,
        np.flatnonzero(is_kept),
        features,
        PIXELS if model is None else embedder.name,
        len(skipped),
        position[request.labeled[known]],
        None if request.labels is None else request.labels[known],
        None if request.mass is None else request.mass[is_kept],
        None if request.probabilities is None else request.probabilities[is_kept],
        None if request.cost is None else request.cost[is_kept],
        None if request.groups is None else request.groups[is_kept],
    )
