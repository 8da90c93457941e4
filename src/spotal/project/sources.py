"""Look through a project's data and say which items are there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from spotal._arrays import check_matrix
from spotal.errors import DataFileError
from spotal.pool.files import list_images, read_pool
from spotal.project.records import Found
from spotal.project.settings import Data
from spotal.tables import TABLES, read_table, reading

__all__ = ["location", "look"]

BLOCK = 4096


def location(data: Data, folder: Path) -> Path:
    """Where the data are, for a project in ``folder``."""
    return Path(os.path.normpath(folder / Path(data.path).expanduser()))


def look(data: Data, folder: Path) -> list[Found]:
    """All items that the data hold now, in a fixed order.

    Parameters
    ----------
    data : Data
    folder : Path of the project

    Raises
    ------
    DataFileError
        The data are missing, empty, or cannot be read.
    InputError
        A column is named that the file does not have, or embeddings are not finite.
    """
    source = location(data, folder)
    if data.kind == "image":
        return list(_images(source))
    return list({"text": _texts, "embedding": _embeddings}[data.kind](source, data))


def _images(source: Path) -> Iterator[Found]:
    for path in list_images(source):
        with reading(path):
            stat = os.stat(path)
        name = path.relative_to(source).as_posix()
        yield Found(name, "image", f"{stat.st_size}:{stat.st_mtime_ns}", path=name)


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
        yield Found(name, "text", _hash(text.encode()), row=row, text=text)


def _embeddings(source: Path, data: Data) -> Iterator[Found]:
    pool = read_pool(source, id_column=data.id_column, dialect=data.dialect)
    if pool.features is None:
        raise DataFileError(f"{source} is a folder of images, not a file of embeddings; set kind to 'image'")
    check_matrix(pool.features, f"embeddings in {source}")
    names = [str(row) for row in range(len(pool))] if pool.ids is None else [str(name) for name in pool.ids]
    for start in range(0, len(pool), BLOCK):
        block = np.ascontiguousarray(pool.features[start : start + BLOCK])
        for row, values in enumerate(block, start):
            yield Found(names[row], "embedding", _hash(values.tobytes()), row=row)


def _names(ids: Any, n: int) -> list[str]:
    return [str(name) for name in (range(n) if ids is None else ids)]


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()
