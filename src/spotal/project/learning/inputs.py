"""Inputs: images, texts and embeddings of a project's items as arrays."""

from __future__ import annotations

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
    from collections.abc import Callable, Sequence

    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["images", "matrix", "texts", "tfidf", "vectors"]

TEXT_DIM = 128
LEAST_WORDS = 2**18


def images(project: Project, items: Sequence[Item], progress: Progress, size: int) -> Inputs:
    """Images uint8 (n, size, size, 3), resized and kept. Warns of those that cannot be read."""
    kept = FeatureCache(project.folder / FEATURES, f"images-{size}-{DECODER}")
    numbers = _readable(project, items, kept, lambda: (size, None), np.stack, progress, "reading images")
    return Inputs(numbers, _rows(kept.rows(), numbers))


def vectors(
    project: Project,
    items: Sequence[Item],
    progress: Progress,
    name: str,
    embed: Callable[[list[NDArray[np.uint8]]], NDArray[np.float32]],
    choose_size: Callable[[], tuple[int | None, int | None]],
) -> Inputs:
    """Embeddings (n, d) of images by a frozen model, kept under ``name``. Warns of those that cannot be read.

    ``choose_size``, asked where there are images to embed, gives the height and width that they are resized to; or, for
    a model that resizes them itself, None and the least that it needs of their shorter side.
    """
    kept = FeatureCache(project.folder / FEATURES, f"{name}-{DECODER}")
    numbers = _readable(project, items, kept, choose_size, embed, progress, "embedding images")
    return Inputs(numbers, _rows(kept.rows(), numbers))


def texts(
    project: Project,
    items: Sequence[Item],
    progress: Progress,
    name: str,
    embed: Callable[[list[str]], NDArray[np.float32]],
) -> Inputs:
    """Embeddings (n, d) of texts by a frozen model, kept under ``name``."""
    kept = FeatureCache(project.folder / FEATURES, name)
    numbers = kept.update(
        items,
        lambda some: (list(range(len(some))), embed([item.text or "" for item in some])),
        lambda done, total: progress("embedding texts", done, total),
    )
    return Inputs(numbers, _rows(kept.rows(), numbers))


def tfidf(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """Texts as weighted counts of their words and pairs of words, on at most 128 main directions; float32 (n, d)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    progress("counting words", 0, None)
    # words of any length: one letter is a word too, and no text is without any
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=LEAST_WORDS, token_pattern=r"\w+|\S")
    weights = counts.fit_transform([item.text or "." for item in items])
    most = min(TEXT_DIM, weights.shape[0] - 1, weights.shape[1] - 1)
    if most < 1:
        rows = weights.toarray()
    else:
        with np.errstate(invalid="ignore"):  # shares of a variance of zero, where all texts are alike
            rows = TruncatedSVD(most, random_state=project.settings.random_state).fit_transform(weights)
    return Inputs(_numbers(items), rows.astype(np.float32))


def matrix(project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
    """The file of embeddings itself, (n, d); an .npy file is not copied while its rows are in order."""
    from spotal.pool.files import read_pool

    progress("reading embeddings", 0, None)
    data = project.settings.data
    source = location(data, project.folder)
    features = read_pool(source, id_column=data.id_column, dialect=data.dialect).features
    assert features is not None  # or the items would not have been found in it
    places = items.rows if isinstance(items, Present) else np.asarray([item.row for item in items], np.int64)
    rows = _rows(features, places)
    return Inputs(_numbers(items), check_matrix(rows, f"embeddings in {source}"))


def _readable(
    project: Project,
    items: Sequence[Item],
    kept: FeatureCache,
    choose_size: Callable[[], tuple[int | None, int | None]],
    embed: Callable[[list[NDArray[np.uint8]]], NDArray[Any]],
    progress: Progress,
    what: str,
) -> NDArray[np.int64]:
    """Work out rows of images; numbers of those that have one. Raises DataFileError where none has."""
    failures: list[DataFileError] = []
    scaled: list[str] = []

    def compute(some: list[Item]) -> tuple[list[int], NDArray[Any]]:
        done, pixels = [], []
        side, least = choose_size()
        size = None if side is None else (side, side)
        found = each(lambda item: decode(project.items.file(item), item.id, size, 3, least, scaled), some)
        for row, image in enumerate(found):
            if isinstance(image, DataFileError):
                failures.append(image)
            else:
                done.append(row)
                pixels.append(image)
        return done, embed(pixels) if pixels else np.empty(0)

    numbers = kept.update(items, compute, lambda done, total: progress(what, done, total))
    report(failures, len(items), project.folder.name)
    note_of_depth(scaled, project.folder.name)
    return numbers


def _numbers(items: Sequence[Item]) -> NDArray[np.int64]:
    if isinstance(items, Present):
        return items.numbers
    return np.asarray([item.number for item in items], np.int64)


def _rows(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """These rows, without a copy where they are the first ones in order."""
    first = array[: len(rows)]
    return first if np.array_equal(rows, np.arange(len(rows))) else array[rows]
