"""Look through a project's data and say which items are there."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from spotal._arrays import check_matrix
from spotal._images import find_images, listed, readable
from spotal.errors import DataFileError
from spotal.pool._tables import TABLES, column, ids_of, read_table, reading
from spotal.pool.files import read_pool
from spotal.project.records import Found
from spotal.project.settings import Data

__all__ = ["location", "look"]

BLOCK = 4096


def location(data: Data, folder: Path) -> Path:
    """Where the data are, for a project in ``folder``."""
    return Path(os.path.normpath(folder / Path(data.path).expanduser()))


def look(data: Data, folder: Path, known: Container[str] = ()) -> list[Found]:
    """All items that the data hold now, in a fixed order.

    Parameters
    ----------
    data : Data
    folder : Path of the project
    known : ids of the items that the project has; images that it has not are items only if they can be read

    Raises
    ------
    DataFileError
        The data are missing, empty, or cannot be read.
    InputError
        A column is named that the file does not have, or embeddings are not finite.

    Warns
    -----
    SpotalWarning
        Images were left out: how many, why, and the names of the first.
    """
    source = location(data, folder)
    if data.kind == "image":
        return list(_images(source, known))
    return list({"text": _texts, "embedding": _embeddings}[data.kind](source, data))


def _images(source: Path, known: Container[str]) -> Iterator[Found]:
    for path in listed(readable(find_images(source), known)):
        with reading(path):
            stat = os.stat(path)
        name = path.relative_to(source).as_posix()
        yield Found(name, "image", f"{stat.st_size}:{stat.st_mtime_ns}", path=name)


def _texts(source: Path, data: Data) -> Iterator[Found]:
    if source.suffix.lower() in (".jsonl", ".ndjson"):
        ids, texts = _json_lines(source, data)
    elif source.suffix.lower() in TABLES:
        table = read_table(source)
        texts = [str(value) for value in column(table, data.text_column, "text_column", source).to_pylist()]
        name = data.id_column or ("id" if "id" in table.column_names else None)
        ids = None if name is None else column(table, name, "id_column", source)
    else:
        with reading(source):
            source.stat()
        raise DataFileError(f"{source} must hold texts as .csv, .parquet or .jsonl; convert it to one of these")
    for row, (name, text) in enumerate(zip(_names(ids, len(texts), source), texts, strict=True)):
        yield Found(name, "text", _hash(text.encode()), row=row, text=text)


def _json_lines(source: Path, data: Data) -> tuple[Any, list[str]]:
    ids: list[Any] = []
    texts: list[str] = []
    with reading(source), source.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                texts.append(str(record[data.text_column]))
            except (ValueError, KeyError, TypeError, IndexError):
                raise DataFileError(
                    f"{source} must hold an object with the key {data.text_column!r} in each line, found none in line "
                    f"{number}; correct it or name text_column"
                ) from None
            name = data.id_column or "id"
            if data.id_column is not None and name not in record:
                raise DataFileError(f"{source} has no key {name!r} in line {number}; add it or name another id_column")
            ids.append(record.get(name))
    if not texts:
        raise DataFileError(f"{source} has no rows; write it again with at least one")
    missing = ids.count(None)
    if missing and missing < len(ids):
        raise DataFileError(f"{source} has {missing} lines without an id; give one to all or to none")
    return None if missing else np.asarray(ids, object), texts


def _embeddings(source: Path, data: Data) -> Iterator[Found]:
    pool = read_pool(source, id_column=data.id_column)
    if pool.features is None:
        raise DataFileError(f"{source} is a folder of images, not a file of embeddings; set kind to 'image'")
    check_matrix(pool.features, f"embeddings in {source}")
    names = [str(row) for row in range(len(pool))] if pool.ids is None else [str(name) for name in pool.ids]
    for start in range(0, len(pool), BLOCK):
        block = np.ascontiguousarray(pool.features[start : start + BLOCK])
        for row, values in enumerate(block, start):
            yield Found(names[row], "embedding", _hash(values.tobytes()), row=row)


def _names(ids: Any, n: int, source: Path) -> list[str]:
    if ids is None:
        return [str(row) for row in range(n)]
    return [str(name) for name in ids_of(ids, f"ids in {source}")]


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=12).hexdigest()
