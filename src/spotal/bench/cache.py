"""Cache of arrays that are costly to compute, keyed by a hash of all their inputs."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.selection.provenance import content_hash
from spotal.storage.files import atomic_path
from spotal.storage.locks import locked

__all__ = ["Cache", "content_hash", "fingerprint"]

Arrays = dict[str, NDArray[Any]]


class Cache:
    """A cache of arrays in .npz files. The file's name is a hash of the recipe.

    Parameters
    ----------
    folder : path of the folder for new files; created when first needed
    also : paths of read-only folders that are searched first

    Attributes
    ----------
    seconds : float, time spent computing arrays or waiting for another process that computes them
    """

    def __init__(self, folder: str | os.PathLike[str], also: Iterable[str | os.PathLike[str]] = ()) -> None:
        self.folder = Path(folder)
        self.also = tuple(Path(place) for place in also)
        self.seconds = 0.0

    def get(self, recipe: dict[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of ``recipe`` (JSON types); call ``make`` if no file holds them.

        If several processes need the same arrays, one computes them and the others wait. A damaged file is computed
        again.
        """
        name = f"{recipe['kind']}-{content_hash(recipe)}.npz"
        for folder in (*self.also, self.folder):
            arrays = _read(folder / name)
            if arrays is not None:
                return arrays
        start = time.perf_counter()
        with locked(self.folder / f".{name}.lock"):
            arrays = _read(self.folder / name)
            if arrays is None:
                arrays = make()
                with atomic_path(self.folder / name) as part, part.open("wb") as file:
                    np.savez(file, recipe=np.array(json.dumps(recipe, sort_keys=True)), **arrays)  # type: ignore[arg-type]
        self.seconds += time.perf_counter() - start
        return arrays


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return a hash of arrays: their shapes and types, and about 2,000 evenly spaced rows of each."""
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array[:: max(1, len(array) // 2_000)]).data)
    return digest.hexdigest()


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name != "recipe"}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
