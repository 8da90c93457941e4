"""Copies: items of equal content, and near copies."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, InputError, OutputError
from spotal.images import decode, each
from spotal.numeric.arrays import blocks
from spotal.project.collection import uncollected
from spotal.project.learning import inputs
from spotal.project.learning.base import Progress
from spotal.project.places import THUMBNAILS
from spotal.storage.files import atomic_path
from spotal.tables.arrays import read_npz

if TYPE_CHECKING:
    from spotal.project.items import Present
    from spotal.project.project import Project

__all__ = ["Copies", "find_copies"]

NOUNS = {"image": "images", "text": "texts", "embedding": "embeddings"}
MOST = {"image": 20_000, "text": 1_000_000, "embedding": 1_000_000}
"""Items of each kind that are compared for near copies. Equal contents are detected in all items."""
REACH = 8
"""Each item is compared with this many items that follow it in a sorted order."""
BLOCK = 4_096
"""Pairs that are compared in one batch."""
SIDE, BITS, SHADES, SHARE = 32, 2, 3.0, 0.1
"""Two images are near copies if their hashes differ in at most ``BITS`` bits and the mean difference of their
thumbnails of ``SIDE`` pixels is less than ``SHADES`` of 255 shades and less than ``SHARE`` of the thumbnails' standard
deviation. The two most similar different digits of scikit-learn differ by 3.8 shades."""
EDGE = 2.0
"""Shades by which a neighbor must be brighter to set a bit. Compression changes flat areas by less."""
DISTANCE, DIRECTIONS, GRIDS, WIDTH = 1e-3, 8, 3, 16
"""Two embeddings are near copies if their distance is at most ``DISTANCE`` times the root mean square distance from the
mean. Candidates share a cell of one of ``GRIDS`` shifted grids on ``DIRECTIONS`` random directions. A cell is ``WIDTH``
times that distance wide."""

Pairs = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Copies:
    """Groups of two or more copies, as item numbers in ascending order.

    kind : str, of the items
    equal : items of the same content
    alike : near copies; only the first of equal items is listed
    compared, of : number of contents that were compared for ``alike``, and of all contents
    """

    kind: str
    equal: list[list[int]]
    alike: list[list[int]]
    compared: int
    of: int

    @property
    def n_equal(self) -> int:
        """Number of items whose content an earlier item has."""
        return sum(len(group) - 1 for group in self.equal)

    @property
    def n_alike(self) -> int:
        """Number of near copies of an earlier item, equal contents left out."""
        return sum(len(group) - 1 for group in self.alike)

    def together(self) -> list[list[int]]:
        """Return the groups of near copies with all their equal copies, each in ascending order."""
        equal = {group[0]: group for group in self.equal}
        return [sorted(number for k in group for number in equal.get(k, [k])) for group in self.alike]

    def leaks(self, held_back: Collection[int], trained: Collection[int]) -> list[tuple[int, int]]:
        """Pair each held-back item that has a copy or near copy among ``trained`` with the first such copy."""
        of = {number: group[0] for group in self.alike for number in group}
        of |= {number: of.get(group[0], group[0]) for group in self.equal for number in group}
        first: dict[int, int] = {}
        for number in sorted(trained):
            first.setdefault(of.get(number, number), number)
        pairs = ((number, of.get(number, number)) for number in sorted(held_back))
        return [(number, first[group]) for number, group in pairs if group in first]

    def summary(self) -> str:
        """Return one sentence for people; empty without copies."""
        noun, parts = NOUNS[self.kind], []
        one = noun[:-1]
        if self.n_equal:
            many = f"{self.n_equal:,} {noun} are copies of others"
            parts.append(f"1 {one} is a copy of another" if self.n_equal == 1 else many)
        if self.n_alike:
            what = "more" if parts else one if self.n_alike == 1 else noun
            verb = "looks nearly like another" if self.n_alike == 1 else "look nearly like others"
            parts.append(f"{self.n_alike:,} {what} {verb}")
        if self.compared < self.of:
            parts.append(f"only {self.compared:,} of {self.of:,} {noun} were compared for near copies")
        return "; ".join(parts)


@uncollected()
def find_copies(project: Project, progress: Progress | None = None) -> Copies:
    """Find items of equal content, and most near copies.

    Images are compared by difference hashes and thumbnails, texts by their letters without case, punctuation and white
    space, embeddings by distance. The thresholds are strict: different items are rarely reported as copies, and copies
    with large changes are not found. Only the first 20,000 images are decoded; their thumbnails are cached. Data that
    cannot be read are not compared.
    """
    items = project.items.present()
    by_content: dict[str, int] = {}
    copies: dict[str, list[int]] = {}
    for number, content in zip(items.numbers.tolist(), items.contents, strict=True):
        first = by_content.setdefault(content, number)
        if first != number:
            copies.setdefault(content, [first]).append(number)
    equal = sorted(copies.values())
    distinct = np.searchsorted(items.numbers, np.fromiter(by_content.values(), np.int64, len(by_content)))
    del by_content
    kind = project.settings.data.kind
    some = items.take(distinct[: MOST[kind]])
    del items
    near_pairs = {"image": _images, "text": _texts, "embedding": _rows}[kind]
    groups: list[list[int]] = []
    compared = 0
    with suppress(DataFileError, InputError):
        groups = _groups(near_pairs(project, some, progress or (lambda what, done, total: None)), len(some))
        compared = len(some)
    return Copies(kind, equal, [some.numbers[group].tolist() for group in groups], compared, len(distinct))


def _images(project: Project, items: Present, progress: Progress) -> Pairs:
    place, thumbs = _thumbnails(project, items, progress)
    small = thumbs.reshape(len(thumbs), 8, SIDE // 8, SIDE).mean(2, dtype=np.float32)
    steps = np.diff(np.repeat(small, 9, 2).reshape(len(small), 8, 9, SIDE).mean(3), axis=2) > EDGE
    hashes = np.packbits(steps.reshape(len(steps), 64), axis=1)
    bands = hashes.view(np.uint16)
    mean, deviation = thumbs.mean((1, 2)), thumbs.std((1, 2))
    limit = np.minimum(SHADES, SHARE * deviation)
    for k in range(4):  # hashes that differ in two bits are equal in two of four bands
        order = np.lexsort((mean, *(bands[:, (k + j) % 4] for j in (3, 2, 1, 0))))
        for a, b in _neighbors(order):
            near = np.unpackbits(hashes[a] ^ hashes[b], axis=1).sum(1) <= BITS
            near &= np.abs(mean[a] - mean[b]) <= SHADES
            a, b = a[near], b[near]
            gap = np.abs(thumbs[a].astype(np.int16) - thumbs[b]).mean((1, 2))
            same = gap < np.minimum(limit[a], limit[b])
            yield place[a[same]], place[b[same]]


def _thumbnails(project: Project, items: Present, progress: Progress) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the positions of readable images, and their gray thumbnails (n, 32, 32), from the cache if possible."""
    path = project.folder / THUMBNAILS
    thumbnails: dict[str, NDArray[np.uint8]] = {}
    with suppress(DataFileError, KeyError):
        cached = read_npz(path)
        if cached["thumbs"].shape[1:] == (SIDE, SIDE) and cached["thumbs"].dtype == np.uint8:
            thumbnails = dict(zip(cached["contents"].tolist(), cached["thumbs"], strict=False))
    new = [item for item in items if item.content not in thumbnails]
    images = each(lambda item: decode(project.items.file(item), item.id, (SIDE, SIDE), 1), new)
    for k, (item, image) in enumerate(zip(new, images, strict=True)):
        if not isinstance(image, DataFileError):
            thumbnails[item.content] = image[..., 0]
        if k % 100 == 0:
            progress("comparing images", k, len(new))
    place = [k for k, item in enumerate(items) if item.content in thumbnails]
    thumbs = np.asarray([thumbnails[items[k].content] for k in place], np.uint8).reshape(-1, SIDE, SIDE)
    if new:
        with suppress(OSError, OutputError):  # without the cache they are decoded again
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as part, part.open("wb") as file:
                np.savez(file, contents=np.asarray([items[k].content for k in place]), thumbs=thumbs)
    return np.asarray(place, np.int64), thumbs


class _Letters(dict[int, str]):
    """A table for ``str.translate`` that replaces punctuation and white space by spaces."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        self[code] = " " if unicodedata.category(letter)[0] in "PZC" else letter
        return self[code]


def _texts(project: Project, items: Present, progress: Progress) -> Pairs:
    letters = _Letters()
    first: dict[str, int] = {}
    for k, item in enumerate(items):
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", item.text or "").casefold())
        key = " ".join(text.translate(letters).split())
        if key and first.setdefault(key, k) != k:
            yield np.asarray([first[key]]), np.asarray([k])
        if k % 10_000 == 0:
            progress("comparing texts", k, len(items))


def _rows(project: Project, items: Present, progress: Progress) -> Pairs:
    X = inputs.matrix(project, items, progress).X
    progress("comparing embeddings", 0, None)
    center = np.mean(X, 0, dtype=np.float64)
    limit = DISTANCE * np.sqrt(sum(float(np.sum((X[part] - center) ** 2)) for part in blocks(len(X), BLOCK)) / len(X))
    if not 0 < limit < np.inf:
        return
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(X.shape[1], DIRECTIONS)) / (WIDTH * limit)
    projected = np.concatenate([(X[part] - center) @ directions for part in blocks(len(X), BLOCK)])
    for shift in rng.uniform(size=(GRIDS, DIRECTIONS)):
        cells = np.zeros(len(X), np.uint64)
        for column, step in zip(projected.T, shift, strict=True):
            cells = (cells ^ np.floor(column + step).astype(np.int64).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            cells ^= cells >> np.uint64(29)
        shared = _shared(cells)
        order = shared[np.lexsort((projected[shared, 0], cells[shared]))]
        for a, b in _neighbors(order):
            same = cells[a] == cells[b]
            a, b = a[same], b[same]
            near = np.sqrt(np.sum((X[a].astype(np.float64) - X[b]) ** 2, 1)) <= limit
            yield a[near], b[near]


def _shared(cells: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the items that share their cell, in order."""
    order = np.argsort(cells)
    same = np.diff(cells[order]) == 0
    shared = np.zeros(len(cells), bool)
    shared[order[1:][same]] = shared[order[:-1][same]] = True
    return np.flatnonzero(shared)


def _neighbors(order: NDArray[np.int64]) -> Pairs:
    """Yield pairs of items that are at most ``REACH`` places apart."""
    for step in range(1, REACH + 1):
        for part in blocks(max(0, len(order) - step), BLOCK):
            yield order[:-step][part], order[step:][part]


def _groups(pairs: Pairs, n: int) -> list[list[int]]:
    """Join pairs among n items to connected groups, sorted."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    stacked = [np.stack(pair) for pair in pairs if len(pair[0])]
    if not stacked:
        return []
    a, b = np.concatenate(stacked, 1)
    _, group = connected_components(coo_array((np.ones(len(a), bool), (a, b)), shape=(n, n)), directed=False)
    members: dict[int, list[int]] = {}
    for k in np.union1d(a, b).tolist():
        members.setdefault(int(group[k]), []).append(k)
    return list(members.values())
