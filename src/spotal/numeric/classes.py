"""Labels in the forms that people have: names, numbers, categories, with and without missing ones."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError, SpotalWarning
from spotal.numeric.arrays import is_tensor, to_numpy

__all__ = ["codes_of", "read_labels", "shape_of"]

MISSING_TYPES = ("NAType", "NaTType")
"""Types of pandas values for missing labels, besides None and NaN."""
KINDS = {"U": "texts", "i": "integers", "f": "floats", "b": "booleans"}
FEW = 20
"""Number of distinct floats that always count as classes; if there are more, they must repeat."""
LARGEST_INTEGER = 2**63 - 1
LARGEST_WHOLE = 2.0**53
"""Above it, not every integer is a float."""
WRITTEN_MISSING = ("nan", "None", "<NA>", "NaT")
"""Texts that numpy and pandas write for a missing label."""


def shape_of(labels: Any) -> tuple[int, ...]:
    """Return the shape of labels in any form; (n,) for a list whose rows differ in length."""
    try:
        return tuple(np.shape(labels))
    except ValueError:
        return (len(labels),)


def read_labels(labels: object, name: str, *, minus_one: bool = True) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read class labels in any form.

    Parameters
    ----------
    labels : (n,) texts, integers, booleans or floats, in a list, array, tensor, masked array, pandas or polars Series,
        Categorical or column of a Hugging Face data set. None, NaN, pandas.NA and masked entries are missing. Floats
        that are whole numbers are read as integers.
    name : str, the argument, for errors
    minus_one : bool, whether the integer -1 is missing too, as in scikit-learn's semi-supervised models

    Returns
    -------
    values : (n,) str, int64, float64 or bool; undefined where a label is missing
    present : bool (n,), True where there is a label

    Raises
    ------
    InputError
        The labels are not one-dimensional, have several types or an unsupported one, are measurements (more than 20
        distinct floats, most of which occur once), exceed 64 bits, or are -1 and 1 only although -1 means missing.

    Warns
    -----
    SpotalWarning
        A text is "nan" or another that numpy and pandas write for a missing label. It counts as a class.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.numeric.classes import read_labels
    >>> values, present = read_labels(["gull", None, "tern"], "labels")
    >>> values[present].tolist(), present.tolist()
    (['gull', 'tern'], [True, False, True])
    >>> read_labels([1.0, np.nan, 0.0], "labels")[0].dtype
    dtype('int64')
    """
    array, present = _array(labels, name)
    if array.ndim != 1:
        raise InputError(name, must="be 1-D, one class for each row", found=f"shape {array.shape}")
    values = _of_one_type(array, present, name)
    if values.dtype.kind == "i" and minus_one:
        given = np.unique(values[present])
        if given.tolist() == [-1, 1]:
            raise InputError(
                name, "holds -1 and 1, and -1 means that there is no label", "use other names for the two classes"
            )
        present &= values != -1
    return values, present


def codes_of(values: NDArray[Any], classes: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Return the index of each value (n,) in ``classes``, int64 (n,). Raises InputError for other values."""
    order = np.argsort(classes, kind="stable")
    if values.dtype.kind != classes.dtype.kind and not {values.dtype.kind, classes.dtype.kind} <= set("if"):
        raise InputError(
            name,
            must=f"be {KINDS[classes.dtype.kind]}, as the classes are",
            found=KINDS[values.dtype.kind],
            remedy="convert them",
        )
    places = np.searchsorted(classes, values, sorter=order).clip(max=len(classes) - 1)
    codes: NDArray[np.int64] = order[places].astype(np.int64)
    unknown = values[classes[codes] != values]
    if len(unknown):
        listed = ", ".join(repr(value.item()) for value in classes[:8]) + (", ..." if len(classes) > 8 else "")
        raise InputError(name, must=f"be one of the classes {listed}", found=repr(unknown[0].item()))
    return codes


def _array(labels: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the labels as an array, and a mask of those not masked."""
    if isinstance(labels, np.ma.MaskedArray):
        return np.asarray(labels.data), ~np.ma.getmaskarray(labels)
    if is_tensor(labels):
        array = to_numpy(labels)
    else:
        try:
            array = np.asarray(labels)
            if array.dtype.kind == "U" and not isinstance(labels, np.ndarray):
                array = np.asarray(labels, dtype=object)  # numpy writes numbers and None among texts as texts
        except ValueError:
            raise InputError(name, must="be 1-D, one class for each row", found="rows of different length") from None
    return array, np.ones(array.shape, bool)


def _of_one_type(array: NDArray[Any], present: NDArray[np.bool_], name: str) -> NDArray[Any]:
    """Return values as texts, int64, float64 or bool; set ``present`` to False where one is missing."""
    if array.dtype.kind in "OT":
        cells = array.astype(object)
        present &= np.array([not _is_missing(cell) for cell in cells], bool)
        kinds = sorted({_kind(cell) for cell in cells[present]})
        if set(kinds) == {"f", "i"}:
            kinds = ["f"]
        if len(kinds) > 1 or kinds == [""]:
            types = " and ".join(sorted({type(cell).__name__ for cell in cells[present]})[:3])
            raise InputError(name, must="be texts or numbers, all of one type", found=types, remedy="convert them")
        filler: Any = {"U": "", "f": 0.0, "b": False}.get(kinds[0], 0) if kinds else 0
        filled = [cell if there else filler for cell, there in zip(cells, present, strict=True)]
        dtype = {"U": np.str_, "f": np.float64, "b": np.bool_}.get(kinds[0] if kinds else "", np.int64)
        try:
            array = np.array(filled, dtype)
        except OverflowError:
            raise _too_large(name) from None
    if array.dtype.kind in "iu":
        if array.dtype == np.uint64 and array.max(initial=0) > LARGEST_INTEGER:
            raise _too_large(name)
        return array.astype(np.int64)
    if array.dtype.kind == "U":
        _warn_of_missing(array, name)
    if array.dtype.kind in "Ub":
        return array
    if array.dtype.kind != "f":
        if not array.size:
            return np.zeros(array.shape, np.int64)
        raise InputError(name, must="be texts or numbers", found=f"dtype {array.dtype}", remedy="convert them")
    present &= ~np.isnan(array)
    values = np.where(present, array, 0).astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(name, must="be classes", found="infinity", remedy="repair it")
    if (np.abs(values) > LARGEST_WHOLE).any():
        raise _too_large(name)
    if (values == np.round(values)).all():
        return values.astype(np.int64)
    different = len(np.unique(values[present]))
    if different > max(FEW, present.sum() / 2):
        raise InputError(
            name,
            must="be classes",
            found=f"{different:,} different floats among {int(present.sum()):,}, which look like measurements",
            remedy="round or bin them first",
        )
    return values


def _too_large(name: str) -> InputError:
    return InputError(name, must="be classes", found="numbers of more than 64 bits", remedy="give them as texts")


def _warn_of_missing(texts: NDArray[Any], name: str) -> None:
    for written in WRITTEN_MISSING:
        count = int((texts == written).sum())
        if count:
            message = (
                f"{name} holds the text {written!r} {count:,} time{'s' * (count > 1)}, which is taken for a class; "
            )
            remedy = "write None for a missing label, and keep numpy and pandas from turning it into text"
            warnings.warn(message + remedy, SpotalWarning, stacklevel=5)


def _is_missing(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in MISSING_TYPES or (isinstance(cell, float) and np.isnan(cell))


def _kind(cell: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (str, "U"), ((bool, np.bool_), "b"), ((int, np.integer), "i"), ((float, np.floating), "f")
    )  # fmt: skip
    return next((kind for types, kind in kinds if isinstance(cell, types)), "")
