"""Fashion-MNIST: gray images of 28 x 28 in ten classes, 60,000 in the pool and 10,000 in the test part."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spotal.datasets.base import Dataset
from spotal.datasets.download import Progress, cache_dir, download, places
from spotal.errors import DataFileError, DatasetError
from spotal.tables import reading

__all__ = ["CLASS_NAMES", "load_fashion_mnist"]

NAME = "fashion-mnist"
CLASS_NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
URL = "https://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DEBIAN = "/usr/share/datasets/fashion-mnist"
"""The folder of Debian's package dataset-fashion-mnist."""
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Hashes of the decompressed content; the compressed bytes differ between publishers."""


def load_fashion_mnist(
    data_dir: str | os.PathLike[str] | None = None, *, fetch: bool = True, progress: Progress | None = None
) -> Dataset:
    """Load Fashion-MNIST as uint8 images (n, 28, 28, 1), in its published order.

    The four IDX files, with or without ``.gz``, are searched in ``data_dir``, ``data_dir/fashion-mnist``,
    ``$SPOTAL_DATA/fashion-mnist``, the cache (``~/.cache/spotal/fashion-mnist``) and the folder of Debian's package
    ``dataset-fashion-mnist``. If they are in none of these, they are downloaded to the cache (30 MB). Checksums are
    always verified. For arguments and errors see :func:`spotal.datasets.load`, where ``fetch`` is called ``download``.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", arXiv:1708.07747, 2017.
    """
    folders = places(NAME, data_dir, DEBIAN)
    files = next((files for files in map(_files, folders) if files), None)
    if files is None:
        target = cache_dir() / NAME
        remedy = f"put its four IDX files in {target}, or set SPOTAL_DATA, or install Debian's dataset-fashion-mnist"
        if not fetch:
            raise DatasetError(f"{NAME} is not on this machine, and downloading was ruled out; {remedy}")
        for name, checksum in SHA256.items():
            url, file = f"{URL}{name}.gz", target / f"{name}.gz"
            if not file.is_file():
                download(url, file, name=NAME, remedy=remedy, sha256=checksum, decompressed=True, progress=progress)
        files = _files(target)
        assert files is not None
    x, y, x_test, y_test = (_read(files[name], checksum) for name, checksum in SHA256.items())
    return Dataset(NAME, x[..., None], y.astype(np.int64), x_test[..., None], y_test.astype(np.int64), CLASS_NAMES)


def _files(folder: Path) -> dict[str, Path] | None:
    """Return the paths of the four files in a folder by name, or None unless all are there."""
    paths = [path for name in SHA256 for path in (folder / f"{name}.gz", folder / name)]
    files = {path.name.removesuffix(".gz"): path for path in reversed(paths) if path.is_file()}
    return files if len(files) == len(SHA256) else None


def _read(path: Path, checksum: str) -> NDArray[np.uint8]:
    """Return the array in an IDX file, with or without gzip compression; its content must have the checksum."""
    try:
        with reading(path):
            content = path.read_bytes()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{path} is truncated or corrupt ({error}); replace it") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != checksum:
        raise DataFileError(
            f"{path} holds content of SHA-256 {digest}, expected {checksum}; replace it by the published file"
        )
    # two zeros, the type (bytes), the number of dimensions, then their sizes and the values
    shape = np.frombuffer(content, ">u4", content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape).copy()
