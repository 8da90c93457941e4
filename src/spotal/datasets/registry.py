"""Loading of datasets by name or from a path."""

from __future__ import annotations

import os
from pathlib import Path

from spotal.datasets.base import Dataset
from spotal.datasets.download import Progress
from spotal.errors import DatasetError, InputError
from spotal.images import suffixes
from spotal.numeric.seeds import Seed

__all__ = ["load", "names"]

_NAMES = ("cifar10", "digits", "fashion-mnist")
_FILES = (".csv", ".npy", ".npz", ".parquet")


def names() -> tuple[str, ...]:
    """Return the names of the datasets that ``load`` can load, in alphabetical order.

    Examples
    --------
    >>> from spotal.datasets import names
    >>> "digits" in names()
    True
    """
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
    """Load a dataset by name or from a path.

    Parameters
    ----------
    name_or_path : str or path
        One of ``names()``; a folder of labeled images; a file or folder of Parquet in Hugging Face's image layout; a
        .npz, .csv or .parquet file of labeled embeddings; or a .npy file with labels.csv in the same folder. A name has
        precedence over a path: write ``./digits`` for a folder of that name.
    data_dir : path or None
        First folder to search for a named dataset, before ``$SPOTAL_DATA`` and the cache.
    random_state : int, numpy generator or None
        Seed of the split of a file or folder without a test part; None means 0. Named datasets have a fixed test part.
    strict : bool
        Whether an image that cannot be read is an error; if False, it is skipped with a ``SpotalWarning``.
    download : bool, whether to download a named dataset that is not on this machine
    image_size : int or None, height and width to resize the images of a path to; see ``load_image_folder``
    most : int or None, maximum number of files to read from a folder of images, a random sample with a fixed seed; None
        for all
    progress : function or None
        Called during a download with the number of bytes so far and the total number; the total is None if the server
        does not send it.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        The name is unknown, or the data are not on this machine and cannot be downloaded.
    DataFileError
        A file is missing, truncated, corrupt, has a wrong checksum, or has no labeled data.
    InputError
        ``image_size`` is given for a named dataset or for embeddings.

    Examples
    --------
    >>> from spotal.datasets import load
    >>> digits = load("digits")
    >>> digits.X.shape[1:], digits.n_classes
    ((8, 8, 1), 10)
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
    from spotal.datasets import cifar10, digits, fashion_mnist

    if name == "digits":
        return digits.load_digits()
    if name == "fashion-mnist":
        return fashion_mnist.load_fashion_mnist(data_dir, fetch=download, progress=progress)
    return cifar10.load_cifar10(data_dir, fetch=download, strict=strict, progress=progress)
