"""Checks of arrays that users pass, iteration over blocks of rows, conversion between numpy and torch.

The numeric core uses torch tensors on any device. A numpy argument gives a numpy result, and a tensor gives a tensor on
its device. A ``np.memmap`` is read in blocks of rows and never copied whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.errors import InputError
from spotal.numeric.shapes import ArrayOrTensor

if TYPE_CHECKING:
    import torch

__all__ = [
    "as_array",
    "batches_of",
    "block_rows",
    "blocks",
    "check_matrix",
    "check_rows",
    "check_weight",
    "is_tensor",
    "to_numpy",
    "to_tensor",
    "unmasked",
]

BLOCK_BYTES = 32 << 20
"""Default target size of one block of rows, in bytes."""
LARGEST = 1e19
"""Largest magnitude of an entry: its square is still a float32."""


_block_bytes: ContextVar[int] = ContextVar("block_bytes", default=BLOCK_BYTES)


@contextmanager
def batches_of(size: int) -> Iterator[None]:
    """Use blocks of about ``size`` bytes instead of 32 MB within the context."""
    token = _block_bytes.set(size)
    try:
        yield
    finally:
        _block_bytes.reset(token)


def is_tensor(x: object) -> TypeGuard[torch.Tensor]:
    """Return whether x is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def to_numpy(x: ArrayOrTensor) -> NDArray[Any]:
    """Return any array or tensor as a numpy array, without a copy if possible; bfloat16 becomes float32.

    Raises InputError for an array with masked entries.
    """
    if isinstance(x, np.ma.MaskedArray):
        return unmasked(x, "the array")
    if is_tensor(x):
        tensor = x.detach().cpu()
        array: NDArray[Any] = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
        return array
    return np.asarray(x)


def unmasked(x: np.ma.MaskedArray[Any, Any], name: str) -> NDArray[Any]:
    """Return the data of a masked array without masked entries. Raises InputError if entries are masked."""
    count = int(np.ma.getmaskarray(x).sum())
    if count:
        raise InputError(
            name,
            must="have no masked entries",
            found=f"{count:,}",
            remedy="fill them in, or drop their rows, before you pass it",
        )
    return np.asarray(x.data)


def as_array(x: ArrayOrTensor, name: str) -> NDArray[Any]:
    """Return x as :func:`to_numpy` does. Raises InputError for ragged lists and for masked entries."""
    if isinstance(x, np.ma.MaskedArray):
        return unmasked(x, name)
    try:
        return to_numpy(x)
    except ValueError as error:
        raise InputError(name, must=f"be an array with rows of equal length ({error})") from None


def to_tensor(x: ArrayOrTensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return an array or tensor as a float tensor: float64 and 64-bit integers as float64, all else as float32.

    A numpy array that torch cannot share (read-only, byte-swapped, negative strides) is copied, so call this on
    blocks. A tensor is detached from its graph.
    """
    import torch

    tensor: torch.Tensor
    if is_tensor(x):
        tensor = x.detach()
    else:
        array = np.asarray(x)
        if array.dtype.itemsize > 8 or (array.dtype.kind in "ui" and array.dtype.itemsize > 4):
            array = array.astype(np.float64)
        elif array.dtype.kind in "uib" or array.dtype.itemsize == 2:
            array = array.astype(np.float32)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        if not array.flags.writeable or any(stride < 0 for stride in array.strides):
            array = array.copy()
        tensor = torch.from_numpy(array)
    if dtype is None:
        dtype = torch.float64 if tensor.dtype in (torch.float64, torch.int64) else torch.float32
    return tensor.to(dtype)


def block_rows(dim: int, itemsize: int = 4, target: int | None = None) -> int:
    """Return how many rows of width ``dim`` fill about ``target`` bytes (None: 32 MB); at least 256."""
    return max(256, (_block_bytes.get() if target is None else target) // max(1, dim * itemsize))


def blocks(n: int, rows: int) -> Iterator[slice]:
    """Yield slices that cover range(n), ``rows`` at a time."""
    for start in range(0, n, rows):
        yield slice(start, min(n, start + rows))


def check_matrix(x: Any, name: str, *, finite: bool = True, where: Callable[[int], object] = int) -> Any:
    """Check that x is a finite numeric matrix (n, d); return it as an array or tensor, uncopied if it is one.

    ``where`` maps a row number to the name that errors use. Raises InputError for a wrong number of dimensions, no rows
    or columns, a dtype that is not a real number, and entries that are NaN, infinite or beyond 1e19. One blockwise pass
    when ``finite``.
    """
    if not is_tensor(x):
        if hasattr(x, "toarray"):
            raise InputError(name, "is a sparse matrix, which is not supported", f"pass {name}.toarray()")
        is_plain = isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray)
        x = x if is_plain else as_array(x, name)
    elif x.is_sparse or x.layout is not sys.modules["torch"].strided:
        raise InputError(name, "is a sparse tensor, which is not supported", f"pass {name}.to_dense()")
    else:
        x = x.detach() if x.requires_grad else x  # the same object where it can be
    if x.ndim != 2:
        raise InputError(
            name,
            must="be a 2-D array (rows, features)",
            found=f"{x.ndim}-D with shape {tuple(x.shape)}",
            remedy="embed images first, or " * (x.ndim == 4) + "Reshape your data to one row per item",
        )
    if not x.shape[0]:
        raise InputError(name, f"has 0 rows (shape={tuple(x.shape)}), at least 1 needed")
    if x.shape[1] == 0:
        raise InputError(name, f"has 0 feature(s) (shape={tuple(x.shape)}) while a minimum of 1 is required.")
    _check_dtype(x, name)
    if not is_tensor(x) and x.dtype == object:
        x = _objects_to_float(x, name)
    if finite:
        _check_finite(x, name, where)
    return x


def _check_dtype(x: Any, name: str) -> None:
    if is_tensor(x):
        if x.dtype.is_complex:
            raise InputError(name, "is complex: Complex data not supported", "pass real numbers")
        return
    if x.dtype.kind == "c":
        raise InputError(name, f"has dtype {x.dtype}: Complex data not supported", "pass real numbers")
    if x.dtype.kind not in "fuibO":
        raise InputError(
            name, must="hold numbers", found=f"dtype {x.dtype}", remedy="encode its values as numbers first"
        )


def _objects_to_float(x: NDArray[Any], name: str) -> NDArray[np.float64]:
    try:
        return x.astype(np.float64)
    except (TypeError, ValueError) as error:
        kind = _NotNumbers if isinstance(error, TypeError) else InputError
        raise kind(name, must="hold numbers", found=f"objects that are not: {error}") from None


class _NotNumbers(InputError, TypeError):
    """Objects where numbers were expected (scikit-learn's contract wants a TypeError here)."""


def _check_finite(x: Any, name: str, where: Callable[[int], object]) -> None:
    if is_tensor(x):
        if not x.dtype.is_floating_point:
            return
    elif x.dtype.kind != "f":
        return
    for part in blocks(x.shape[0], block_rows(x.shape[1])):
        block = x[part]
        if not is_tensor(block) and block.dtype.itemsize == 2:
            block = block.astype(np.float32)
        # NaN fails both comparisons; cheap reductions in the common case
        if float(block.min()) >= -LARGEST and float(block.max()) <= LARGEST:
            continue
        values = to_numpy(block)
        bad = np.flatnonzero(~np.isfinite(values).all(1))
        if not bad.size:
            row, column = divmod(int(np.abs(values).argmax()), values.shape[1])
            raise InputError(
                name,
                must=f"lie within -{LARGEST:g} and {LARGEST:g}",
                found=f"{values[row, column]:g} in row {where(part.start + row)}",
                remedy="scale its features",
            )
        found = "NaN" if np.isnan(values[bad[0]]).any() else "infinity"
        listed = ", ".join(str(where(part.start + int(row))) for row in bad[:5])
        more = f" and {len(bad) - 5} more near them" if len(bad) > 5 else ""
        raise InputError(
            name,
            must="be finite",
            found=f"NaN or infinity ({found} first) in row(s) {listed}{more}",
            remedy="drop or repair these rows",
        )


def check_rows(rows: ArrayLike | None, n: int, name: str) -> NDArray[np.int64]:
    """Return row numbers, distinct integers below n or a boolean mask (n,), as int64 (m,); None means no rows."""
    if rows is None:
        return np.empty(0, np.int64)
    array = as_array(rows, name)
    if array.dtype.kind == "b" and array.size:
        if array.shape != (n,):
            raise InputError(
                name, must=f"have shape ({n},) as a boolean mask, one for each row", found=f"shape {array.shape}"
            )
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1:
        raise InputError(name, must="be a 1-D array of row numbers", found=f"shape {array.shape}")
    if array.dtype.kind not in "ui":
        raise InputError(
            name,
            must="hold integer row numbers, or be a boolean mask",
            found=f"dtype {array.dtype}",
            remedy="give positions; for names of rows, index.get_indexer(names) gives theirs",
        )
    array = array.astype(np.int64)
    outside = array[(array < 0) | (array >= n)]
    if outside.size:
        raise InputError(
            name, must=f"lie in 0..{n - 1}, the rows of the pool", found=outside[0], remedy="check the row numbers"
        )
    values, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            name, must="not repeat a row", found=f"row {values[counts > 1][0]} more than once", remedy="drop the copies"
        )
    return array


def check_weight(
    weight: ArrayOrTensor | None, n: int, name: str, *, all_zero: bool = False
) -> NDArray[np.float64] | None:
    """Return weights, finite and non-negative, as float64 (n,); not all zero unless ``all_zero``. None stays None."""
    if weight is None:
        return None
    array = as_array(weight, name)
    if array.ndim == 0 and array.dtype.kind in "fui":
        array = np.full(n, array)
    if array.shape != (n,):
        raise InputError(name, must=f"have shape ({n},), one value a row", found=f"shape {array.shape}")
    if array.dtype.kind not in "fuibO":
        raise InputError(name, must="hold numbers", found=f"dtype {array.dtype}")
    array = _objects_to_float(array, name) if array.dtype == object else array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(name, must="be finite", found=f"{array[bad[0]]} at row {bad[0]}", remedy="drop or repair it")
    bad = np.flatnonzero(array < 0)
    if bad.size:
        raise InputError(
            name, must="not be negative", found=f"{array[bad[0]]:g} at row {bad[0]}", remedy="use 0 to ignore a row"
        )
    if not all_zero and not array.any():
        raise InputError(
            name, must="not be all zero", remedy=f"give at least one row a positive value, or leave {name} out"
        )
    return array
