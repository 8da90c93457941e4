"""Inputs: images, texts and embeddings of a project's items as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.images import DECODER, decode, each, note_of_depth, report
from spotal.numeric.arrays import check_matrix
from spotal.project.items import Present
from spotal.project.learning.base import Inputs, Progress
from spotal.project.learning.feature_cache import FeatureCache
from spotal.project.places import FEATURES
from spotal.project.sources import location

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["images", "matrix", "texts", "tfidf", "vectors"]

TEXT_DIM = 128
MOST_WORDS = 2**18


def images(project: Project, items: Sequence[Item], progress: Progress, size: int) -> Inputs:
    """Read images, uint8 (n, size, size, 3), resized and cached. Warns about unreadable images."""
    return vectors(project, items, progress, f"images-{size}", np.stack, lambda: (size, None), "reading images")


def vectors(
    project: Project,
    items: Sequence[Item],
    progress: Progress,
    name: str,
    embed: Callable[[list[NDArray[np.uint8]]], NDArray[Any]],
    choose_size: Callable[[], tuple[int | None, int | None]],
    what: str = "embedding images",
) -> Inputs:
    """Return embeddings (n, d) of images by a frozen model, cached by ``name``. Warns about unreadable images.

    ``choose_size`` is called before images are embedded. It returns the height and width to resize to, and None; or,
    for a model that resizes images itself, None and the minimum of the shorter side. ``what`` is the step's name.
    Raises DataFileError if no image can be read.
    """
    cache = FeatureCache(project.folder / FEATURES, f"{name}-{DECODER}")
    failures: list[DataFileError] = []
    scaled: list[str] = []

    def compute(some: list[Item]) -> tuple[list[int], NDArray[Any]]:
        done, pixels = [], []
        side, least = choose_size()
        size = None if side is None else (side, side)
        decoded = each(lambda item: decode(project.items.file(item), item.id, size, 3, least, scaled), some)
        for row, image in enumerate(decoded):
            if isinstance(image, DataFileError):
                failures.append(image)
            else:
                done.append(row)
                pixels.append(image)
        return done, embed(pixels) if pixels else np.empty(0)

    numbers = cache.update(items, compute, lambda done, total: progress(what, done, total))
    report(failures, len(items), project.folder.name)
    note_of_depth(scaled, project.folder.name)
    return Inputs(numbers, _rows(cache.rows(), numbers))


def texts(
    project: Project,
    items: Sequence[Item],
    progress: Progress,
    name: str,
    embed: Callable[[list[str]], NDArray[np.float32]],
) -> Inputs:
    """Return embeddings (n, d) of texts by a frozen model, cached by ``name``."""
    cache = FeatureCache(project.folder / FEATURES, name)
    numbers = cache.update(
        items,
        lambda some: (list(range(len(some))), embed([item.text or "" for item in some])),
        lambda done, total: progress("embedding texts", done, total),
    )
    return Inputs(numbers, _rows(cache.rows(), numbers))


def tfidf(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Compute TF-IDF of words and pairs of words, reduced to at most 128 dimensions; float32 (n, d)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    progress("counting words", 0, None)
    # the pattern accepts single letters and signs, so that every text has a word
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_WORDS, token_pattern=r"\w+|\S")
    weights = counts.fit_transform([item.text or "." for item in items])
    most = min(TEXT_DIM, weights.shape[0] - 1, weights.shape[1] - 1)
    if most < 1:
        rows = weights.toarray()
    else:
        with np.errstate(invalid="ignore"):  # division by a variance of zero where all texts are equal
            rows = TruncatedSVD(most, random_state=project.settings.random_state).fit_transform(weights)
    return Inputs(_numbers(items), rows.astype(np.float32))


def matrix(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Read the project's own embeddings, (n, d). An .npy file is not copied if its rows are in order."""
    from spotal.pool.files import read_pool

    progress("reading embeddings", 0, None)
    data = project.settings.data
    source = location(data, project.folder)
    features = read_pool(source, id_column=data.id_column, dialect=data.dialect).features
    assert features is not None  # the items come from this file
    rows = items.rows if isinstance(items, Present) else np.asarray([item.row for item in items], np.int64)
    return Inputs(_numbers(items), check_matrix(_rows(features, rows), f"embeddings in {source}"))


def _numbers(items: Sequence[Item]) -> NDArray[np.int64]:
    if isinstance(items, Present):
        return items.numbers
    return np.asarray([item.number for item in items], np.int64)


def _rows(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return these rows, without a copy if they are the first rows in order."""
    first = array[: len(rows)]
    return first if np.array_equal(rows, np.arange(len(rows))) else array[rows]
