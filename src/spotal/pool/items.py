"""Data sets of PyTorch and Hugging Face as arrays, with one row for each item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import to_numpy
from spotal.pool.spooling import DATASET_ROWS, spool
from spotal.tables.columns import EMBEDDING_COLUMNS, features, texts_of

__all__ = ["hugging_face_rows", "is_hugging_face", "is_torch_dataset", "torch_rows"]

VECTORS = ("Array2D", "LargeList", "List", "Sequence")
"""Types of Hugging Face columns with vectors."""
AT_ONCE = 256
"""Items of a torch data set to stack at a time."""


def is_hugging_face(x: object) -> bool:
    """Return whether x is a ``datasets.Dataset``, without importing ``datasets``."""
    return type(x).__module__.split(".")[0] == "datasets" and hasattr(x, "with_format") and hasattr(x, "__getitem__")


def _check_named(dataset: Any, name: str) -> None:
    """Refuse a dict of splits, and a data set with vectors in a column of an uncommon name."""
    if isinstance(dataset, dict):
        splits = ", ".join(map(repr, dataset))
        raise InputError(name, must="be one data set", found=f"a dict of {splits}", remedy="take one of them")
    vectors = [key for key, kind in dataset.features.items() if type(kind).__name__ in VECTORS]
    if vectors and not set(EMBEDDING_COLUMNS) & set(dataset.column_names):
        raise InputError(
            "column", must="be given", found=f"None, and vectors in {', '.join(map(repr, vectors))}", remedy="name one"
        )


def is_torch_dataset(x: object) -> bool:
    """Return whether x is a map-style ``torch.utils.data.Dataset``, without importing torch."""
    named = any(k.__name__ == "Dataset" and k.__module__.startswith("torch.utils.data") for k in type(x).__mro__)
    return named and not hasattr(x, "__iter__")


def hugging_face_rows(dataset: Any, name: str, column: str | None = None) -> NDArray[Any]:
    """Return a column of a Hugging Face data set: vectors (n, d), images (n, h, w, c), texts (n,) or numbers (n, 1).

    Without ``column``, return the vectors in ``embedding``, ``embeddings`` or ``X``, or all columns of numbers. Vectors
    are written to a temporary file and memory-mapped. Raises InputError if there is no such column, if it has other
    values, or if its images differ in size.
    """
    if column is None or isinstance(dataset, dict):
        _check_named(dataset, name)
        return spool(dataset)
    if column not in dataset.column_names:
        raise InputError(
            "column", must=f"be one of {', '.join(dataset.column_names)}", found=repr(column), remedy="name one of them"
        )
    kind = dataset.features[column]
    if type(kind).__name__ == "Image":
        return _images((row[column] for row in dataset.with_format(None).select_columns([column])), "column")
    if getattr(kind, "dtype", None) in ("string", "large_string"):
        table = dataset.select_columns([column]).with_format("arrow")[:]
        return np.array(texts_of(table[column], f"column {column!r}", Path("the data set")), object)
    parts = dataset.select_columns([column]).rename_column(column, EMBEDDING_COLUMNS[0]).with_format("arrow")
    return spool(features(_unwrapped(table), Path(f"column {column!r} of the data set")) for table in
                 parts.iter(DATASET_ROWS))  # fmt: skip


def _unwrapped(table: Any) -> Any:
    """Return the table with Array2D and other extension types as plain lists."""
    import pyarrow as pa

    field = table.schema.field(0)
    if not isinstance(field.type, pa.BaseExtensionType):
        return table
    chunks = [chunk.storage for chunk in table.column(0).chunks]
    return pa.table({field.name: pa.chunked_array(chunks, field.type.storage_type)})


def torch_rows(dataset: Any, name: str, column: str | int | None = None) -> NDArray[Any]:
    """Return the items of a torch data set: vectors (n, d), or images (n, h, w, c) from (c, h, w) or PIL images.

    An item is a tensor or array, a tuple that starts with one, such as (vector, label), or a dict with one under
    ``embedding``. ``column`` is another key or position. The data set is read once, in order; vectors are written to a
    temporary file. Raises InputError if the data set is empty, or if items do not have ``column`` or differ in shape.
    """
    if not hasattr(dataset, "__len__"):
        raise InputError(
            name, must="have a length", found=f"{type(dataset).__name__} without", remedy="give it __len__"
        )
    if not len(dataset):
        raise InputError(name, must="have at least one item", found="an empty data set")
    items = (_part(dataset[number], column) for number in range(len(dataset)))
    first = np.asarray(_part(dataset[0], column))
    if first.ndim in (0, 1):
        width = first.size
        return spool(np.stack([item.reshape(width) for item in block]) for block in _stacks(items, first.shape, name))
    return _images(items, name)


def _part(item: Any, column: str | int | None) -> Any:
    if column is not None:
        try:
            return _array(item[column])
        except (KeyError, IndexError, TypeError):
            raise InputError(
                "column", must="be a place in each item of the data set", found=repr(column), remedy=_places(item)
            ) from None
    if isinstance(item, dict):
        place = next((place for place in EMBEDDING_COLUMNS if place in item), None)
        if place is None:
            raise InputError("column", must="be given for items that are dicts", found="None", remedy=_places(item))
        return _array(item[place])
    return _array(item[0] if isinstance(item, tuple | list) else item)


def _places(item: Any) -> str:
    if isinstance(item, dict):
        return f"an item has {', '.join(map(repr, item))}"
    return f"an item has {len(item)} parts" if isinstance(item, tuple | list) else f"an item is a {type(item).__name__}"


def _array(value: Any) -> NDArray[Any]:
    array = to_numpy(value)
    if array.dtype.kind not in "fuib":
        raise InputError("X", must="hold numbers", found=f"items of type {type(value).__name__}", remedy="embed them")
    return array


def _stacks(items: Iterable[Any], shape: tuple[int, ...], name: str) -> Iterator[list[Any]]:
    """Yield lists of items of one shape."""
    block: list[Any] = []
    for number, item in enumerate(items):
        if item.shape != shape:
            must = f"have items of one shape, {shape} like the first"
            raise InputError(
                name, must=must, found=f"{item.shape} in item {number}", remedy="resize them, or embed them first"
            )
        block.append(item)
        if len(block) == AT_ONCE:
            yield block
            block = []
    if block:
        yield block


def _images(items: Iterable[Any], name: str) -> NDArray[Any]:
    """Return images of one size as one array (n, h, w, c) of their dtype."""
    images = (_channels_last(_array(item), name) for item in items)
    first = next(images)
    return np.concatenate([np.stack(block) for block in _stacks(chain([first], images), first.shape, name)])


def _channels_last(image: NDArray[Any], name: str) -> NDArray[Any]:
    if image.ndim == 2:
        return image[..., None]
    if image.ndim == 3 and image.shape[2] not in (1, 3, 4) and image.shape[0] in (1, 3, 4):
        return image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[2] in (1, 3, 4):
        return image
    raise InputError(name, must="have items that are vectors or images", found=f"shape {image.shape}")
