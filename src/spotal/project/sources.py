"""Look through a project's data and say which items are there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import check_matrix
from spotal.errors import DataFileError
from spotal.pool._tables import TABLES, column, ids_of, read_table, reading
from spotal.pool.files import list_images, read_pool
from spotal.project.contents import content_hash, read_file
from spotal.project.records import Found
from spotal.project.settings import Data

__all__ = ["location", "look"]

Contents = Mapping[str, tuple[str, str]]

BLOCK = 4096


def location(data: Data, folder: Path) -> Path:
    """Where the data are, for a project in ``folder``."""
    return Path(os.path.normpath(folder / Path(data.path).expanduser()))


def look(data: Data, folder: Path, known: Contents | None = None) -> list[Found]:
    """All items that the data hold now, in a fixed order.

    Contents are hashes: of a file's bytes, of a text in UTF-8, of a row's numbers as float32. So a table of numbers may
    be saved again as float32 or float64; rounding to float16 changes it.

    Parameters
    ----------
    data : Data
    folder : Path of the project
    known : stamp and content of each file by its path, see :meth:`Items.contents`; None to read every file

    Raises
    ------
    DataFileError
        The data are missing, empty, or cannot be read.
    InputError
        A column is named that the file does not have, or embeddings are not finite.
    """
    source = location(data, folder)
    if data.kind == "image":
        return list(_images(source, known or {}))
    return list({"text": _texts, "embedding": _embeddings}[data.kind](source, data))


def _images(source: Path, known: Contents) -> Iterator[Found]:
    paths = list_images(source)
    names = [path.relative_to(source).as_posix() for path in paths]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        files = threads.map(read_file, paths, (known.get(name) for name in names))
        for name, (content, stamp, former) in zip(names, files, strict=True):
            yield Found(name, "image", content, path=name, stamp=stamp, former=former)


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
        yield Found(name, "text", content_hash(text.encode()), row=row, text=text, named=ids is not None)


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
    names = [str(name) for name in (range(len(pool)) if pool.ids is None else pool.ids)]
    for start in range(0, len(pool), BLOCK):
        block = np.ascontiguousarray(pool.features[start : start + BLOCK])
        canonical = block.astype("<f4", copy=False)
        contents = _hashes(canonical)
        formers = contents if canonical is block else _hashes(block)
        for row, (content, former) in enumerate(zip(contents, formers, strict=True), start):
            yield Found(names[row], "embedding", content, row=row, named=pool.ids is not None, former=former)


def _hashes(block: NDArray[Any]) -> list[str]:
    """A hash of each row's bytes."""
    view, width = memoryview(block.data).cast("B"), block[0].nbytes
    return [content_hash(view[start : start + width]) for start in range(0, len(view), width)]


def _names(ids: Any, n: int, source: Path) -> list[str]:
    if ids is None:
        return [str(row) for row in range(n)]
    return [str(name) for name in ids_of(ids, f"ids in {source}")]
