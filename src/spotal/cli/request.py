"""What ``spotal select`` chooses from: a pool's file or folder with all that other files say about its rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.cli.console import bar
from spotal.errors import BudgetError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.progress import Progress

    from spotal.pool.files import PoolFile

__all__ = ["PIXELS", "Request", "embed_request", "read_request"]

VECTOR_SUFFIXES = (".npy", ".txt", ".csv")
PIXELS = "the pixels' principal components"
"""What images are embedded by where no model is given."""


@dataclass
class Request:
    """What there is to choose from.

    rows : int64 (n,), the rows of ``file`` that it has, fewer where images could not be read, of which ``skipped`` are;
    features : (n, d), None for images that are not embedded yet; labeled : int64 (m,), positions in ``rows``;
    labels : int64 (m,); mass : (n,); probabilities : (n, classes)
    """

    file: PoolFile
    rows: NDArray[np.int64]
    features: Any
    embedder: str | None
    skipped: int
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    mass: NDArray[np.float64] | None
    probabilities: Any


def read_request(
    pool: Path, labeled: Path | None, mass: str | None, id_column: str | None, probabilities: Path | None
) -> Request:
    """Read all files. Raises DataFileError and InputError, in the words of the options."""
    import numpy as np

    from spotal.datasets._split import encode
    from spotal.pool.files import read_indices, read_pool, read_vector

    weights = Path(mass) if mass is not None and (_is_file(mass) or not _has_columns(pool)) else None
    try:
        file = read_pool(pool, id_column=id_column, mass_column=mass if weights is None else None)
    except InputError as error:  # by the names that the options have
        said = str(error)
        for argument, option in (("mass_column", "--mass"), ("id_column", "--id-column")):
            said = option + said.removeprefix(argument) if said.startswith(argument) else said
        raise InputError(said) from None
    n = len(file)
    rows, labels = np.empty(0, np.int64), None
    if labeled is not None:
        rows, names = read_indices(labeled, n, file.ids, _column_of(labeled, id_column))
        labels = None if names is None else encode(names)[0][0]
    return Request(
        file,
        np.arange(n),
        file.features,
        None,
        0,
        rows,
        labels,
        file.mass if weights is None else read_vector(weights, n, file.ids),
        None if probabilities is None else _probabilities(probabilities, n),
    )


def _is_file(mass: str) -> bool:
    return Path(mass).is_file() or mass.lower().endswith(VECTOR_SUFFIXES) or "/" in mass


def _has_columns(pool: Path) -> bool:
    return not pool.is_dir() and pool.suffix.lower() != ".npy"


def _column_of(labeled: Path, id_column: str | None) -> str | None:
    """The pool's column of ids where the labeled rows' table has one of that name too."""
    if id_column is None or labeled.suffix.lower() != ".csv":
        return None
    from spotal.pool._tables import read_table

    return id_column if id_column in read_table(labeled).column_names else None


def _probabilities(path: Path, n: int) -> Any:
    from spotal.pool.files import read_pool

    values = read_pool(path).features
    if values is None or len(values) != n:
        found = "a folder" if values is None else f"{len(values)} rows"
        raise InputError(f"probabilities in {path} must have {n} rows, one for each row of the pool, found {found}")
    return values


def embed_request(request: Request, budget: int, model: Path | None, strict: bool, bars: Progress) -> Request:
    """The same request with the features of its images, less those that cannot be read.

    Raises BudgetError before it begins where there are too few images, and what ``embed_images`` raises.
    """
    if request.file.paths is None:
        if model is not None:
            raise InputError(
                f"--model embeds folders of images, found a pool of {request.file.kind}, embedded already; leave it out"
            )
        return request
    import numpy as np

    from spotal.embed import PixelEmbedder, TorchEmbedder, embed_images

    paths = request.file.paths
    if budget > len(paths) - len(request.labeled):
        raise BudgetError(
            f"budget must be at most {len(paths) - len(request.labeled)}, the unlabeled images of this folder, found "
            f"{budget}; lower it"
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
    )
