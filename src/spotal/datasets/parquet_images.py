"""Labeled images in Parquet, in the layout that Hugging Face datasets use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets._images import Size, check_size, decode_all
from spotal.datasets.base import Dataset
from spotal.datasets.splits import encode, from_parts
from spotal.errors import DataFileError
from spotal.images import Source
from spotal.numeric.seeds import Seed
from spotal.tables import listed, reading
from spotal.tables.columns import column
from spotal.tables.json_lines import parse_json
from spotal.tables.unpacked import read_parquet

__all__ = ["has_images", "load_parquet_images", "parquet_parts"]

IMAGE_COLUMNS = ("image", "img")
TEST_NAMES = ("test", "validation", "valid", "val")


def has_images(path: Path) -> bool:
    """Return whether a Parquet file has a column of images. Raises DataFileError if it cannot be read."""
    return any(name in _schema(path).names for name in IMAGE_COLUMNS)


def parquet_parts(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the Parquet files of the pool and of the test part in a folder, or in its sub-folder ``data``.

    ``train.parquet`` and ``train-*.parquet`` are the pool; ``test``, ``validation``, ``valid`` or ``val`` is the test
    part. Without files of the name ``train``, all files are the pool. Both lists are empty if there are no files.
    """
    for place in (folder, folder / "data"):
        files = sorted(place.glob("*.parquet"))
        by_part: dict[str, list[Path]] = {}
        for file in files:
            by_part.setdefault(file.stem.partition("-")[0].lower(), []).append(file)
        if files:
            test = next((by_part[name] for name in TEST_NAMES if name in by_part), [])
            return (by_part["train"], test) if "train" in by_part else (files, [])
    return [], []


def load_parquet_images(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    image_size: int | None = None,
    strict: bool = False,
    random_state: Seed = None,
) -> Dataset:
    """Load images from a Parquet file, or from a folder of such files, as uint8 (n, height, width, channels).

    Parameters
    ----------
    path : path
        A file, or a folder with ``train.parquet`` and ``test.parquet`` (or ``train-*.parquet``, ``test-*.parquet``), in
        it or in ``data/``. Without a test part, 20 % of each class becomes one. The column ``image`` or ``img`` has
        bytes, or structs of ``bytes`` and ``path``. The column ``label`` has integers or text. Class names come from
        the ``huggingface`` metadata of the schema, else from the labels.
    name : str or None, name of the dataset; None for the name of the file or folder
    image_size : int or None, height and width to resize to; None for the size of the first image
    strict, random_state : see :func:`spotal.datasets.load`, also for errors

    Notes
    -----
    Memory holds the compressed images of all files besides the decoded images.
    """
    check_size(image_size)
    source = Path(path)
    train, test = parquet_parts(source) if source.is_dir() else ([source], [])
    if not train:
        raise DataFileError(f"{source} has no .parquet file in it; give a folder that has")
    tables = [_table(files) for files in (train, test) if files]
    raw = [column(table, "label", "label", train[0]).to_pylist() for table in tables]
    coded, class_names = _classes(raw, train[0])
    images: list[NDArray[np.uint8]] = []
    y: list[NDArray[np.int64]] = []

    def size_of(sizes: list[Size]) -> Size:
        if image_size is not None:
            return image_size, image_size
        return (images[0].shape[1], images[0].shape[2]) if images else sizes[0]

    for table, labels, files in zip(tables, coded, (train, test), strict=False):
        sources, titles = _sources(table, files[0])
        channels = images[0].shape[3] if images else None
        part, rows = decode_all(sources, titles, _where(files), size_of, channels=channels, strict=strict)
        images.append(part)
        y.append(labels[rows])
    title = name or (source.name if source.is_dir() else source.stem)
    return from_parts(title, images, y, class_names, source, random_state)


def _where(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0].parent} ({len(files)} files)"


def _schema(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with reading(path):
            return pa.parquet.read_schema(path)
    except pa.ArrowException as error:
        raise DataFileError(f"{path} is truncated or not Parquet ({error}); replace it") from None


def _table(files: Sequence[Path]) -> Any:
    """Return the images and labels of one or more files."""
    import pyarrow as pa
    import pyarrow.parquet

    tables = []
    for file in files:
        names = _schema(file).names
        image = next((name for name in IMAGE_COLUMNS if name in names), None)
        if image is None or "label" not in names:
            raise DataFileError(
                f"{file} must have columns 'image' (or 'img') and 'label', found {listed(names)}; rename its columns"
            )
        try:
            with reading(file), pa.parquet.ParquetFile(file) as opened:
                table = read_parquet(opened, file, [image, "label"])
        except pa.ArrowException as error:
            raise DataFileError(f"{file} is truncated or corrupt ({error}); replace it") from None
        tables.append(table.select([image, "label"]).rename_columns(["image", "label"]))
    try:
        joined = pa.concat_tables(tables)
    except pa.ArrowException as error:
        raise DataFileError(f"{_where(files)} have columns of different types ({error}); write them alike") from None
    if not joined.num_rows:
        raise DataFileError(f"{_where(files)} has no rows; give a file that has")
    return joined


def _classes(raw: Sequence[list[Any]], path: Path) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    names = _class_names(path)
    if names is None or not all(isinstance(label, int) for part in raw for label in part):
        return encode(*raw)
    coded = [np.asarray(part, np.int64) for part in raw]
    for labels in coded:
        outside = labels[(labels < 0) | (labels >= len(names))]
        if outside.size:
            raise DataFileError(
                f"{path} names {len(names)} classes and has label {outside[0]} in its data; repair the labels"
            )
    return coded, names


def _class_names(path: Path) -> tuple[str, ...] | None:
    """Return the class names in the schema's metadata, or None."""
    metadata: Any = (_schema(path).metadata or {}).get(b"huggingface")
    try:
        names = parse_json(metadata or b"null", "features")["info"]["features"]["label"]["names"]
        return tuple(str(name) for name in names)
    except (ValueError, KeyError, TypeError):
        return None


def _sources(table: Any, file: Path) -> tuple[list[Source], list[str]]:
    """Return the bytes or the path of each image, and its name for messages."""
    sources: list[Source] = []
    titles: list[str] = []
    for row, value in enumerate(table["image"].to_pylist()):
        if not isinstance(value, dict):
            value = {"bytes": value}
        content, path = value.get("bytes"), value.get("path")
        if content is not None and not isinstance(content, bytes):
            raise DataFileError(f"{file} must hold bytes in its image column, found {content!r:.40}; encode the images")
        sources.append(Path(file.parent, path) if content is None and path else content or b"")
        titles.append(f"row {row} ({path})" if path else f"row {row}")
    return sources, titles
