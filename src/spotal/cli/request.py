"""Input of ``spotal select``: a pool, and the labels, weights, prices, groups and probabilities of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.cli.console import bar
from spotal.errors import BudgetError, DataFileError, InputError
from spotal.tables import PLAIN, TABLES, Dialect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress

    from spotal.pool.base import Pool
    from spotal.pool.files import PoolFile

__all__ = ["PIXELS", "Request", "embed_request", "read_request"]

COLUMNS = {"mass": "mass_column", "cost": "cost_column", "groups": "group_column"}
"""Argument of ``read_pool`` for each option that can name a column."""
VECTOR_SUFFIXES = (".npy", ".npz", ".txt", *TABLES)
PIXELS = "the pixels' principal components"
"""Name of the embedding of images without a model."""


@dataclass
class Request:
    """The input of a selection.

    rows : int64 (n,) or a range, the usable rows of ``file``; features : (n, d), or None before images are embedded;
    skipped : number of unusable rows or images; labeled : int64 (m,), positions in ``rows``; labels : int64 (m,);
    mass, cost, groups : (n,); probabilities : (n, classes)
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
    """Read all files; large pools are opened as shards. ``limit`` is the memory limit for a pass over shards.

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
        file = read_pool(pool, id_column=id_column, dialect=dialect, strict=strict and pool.is_dir(), **columns)
    n = len(file)
    rows = np.delete(np.arange(n + len(bad)), bad) if len(bad) else range(n)
    unlabeled, groups_of = np.empty(0, np.int64), _array(file.groups)
    request = Request(file, rows, file.features, None, len(bad), unlabeled, None, file.mass, None, file.cost, groups_of)
    how: dict[str, Any] = {"id_column": id_column, "dialect": dialect}
    if labeled is not None:
        with _file_of("labeled"):
            key = _column_of(labeled, id_column, dialect)
            request.labeled, names = read_indices(labeled, n, file.ids, key, dialect=dialect)
        request.labels = None if names is None else encode(names)[0][0]
    for name, path in files.items():
        with _file_of(name):
            if name == "groups":
                request.groups = _array(read_names(path, n, file.ids, **how))
            else:
                setattr(request, name, read_vector(path, n, file.ids, name, **how))
    if probabilities is not None:
        with _file_of("probabilities"):
            request.probabilities = read_probabilities(probabilities, n, file.ids, **how)
    return request


@contextmanager
def _file_of(option: str) -> Iterator[None]:
    """Name the option in errors about its file."""
    try:
        yield
    except DataFileError as error:
        raise DataFileError(f"--{option} {error}") from None
    except InputError as error:
        if not error.subject and error.argument.isidentifier():  # about another argument
            raise
        raise error.renamed(option, f"--{option} {error.subject or error.argument}") from None


BIG = 1 << 28
"""Bytes. A larger .npy or .parquet file is opened as a shard and read in batches."""


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
    """Open shards as one pool. Return it and the indices of the bad rows that were left out."""
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
    import numpy as np

    return None if names is None else np.array(names, dtype=object)


def _is_file(name: str) -> bool:
    return Path(name).is_file() or name.lower().endswith(VECTOR_SUFFIXES) or "/" in name


def _has_columns(pool: Path) -> bool:
    return not pool.is_dir() and pool.suffix.lower() != ".npy"


def _column_of(labeled: Path, id_column: str | None, dialect: Dialect) -> str | None:
    """Return ``id_column`` if the table of labeled rows has it too."""
    from spotal.tables import read_table

    if id_column is None or labeled.suffix.lower() not in TABLES:
        return None
    return id_column if id_column in read_table(labeled, dialect).names else None


def embed_request(request: Request, budget: float, model: Path | None, strict: bool, bars: Progress) -> Request:
    """Embed a request's images and leave out those that cannot be read. Raises BudgetError if there are too few."""
    if request.file.paths is None:
        if model is not None:
            raise InputError(
                "model",
                f"embeds folders of images, found a pool of {request.file.kind}, which is embedded already",
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
    features, read, skipped = embed_images(
        paths, embedder, strict=strict, progress=bar(bars, f"embedding {len(paths):,} images")
    )
    embedded = set(read)
    mask = np.asarray([path in embedded for path in paths])
    labeled = mask[request.labeled]
    values = {name: getattr(request, name) for name in ("mass", "probabilities", "cost", "groups")}
    readable: dict[str, Any] = {name: None if value is None else value[mask] for name, value in values.items()}
    return replace(
        request,
        rows=np.flatnonzero(mask),
        features=features,
        embedder=PIXELS if model is None else embedder.name,
        skipped=len(skipped),
        labeled=(np.cumsum(mask) - 1)[request.labeled[labeled]],
        labels=None if request.labels is None else request.labels[labeled],
        **readable,
    )
