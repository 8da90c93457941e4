"""Reading of a project's data as a list of items."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.images import find_images, listed, readable
from spotal.numeric.arrays import check_matrix
from spotal.numeric.processors import processors
from spotal.pool.files import read_pool
from spotal.project.collection import uncollected
from spotal.project.contents import content_hash, read_file, stamp_of
from spotal.project.records import Found
from spotal.project.schema import REVISION
from spotal.project.settings import Data
from spotal.storage.system import file_system
from spotal.tables import TABLES, read_table, reading

__all__ = ["location", "look", "stored_path", "table_stamp"]

Contents = Mapping[str, tuple[str, str]]

BLOCK = 4096
SETTLED = 60_000_000_000
"""Nanoseconds without a change after which the stamp of a table or array is trusted."""
UNTIMED = ("tmpfs", "ramfs", "hugetlbfs", "vfat", "msdos", "exfat")
"""File systems whose stamps are not trusted. In-memory ones record only the first write through a memory map. On FAT, a
program can reset all times of a file."""


def location(data: Data, folder: Path) -> Path:
    """Return the path of the data of a project in ``folder``."""
    return Path(os.path.normpath(folder / os.path.expanduser(data.path)))


def stored_path(path: Path, folder: Path) -> str:
    """Return the path to store for data: relative if beside the project, so that both can be moved together."""
    home, place = folder.resolve(), Path(os.path.abspath(os.path.expanduser(path)))
    return os.path.relpath(place, home) if place.is_relative_to(home.parent) else str(place)


def table_stamp(data: Data, folder: Path) -> str | None:
    """Return a stamp of a table or array and its reading options, or None if a stamp is unreliable.

    Take the stamp before the file is read. Pending pages are flushed first, because a write through a memory map
    updates the file's time only if the page was flushed since the previous write.
    """
    if data.kind == "image":
        return None
    path = location(data, folder)
    try:
        if not S_ISREG(os.stat(path).st_mode):
            return None
        with path.open("rb") as file:  # network file systems check for changes when a file is opened
            os.fsync(file.fileno())
            status = os.fstat(file.fileno())
    except OSError:
        return None  # reading the file reports the reason
    stamp = None if file_system(status.st_dev) in UNTIMED else stamp_of(status, time.time_ns(), SETTLED)
    return stamp and f"{stamp}:{content_hash(repr((data, REVISION)).encode())}"


@uncollected()
def look(data: Data, folder: Path, known: Contents | None = None, *, whole: bool = False) -> list[Found]:
    """Return all items that the data have now, in a fixed order.

    Contents are hashes of a file's bytes, a text in UTF-8, or a row's numbers as float32. So a table of numbers may be
    saved again as float32 or float64 without a change; rounding to float16 is a change.

    Parameters
    ----------
    data : Data
    folder : Path of the project
    known : stamp and content of each file by path, see :meth:`Items.contents`; other images become items only if they
        can be read
    whole : bool, whether to read every file, even if its stamp is unchanged

    Raises
    ------
    DataFileError
        The data are missing, empty or unreadable.
    InputError
        The file lacks a named column, or embeddings are not finite.

    Warns
    -----
    SpotalWarning
        Images were left out: their number, the reason and the first names.
    """
    source = location(data, folder)
    if data.kind == "image":
        return list(_images(source, known or {}, whole))
    stamp = table_stamp(data, folder)
    items = list({"text": _texts, "embedding": _embeddings}[data.kind](source, data))
    if stamp is not None:
        items[0] = items[0]._replace(stamp=f"{stamp}:{len(items)}")
    return items


def _images(source: Path, known: Contents, whole: bool) -> Iterator[Found]:
    paths = listed(readable(find_images(source), known))
    names = [path.relative_to(source).as_posix() for path in paths]
    with ThreadPoolExecutor(processors()) as threads:
        files = threads.map(read_file, paths, (None if whole else known.get(name) for name in names))
        for name, (content, stamp, former) in zip(names, files, strict=True):
            yield Found(name, "image", content, path=name, stamp=stamp, former=former)


def _texts(source: Path, data: Data) -> Iterator[Found]:
    if source.suffix.lower() not in TABLES:
        with reading(source):
            source.stat()
        raise DataFileError(f"{source} must hold texts as {', '.join(TABLES)}; convert it to one of these")
    table = read_table(source, data.dialect)
    texts = table.texts(data.text_column, "text_column", empty=True)
    key = data.id_column or ("id" if "id" in table.names else None)
    ids = None if key is None else table.ids(key, "id_column")
    for row, (name, text) in enumerate(zip(_names(ids, len(texts)), texts, strict=True)):
        yield Found(name, "text", content_hash(text.encode()), row=row, text=text, named=ids is not None)


def _embeddings(source: Path, data: Data) -> Iterator[Found]:
    pool = read_pool(source, id_column=data.id_column, dialect=data.dialect)
    if pool.features is None:
        raise DataFileError(f"{source} is a folder of images, not a file of embeddings; set kind to 'image'")
    check_matrix(pool.features, f"embeddings in {source}")
    names, named = _names(pool.ids, len(pool)), pool.ids is not None
    for start in range(0, len(pool), BLOCK):
        block = np.ascontiguousarray(pool.features[start : start + BLOCK])
        canonical = block.astype("<f4", copy=False)
        contents = _hashes(canonical)
        formers = contents if canonical is block else _hashes(block)
        for row, (content, former) in enumerate(zip(contents, formers, strict=True), start):
            yield Found(names[row], "embedding", content, None, row, None, named, None, former)


def _hashes(block: NDArray[Any]) -> list[str]:
    """Return a hash of each row's bytes."""
    view, width = memoryview(block.data).cast("B"), block[0].nbytes
    return [content_hash(view[start : start + width]) for start in range(0, len(view), width)]


def _names(ids: Any, n: int) -> list[str]:
    return [str(name) for name in (range(n) if ids is None else ids)]
