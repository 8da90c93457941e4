"""Datasets of features from pretrained encoders: images by EfficientNet-Lite0, texts by multilingual-e5-small."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from spotal.datasets import Dataset
from spotal.datasets.download import cache_dir, places
from spotal.errors import DataFileError, DatasetError

__all__ = ["FILES", "find", "read"]

FILES = {
    "banking77-e5": "edaa190d0926cf31a824c0c84e4c9fa60da6e96aec3eeb00b721ab2b99b4332e",
    "cifar10-lite0": "e845a61bcf7ec276aa23c39f8a44d055ab1dfad95cd21a492732bb9936d4b328",
    "clothing-lite0": "ac3f587fb8cb8c0638a14c4fccbaa1d2b65a678c7069454dd33a29fdcc481a90",
    "emotion-e5": "ed9a14d88649cf116af1213984d480c4de9a5877995211bb1d9745e74e397292",
    "hate-e5": "c658e5abbdb50bb3322a2b162853d28b56b7380206095e1d4c78c54e4bc3dead",
    "signs-lite0": "6975c93e7ff4f1fb8a6e287581700ebd52c72965882865e822ee629c4e2997c3",
}
"""Maps the name of each file, without its ending, to the SHA-256 of its bytes."""
FOLDER = "features"


def find(name: str) -> Path | None:
    """Return the path of a file of features, or None if it is not on this machine."""
    file = f"{name}.npz"
    return next((place / file for place in places(FOLDER, None) if (place / file).is_file()), None)


def read(name: str) -> Dataset:
    """Read ``NAME.npz``: X float16 (n, d), y (n,), and the same for the test part. X is returned as float32.

    The file is in the folder ``features`` of ``$SPOTAL_DATA`` or of spotal's cache. docs/guides/comparing.md describes
    each pool, its source and how its features were made.

    Raises
    ------
    DatasetError
        The file is not on this machine.
    DataFileError
        The file's SHA-256 is not the expected one.
    """
    file = f"{name}.npz"
    path = find(name)
    if path is None:
        raise DatasetError(
            f"{name} is a file of features, {file}, which is not on this machine; put it in {cache_dir() / FOLDER}, or "
            f"set SPOTAL_DATA to a folder whose {FOLDER} holds it"
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != FILES[name]:
        raise DataFileError(f"{path} has SHA-256 {digest}, expected {FILES[name]}; replace it by the known file")
    with np.load(io.BytesIO(content), allow_pickle=False) as file_:
        X, y, X_test, y_test = (file_[key] for key in ("X", "y", "X_test", "y_test"))
    classes = tuple(str(label) for label in range(int(y.max()) + 1))
    X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    return Dataset(name, X, y.astype(np.int64), X_test, y_test.astype(np.int64), classes)
