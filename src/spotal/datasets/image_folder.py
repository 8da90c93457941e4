"""Labeled images in folders: one folder a class, or one folder and a table of labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from spotal.datasets._images import Size, decode_all
from spotal.datasets.base import Dataset
from spotal.datasets.splits import encode, split
from spotal.errors import DataFileError, InputError
from spotal.images import Listing, find_images, list_images, note_of_skipped
from spotal.numeric.seeds import Seed
from spotal.tables import listed, read_table

__all__ = ["DEFAULT_SIZE", "list_images", "load_image_folder"]

DEFAULT_SIZE = 32
"""Height and width where images differ in size and none is asked for."""
TABLE = "labels.csv"
FILE_COLUMNS = ("file", "filename", "path", "image")
LABEL_COLUMNS = ("label", "class")
TRAIN, TESTS = "train", ("test", "val", "valid", "validation")


def load_image_folder(
    path: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    strict: bool = False,
    random_state: Seed = None,
    most: int | None = None,
) -> Dataset:
    """Labeled images of a folder as uint8 (n, height, width, channels), sorted by path.

    Parameters
    ----------
    path : path
        A folder with one sub-folder a class; or with ``labels.csv`` whose columns are one of ``file``, ``filename``,
        ``path``, ``image``, relative to the folder, and one of ``label``, ``class``. Sub-folders ``train`` and
        ``test`` (or ``val``, ``valid``, ``validation``), if there are no others, each hold a part in this form;
        without them 20% of each class is split off for testing.
    image_size : int or None
        Height and width to resize to, without regard to proportions. None for the images' own size if all are equal,
        and else 32.
    strict : bool
        Whether an image that cannot be read is an error; else it is left out with a ``SpotalWarning``.
    random_state : int, numpy generator or None, of the split; None is always the same one
    most : int or None
        Images that are read, drawn at random under a fixed seed from both parts together; None for all.

    Returns
    -------
    Dataset, with one channel if all images are gray, else three

    Raises
    ------
    DataFileError
        The folder is missing, has no labeled images in it, or none that can be read.
    InputError
        ``image_size`` is below 1.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataFileError(f"{root} must be a folder of images; check the path")
    if image_size is not None and image_size < 1:
        raise InputError(
            "image_size", must="be at least 1", found=image_size, remedy="give the height and width in pixels"
        )
    parts = _parts(root, strict)
    if most is not None:
        parts = _drawn(parts, most)
    files = [file for part in parts for file, _ in part]

    def size_of(sizes: list[Size]) -> Size:
        if image_size is not None:
            return image_size, image_size
        return sizes[0] if len(set(sizes)) == 1 else (DEFAULT_SIZE, DEFAULT_SIZE)

    coded, class_names = encode(*([label for _, label in part] for part in parts))
    images, kept = decode_all(files, [str(file) for file in files], root, size_of, strict=strict)
    y = np.concatenate(coded)[kept]
    if len(parts) == 2:
        is_test = kept >= len(parts[0])
        pool, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        if not len(pool) or not len(test):
            raise DataFileError(f"{root} has a part without any image that can be read; repair or remove it")
    else:
        pool, test = split(y, root, random_state)
    return Dataset(root.resolve().name, images[pool], y[pool], images[test], y[test], class_names)


def _drawn(parts: list[list[tuple[Path, str]]], most: int) -> list[list[tuple[Path, str]]]:
    """At most so many of the files of all parts, each part in its order."""
    total = sum(map(len, parts))
    if total <= most:
        return parts
    kept = set(np.random.default_rng(0).permutation(total)[:most].tolist())
    firsts = np.cumsum([0, *map(len, parts)])
    return [[one for k, one in enumerate(part, first) if k in kept] for first, part in zip(firsts, parts, strict=False)]


def _folders(root: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def _parts(root: Path, strict: bool) -> list[list[tuple[Path, str]]]:
    """Files and labels of the pool and, if it is set apart, of the test part."""
    if (root / TABLE).is_file():
        return [_by_table(root)]
    folders, images = _folders(root), find_images(root)
    note_of_skipped(images.skipped, root, strict=strict)
    test = next((folders[name] for name in TESTS if name in folders), None)
    if TRAIN in folders and set(folders) <= {TRAIN, *TESTS}:
        return [_labeled(folder, images) for folder in (folders[TRAIN], test) if folder is not None]
    return [_labeled(root, images)]


def _labeled(root: Path, images: Listing) -> list[tuple[Path, str]]:
    if (root / TABLE).is_file():
        return _by_table(root)
    folders = _folders(root)
    if not folders:
        raise DataFileError(
            f"{root} has no sub-folders and no {TABLE}, so its images have no labels; give one sub-folder a class, or "
            f"a {TABLE} with columns 'file' and 'label'"
        )
    within = [(path, path.relative_to(root).parts) for path in images.paths if path.is_relative_to(root)]
    found = [(path, parts[0]) for path, parts in within if len(parts) > 1]
    if not found:
        raise DataFileError(f"{root} has no images in its sub-folders ({listed([*folders])}); check the path")
    return found


def _by_table(root: Path) -> list[tuple[Path, str]]:
    path = root / TABLE
    table = read_table(path, empty=True)
    columns = {name.strip(): name for name in table.names}
    names = list(columns)
    picture = next((name for name in FILE_COLUMNS if name in names), None)
    label = next((name for name in LABEL_COLUMNS if name in names), None)
    if picture is None or label is None:
        raise DataFileError(
            f"{path} must have a column {' or '.join(FILE_COLUMNS)} and a column {' or '.join(LABEL_COLUMNS)}, found "
            f"{listed(names)}; rename its columns"
        )
    if not len(table):
        raise DataFileError(f"{path} has no rows; list an image and its label in each")
    found = [[cell.strip() for cell in table.texts(columns[name], name, empty=True)] for name in (picture, label)]
    rows = list(zip(*found, strict=True))
    empty = next((number for number, row in enumerate(rows) if not all(row)), None)
    if empty is not None:
        raise DataFileError(f"{path} has an empty cell in {table.where(empty)}; fill it in or drop the line")
    return sorted((root / image, name) for image, name in rows)
