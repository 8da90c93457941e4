"""Datasets by name, or from a path."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from spotal.datasets.base import Dataset
from spotal.datasets.download import Progress
from spotal.errors import DatasetError, InputError
from spotal.images import suffixes
from spotal.numeric.seeds import Seed

__all__ = ["load", "names"]

_NAMES = ("cifar10", "digits", "fashion-mnist")
_FILES = (".csv", ".npy", ".npz", ".parquet")


def names() -> tuple[str, ...]:
    """Names of the datasets that ``load`` knows, in alphabetical order."""
    return _NAMES


def load(
    name_or_path: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    random_state: Seed = None,
    strict: bool = False,
    download: bool = True,
    image_size: int | None = None,
    most: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """A dataset by name, or from a path.

    Parameters
    ----------
    name_or_path : str or path
        One of ``names()``; or a folder of labeled images, a folder or file of Parquet in Hugging Face's image layout,
        a .npz, .csv or .parquet file of labeled embeddings, or a .npy file with labels.csv beside it. A name counts
        before a path: write ``./digits`` for a folder called so.
    data_dir : path or None
        Where to look first for a named dataset, before ``$SPOTAL_DATA`` and the cache.
    random_state : int, numpy generator or None
        Of the split of a file or folder that comes without a test part; None is always the same split. Named datasets
        have a fixed test part.
    strict : bool
        Whether an image that cannot be read is an error; else it is left out with a ``SpotalWarning``.
    download : bool
        Whether a named dataset that is not on this machine may be fetched.
    image_size : int or None
        Height and width to resize the images of a path to; see ``load_image_folder``.
    most : int or None
        Of a folder of image files, how many are read at most; drawn at random under a fixed seed.
    progress : function or None
        Called while a file is downloaded, with the bytes so far and, where the server says so, in all.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        The name is unknown, or its data are not on this machine and cannot be fetched.
    DataFileError
        A file is missing, truncated, corrupt, fails its checksum, or does not hold labeled data.
    InputError
        ``image_size`` is given where there is no image of one's own to resize.
    """
    name = os.fspath(name_or_path)
    if name in _NAMES:
        if image_size is not None:
            raise InputError("image_size", must=f"be left out for the dataset {name!r}", found=image_size)
        return _named(name, data_dir, strict, download, progress)
    path = Path(name)
    kind = path.suffix.lower()
    if not path.exists():
        raise DatasetError(
            f"dataset must be one of {', '.join(_NAMES)} or the path of a folder of images, of Parquet, or of a file "
            f"{', '.join(_FILES)}, found {name!r}, which is none of these names and does not exist; check it"
        )
    is_folder = path.is_dir()
    if not is_folder and kind not in _FILES:
        what = "one image; give its folder" if kind in suffixes() else f"not one of {', '.join(_FILES)}; convert it"
        raise DatasetError(f"dataset {name} cannot be loaded: it is {what}")
    from spotal.datasets.parquet_images import has_images, load_parquet_images, parquet_parts

    if (is_folder and parquet_parts(path)[0]) or (kind == ".parquet" and not is_folder and has_images(path)):
        return load_parquet_images(path, image_size=image_size, strict=strict, random_state=random_state)
    if is_folder:
        from spotal.datasets.image_folder import load_image_folder

        return load_image_folder(path, image_size=image_size, strict=strict, random_state=random_state, most=most)
    if image_size is not None:
        raise InputError("image_size", must=f"be left out for the embeddings in {name}", found=image_size)
    from spotal.datasets.tables import load_table

    return load_table(path, random_state=random_state)


def _named(
    name: str, data_dir: str | os.PathLike[str] | None, strict: bool, download: bool, progress: Progress | None
) -> Dataset:
    home: Any = import_module(f"spotal.datasets.{name.replace('-', '_')}")
    dataset: Dataset
    if name == "digits":
        dataset = home.load_digits()
    elif name == "fashion-mnist":
        dataset = home.load_fashion_mnist(data_dir, fetch=download, progress=progress)
    else:
        dataset = home.load_cifar10(data_dir, fetch=download, strict=strict, progress=progress)
    return dataset
