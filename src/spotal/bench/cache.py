"""Arrays that are costly to make, kept under the hash of all that they depend on."""

from __future__ import annotations

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

__all__ = ["Cache", "content_hash"]

Arrays = dict[str, NDArray[Any]]


class Cache:
    """Arrays in .npz files called after the hash of what they were made from.

    Parameters
    ----------
    folder : path, where new ones are written; made when first needed
    also : paths, folders that are looked in first and never written to

    Attributes
    ----------
    seconds : float, spent in making arrays, or in waiting for another process that made them
    """

    def __init__(self, folder: str | os.PathLike[str], also: Iterable[str | os.PathLike[str]] = ()) -> None:
        self.folder = Path(folder)
        self.also = tuple(Path(place) for place in also)
        self.seconds = 0.0

    def get(self, recipe: dict[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The arrays made by ``recipe`` (JSON types), made now where no file holds them.

        Of several processes that ask at once one makes them and the others wait. A file that is damaged is made anew.
        """
        name = f"{recipe['kind']}-{content_hash(recipe)}.npz"
        for folder in (*self.also, self.folder):
            found = _read(folder / name)
            if found is not None:
                return found
        start = time.perf_counter()
        with locked(self.folder / f".{name}.lock"):
            found = _read(self.folder / name)
            if found is None:
                found = make()
                with atomic_path(self.folder / name) as part, part.open("wb") as file:
                    np.savez(file, recipe=np.array(json.dumps(recipe, sort_keys=True)), **found)  # type: ignore[arg-type]
        self.seconds += time.perf_counter() - start
        return found


def _read(path: Path) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name != "recipe"}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
