"""CIFAR-10: color images of 32 x 32 in ten classes, 50,000 in the pool and 10,000 in the test part."""

from __future__ import annotations

import os
import tarfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spotal.datasets.base import Dataset
from spotal.datasets.download import Progress, cache_dir, download, find_folder, places
from spotal.datasets.parquet_images import load_parquet_images
from spotal.errors import DataFileError, DatasetError

__all__ = ["CLASS_NAMES", "load_cifar10"]

NAME = "cifar10"
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
ARCHIVE = "cifar-10-binary.tar.gz"
TRAIN = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST = ("test_batch.bin",)
ROW = 1 + 3 * 32 * 32
ROWS = 10_000
"""Rows in each of the archive's six files."""


def load_cifar10(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    fetch: bool = True,
    strict: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Load CIFAR-10 as uint8 images (n, 32, 32, 3), in the order of its files.

    The data are ``train.parquet`` and ``test.parquet`` in Hugging Face's layout, or the authors' archive of binary
    files. They are searched in ``data_dir``, ``data_dir/cifar10``, ``$SPOTAL_DATA/cifar10`` and
    ``~/.cache/spotal/cifar10``. If they are in none of these, the archive is downloaded to the cache (162 MB). Row
    numbers of the two forms differ, since Parquet copies are often shuffled. For arguments and errors see
    :func:`spotal.datasets.load`, where ``fetch`` is called ``download``.

    References
    ----------
    A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto,
    2009.
    """
    folders = places(NAME, data_dir)
    parquet = find_folder(folders, ("train.parquet", "test.parquet"))
    if parquet is not None:
        return load_parquet_images(parquet, name=NAME, strict=strict)
    folder = find_folder(folders, (ARCHIVE,))
    if folder is None:
        folder = cache_dir() / NAME
        remedy = f"put train.parquet and test.parquet in {folder}, or set SPOTAL_DATA"
        if not fetch:
            raise DatasetError(f"{NAME} is not on this machine, and downloading was ruled out; {remedy}")
        download(URL, folder / ARCHIVE, name=NAME, remedy=remedy, md5=MD5, progress=progress)
    members = _members(folder / ARCHIVE)
    images, y = _rows([members[name] for name in TRAIN], folder / ARCHIVE)
    images_test, y_test = _rows([members[name] for name in TEST], folder / ARCHIVE)
    return Dataset(NAME, images, y, images_test, y_test, CLASS_NAMES)


def _members(archive: Path) -> dict[str, bytes]:
    """Return the content of the six files in the archive by name; nothing is extracted to disk."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in TRAIN + TEST and member.isfile() and member.size == ROWS * ROW:
                    file = tar.extractfile(member)
                    members[name] = b"" if file is None else file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataFileError(
            f"{archive} is truncated or corrupt ({error}); delete it to have it fetched again"
        ) from None
    missing = [name for name in TRAIN + TEST if name not in members]
    if missing:
        raise DataFileError(
            f"{archive} must hold {len(TRAIN + TEST)} files of {ROWS * ROW} bytes, found no such {', '.join(missing)}; "
            "delete it to have it fetched again"
        )
    return members


def _rows(batches: list[bytes], archive: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (n, 32, 32, 3) and labels, from rows of one label byte and 3 x 32 x 32 bytes."""
    rows = np.concatenate([np.frombuffer(batch, np.uint8).reshape(-1, ROW) for batch in batches])
    y = rows[:, 0].astype(np.int64)
    if y.max() >= len(CLASS_NAMES):
        raise DataFileError(f"{archive} has label {y.max()}, at most 9 expected; delete it to have it fetched again")
    return np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), y
