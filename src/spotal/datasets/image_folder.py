"""Labeled images in folders, with one folder for each class or with a table of labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from spotal.datasets._images import Size, check_size, decode_all
from spotal.datasets.base import Dataset
from spotal.datasets.splits import encode, split
from spotal.errors import DataFileError
from spotal.images import Listing, find_images, list_images, note_of_skipped
from spotal.numeric.seeds import Seed
from spotal.tables import listed, read_table

__all__ = ["DEFAULT_SIZE", "list_images", "load_image_folder"]

DEFAULT_SIZE = 32
"""Default height and width of images that differ in size."""
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
    """Load the labeled images of a folder as uint8 (n, height, width, channels), sorted by path.

    Parameters
    ----------
    path : path
        A folder with one sub-folder for each class, or with ``labels.csv``. This table has a column ``file``,
        ``filename``, ``path`` or ``image`` of paths relative to the folder, and a column ``label`` or ``class``. If the
        only sub-folders are ``train`` and ``test`` (or ``val``, ``valid``, ``validation``), each contains one part of
        the data in one of these forms. Otherwise the test part is 20 % of each class.
    image_size : int or None
        Height and width to resize to, without keeping the aspect ratio. None for the size of the images if it is the
        same for all, else 32.
    strict : bool
        Whether an image that cannot be read is an error; if False, it is skipped with a ``SpotalWarning``.
    random_state : int, numpy generator or None, of the split; None means 0
    most : int or None
        Maximum number of images to read, a random sample of both parts with a fixed seed; None for all.

    Returns
    -------
    Dataset, with one channel if all images are gray, else three

    Raises
    ------
    DataFileError
        The folder is missing, has no labeled images, or no image can be read.
    InputError
        ``image_size`` is below 1.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from spotal.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"):
    ...         Path(folder, name).parent.mkdir(exist_ok=True)
    ...         Image.new("RGB", (8, 8)).save(Path(folder, name))
    ...     print(load_image_folder(folder, random_state=0).class_names)
    ('cat', 'dog')
    """
    root = Path(path)
    if not root.is_dir():
        raise DataFileError(f"{root} must be a folder of images; check the path")
    check_size(image_size)
    parts = _parts(root, strict)
    if most is not None:
        parts = _sampled(parts, most)
    files = [file for part in parts for file, _ in part]

    def size_of(sizes: list[Size]) -> Size:
        if image_size is not None:
            return image_size, image_size
        return sizes[0] if len(set(sizes)) == 1 else (DEFAULT_SIZE, DEFAULT_SIZE)

    coded, class_names = encode(*([label for _, label in part] for part in parts))
    images, rows = decode_all(files, [str(file) for file in files], root, size_of, strict=strict)
    y = np.concatenate(coded)[rows]
    if len(parts) == 2:
        is_test = rows >= len(parts[0])
        pool, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        if not len(pool) or not len(test):
            raise DataFileError(f"{root} has a part without any image that can be read; repair or remove it")
    else:
        pool, test = split(y, root, random_state)
    return Dataset(root.resolve().name, images[pool], y[pool], images[test], y[test], class_names)


def _sampled(parts: list[list[tuple[Path, str]]], most: int) -> list[list[tuple[Path, str]]]:
    """Return a random sample of at most ``most`` files of all parts, with each part in order."""
    total = sum(map(len, parts))
    if total <= most:
        return parts
    rows = set(np.random.default_rng(0).permutation(total)[:most].tolist())
    starts = np.cumsum([0, *map(len, parts)])
    return [[x for k, x in enumerate(part, start) if k in rows] for start, part in zip(starts, parts, strict=False)]


def _folders(root: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}


def _parts(root: Path, strict: bool) -> list[list[tuple[Path, str]]]:
    """Return the files and labels of the pool and, if the folder has one, of the test part."""
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
    labeled = [(path, parts[0]) for path, parts in within if len(parts) > 1]
    if not labeled:
        raise DataFileError(f"{root} has no images in its sub-folders ({listed([*folders])}); check the path")
    return labeled


def _by_table(root: Path) -> list[tuple[Path, str]]:
    path = root / TABLE
    table = read_table(path, empty=True)
    columns = {name.strip(): name for name in table.names}
    names = list(columns)
    file = next((name for name in FILE_COLUMNS if name in names), None)
    label = next((name for name in LABEL_COLUMNS if name in names), None)
    if file is None or label is None:
        raise DataFileError(
            f"{path} must have a column {' or '.join(FILE_COLUMNS)} and a column {' or '.join(LABEL_COLUMNS)}, found "
            f"{listed(names)}; rename its columns"
        )
    if not len(table):
        raise DataFileError(f"{path} has no rows; list an image and its label in each")
    cells = [[cell.strip() for cell in table.texts(columns[name], name, empty=True)] for name in (file, label)]
    rows = list(zip(*cells, strict=True))
    empty = next((number for number, row in enumerate(rows) if not all(row)), None)
    if empty is not None:
        raise DataFileError(f"{path} has an empty cell in {table.where(empty)}; fill it in or drop the line")
    return sorted((root / image, name) for image, name in rows)
