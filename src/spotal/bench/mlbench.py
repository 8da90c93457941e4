"""Two measured tables of R's package mlbench: printed letters, and radiators of the space shuttle."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets.download import cache_dir, places
from spotal.errors import DataFileError, DatasetError

__all__ = ["TABLES", "read"]

DEBIAN = "/usr/lib/R/site-library/mlbench/data"
"""Folder of the tables in Debian's package r-cran-mlbench."""
TABLES = {
    "letter": ("LetterRecognition", "19d01463ecc357bb375d9a1fcffee59e2009c3421aa3960accba71db597f0260"),
    "shuttle": ("Shuttle", "391d0b151fa5e7d055d7908753edf7422ae0392533fcb923a409eec74a7c301d"),
}
"""Name of the R object and of its file, and the SHA-256 of its content."""


def read(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """Return features (n, d), classes (n,) in 0 .. K-1, and the names of the K classes, in published order.

    "letter" has 20,000 printed letters, 16 features and 26 classes of similar size. "shuttle" has 58,000 states of the
    space shuttle's radiators, 9 features and 7 classes; the largest has 45,586 rows and the smallest 10.

    Raises
    ------
    DatasetError
        The table is not on this machine, or the package rdata, which reads it, is not installed.
    DataFileError
        The file is corrupt, or its content differs from the published one.

    References
    ----------
    F. Leisch, E. Dimitriadou, "mlbench: Machine Learning Benchmark Problems", R package 2.1.
    """
    content, checksum = TABLES[name]
    file = f"{content}.rda"
    path = next((place / file for place in places("mlbench", None, DEBIAN) if (place / file).is_file()), None)
    if path is None:
        raise DatasetError(
            f"{name} is a table of R's package mlbench, which is not on this machine; install Debian's r-cran-mlbench, "
            f"or put its {file} in {cache_dir() / 'mlbench'}, or set SPOTAL_DATA"
        )
    try:
        import rdata
    except ImportError:
        raise DatasetError(f"{name} is read by the package rdata, not installed; pip install spotal[bench]") from None
    try:
        with warnings.catch_warnings(action="ignore"):
            table = rdata.read_rda(path, default_encoding="utf-8")[content]
        label = next(column for column in table.columns if table[column].dtype == "category")
        X = table.drop(columns=label).to_numpy(np.float64)
        y = table[label].cat.codes.to_numpy(np.int64)
        classes = tuple(str(kind) for kind in table[label].cat.categories)
    except Exception as error:  # a parser of bytes may fail in any way
        raise DataFileError(f"{path} cannot be read as R data ({type(error).__name__}: {error}); replace it") from None
    digest = _checksum(X, y)
    if digest != checksum:
        raise DataFileError(
            f"{path} holds content of SHA-256 {digest}, expected {checksum}; replace it by mlbench's own"
        )
    return X, y, classes


def _checksum(X: NDArray[Any], y: NDArray[Any]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(X, "<f8").data)
    digest.update(np.ascontiguousarray(y, "<i8").data)
    return digest.hexdigest()
