"""The pool in two dimensions, and the marks of items on the map."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError
from spotal.project.places import MAPS
from spotal.project.predictions import read_embeddings
from spotal.storage.files import atomic_path, save_array
from spotal.tables.arrays import read_npy

if TYPE_CHECKING:
    from spotal.project import Project, Settings
    from spotal.project.item_states import ItemState

__all__ = ["MOST_DRAWN", "NONE", "OPEN", "SKIPPED", "TIED", "marks", "projection", "projection_name", "within"]

MOST_DRAWN = 10_000
"""Of a larger pool, so many evenly spaced items are drawn, and all picked or labeled ones."""
SCALE = 1000
"""Largest coordinate; the smallest is 0."""
EDGE = 0.5
"""Percent of the items at each end of an axis that are clipped to the edge, so that outliers take no room."""
NONE, SKIPPED, TIED, OPEN = -1, -2, -3, -4
"""Marks of items without a class: "none of these", skipped, in conflict, picked and waiting."""


def projection(project: Project, always: Iterable[int] = ()) -> dict[str, Any] | None:
    """Return the first two principal components of the newest embeddings, from 0 to ``SCALE``, or None without any.

    Parameters
    ----------
    always : numbers of items that are always drawn

    Returns
    -------
    dict of ``name`` (changes with the coordinates), ``numbers``, ``x`` and ``y``, lists of equal length
    """
    name, plane = projection_name(project), _cached(project)
    if plane is None:
        return None
    rows = np.arange(len(plane))
    if len(rows) > MOST_DRAWN:
        even = np.linspace(0, len(rows) - 1, MOST_DRAWN).astype(np.int64)
        rows = np.union1d(even, np.fromiter((number for number in always if number < len(plane)), np.int64))
    rows = rows[plane[rows, 0] >= 0]
    return {"name": name, "numbers": rows.tolist(), "x": plane[rows, 0].tolist(), "y": plane[rows, 1].tolist()}


def within(project: Project, box: tuple[int, int, int, int]) -> set[int]:
    """Return the numbers of the items in a box on the map: left, bottom, right and top, edges included."""
    plane = _cached(project)
    if plane is None:
        return set()
    left, bottom, right, top = box
    x, y = plane[:, 0], plane[:, 1]
    inside = (x >= max(0, left)) & (x <= right) & (y >= max(0, bottom)) & (y <= top)
    return set(np.flatnonzero(inside).tolist())


def marks(places: Iterable[ItemState], settings: Settings) -> dict[int, int | None]:
    """Return the mark of each item: the index of its class, one of the marks below 0, or None for no mark.

    If an item has several classes, the mark is the first of them in the order of the settings.
    """
    index = {name: k for k, name in enumerate(settings.classes)}
    states = {"none_of_these": NONE, "skipped": SKIPPED, "conflict": TIED}
    result: dict[int, int | None] = {}
    for place in places:
        if place.label is not None:
            classes = [index[name] for name in settings.parted(place.label) if name in index]
            result[place.number] = min(classes, default=NONE)  # the class was removed from spotal.toml
        else:
            result[place.number] = states[place.state] if place.state else OPEN if place.is_open else None
    return result


def projection_name(project: Project) -> str | None:
    """Return a name that changes when the projection changes."""
    numbers = (model.number for model in reversed(project.models.all()) if model.embeddings is not None)
    return next((f"model-{number}" for number in numbers), None)


def _cached(project: Project) -> NDArray[np.int16] | None:
    """Return the coordinates (n, 2) of all items, computed once for each model; None without embeddings."""
    array, name = read_embeddings(project), projection_name(project)
    if array is None or name is None:
        return None
    path = project.folder / MAPS / f"{name}.npy"
    plane = _read(path, len(array))
    if plane is None:
        plane = _plane(array, project.settings.random_state)
        with atomic_path(path) as part:
            save_array(part, plane)
    return plane


def _plane(array: NDArray[np.floating], random_state: int) -> NDArray[np.int16]:
    """Compute the coordinates (n, 2); -1 for items without an embedding (rows that are not finite)."""
    from spotal.reduce import PCA  # imports torch, which is slow

    finite = np.isfinite(np.asarray(array[:, 0], np.float32))
    plane = np.full((len(array), 2), -1, np.int16)
    usable = array if finite.all() else array[finite]
    if len(usable) < 3 or array.shape[1] < 2:
        flat = np.zeros((len(usable), 2)) if array.shape[1] < 1 else np.column_stack([usable[:, 0], usable[:, -1]])
    else:
        flat = np.asarray(PCA(2, random_state=random_state).fit_transform(usable), np.float64)
    if len(flat):
        low, high = np.percentile(flat, [EDGE, 100 - EDGE], axis=0)
        span = np.where(high > low, high - low, 1.0)
        plane[finite] = np.rint(SCALE * np.clip((flat - low) / span, 0, 1))
    return plane


def _read(path: Path, n: int) -> NDArray[np.int16] | None:
    """Read cached coordinates; return None if they must be computed again."""
    try:
        plane: NDArray[np.int16] = read_npy(path)
    except DataFileError:
        return None
    return plane if plane.shape == (n, 2) and plane.dtype == np.int16 else None
