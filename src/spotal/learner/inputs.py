"""Input rows of a network, images or features: checked and standardized batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.numeric.arrays import blocks, to_numpy, to_tensor
from spotal.numeric.shapes import ArrayOrTensor

__all__ = ["Standardizer", "check_data", "row_shape"]

SAMPLE_ROWS = 20_000
"""Maximum number of rows, evenly spaced, from which mean and deviation are computed."""
BLOCK = 1024


def check_data(X: ArrayOrTensor, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Return images (n, h, w, c) or features (n, d), checked, with rows of ``shape`` if given. Raises InputError."""
    array = to_numpy(X)
    if array.ndim not in (2, 4):
        raise InputError(
            name,
            must="be images (n, height, width, channels) or features (n, d)",
            found=f"shape {array.shape}",
            remedy="reshape it",
        )
    if array.dtype.kind not in "fuib":
        raise InputError(
            name, must="hold real numbers", found=f"dtype {array.dtype}", remedy="encode its values as numbers"
        )
    if 0 in array.shape[1:]:
        raise InputError(
            name, must="have rows that hold numbers", found=f"shape {array.shape}", remedy="give full rows"
        )
    if shape is not None and array.shape[1:] != shape:
        raise InputError(
            name,
            must=f"have rows of shape {shape}, as in training",
            found=array.shape[1:],
            remedy="give the same kind of data",
        )
    return array


def row_shape(X: NDArray[Any]) -> tuple[int, ...]:
    """Return the shape of one row."""
    return tuple(int(size) for size in X.shape[1:])


@dataclass(frozen=True)
class Standardizer:
    """Mean and standard deviation of each channel or feature; float64 (c,). Deviations of 0 become 1."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @staticmethod
    def of(X: NDArray[Any], name: str) -> Standardizer:
        """Measure the scale of images (n, h, w, c) or features (n, d), n >= 1, on at most 20,000 rows, in two passes.

        Raises
        ------
        InputError
            One of these rows holds NaN or infinity.
        """
        step = max(1, -(-len(X) // SAMPLE_ROWS))
        rows = np.arange(0, len(X), step)
        axes = tuple(range(X.ndim - 1))
        count = rows.size * int(np.prod(X.shape[1:-1], dtype=np.int64))
        total = np.zeros(X.shape[-1])
        for part in blocks(rows.size, BLOCK):
            total += X[rows[part]].sum(axes, dtype=np.float64)
        mean = total / count
        if not np.isfinite(mean).all():
            raise InputError(name, must="be finite", found="NaN or infinity", remedy="drop or repair these rows")
        square = np.zeros_like(total)
        for part in blocks(rows.size, BLOCK):
            square += ((X[rows[part]].astype(np.float64) - mean) ** 2).sum(axes)
        deviation = np.sqrt(square / count)
        constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        return Standardizer(mean, np.where(constant, 1.0, deviation))

    def batch(self, X: NDArray[Any], rows: NDArray[np.int64] | slice, device: torch.device) -> torch.Tensor:
        """Return rows, standardized, as float32 (n, c, h, w) or (n, d) on the device. Reads only these rows."""
        block = X[rows]
        if block.dtype == np.uint8:  # moved to the device as bytes
            tensor = torch.from_numpy(block if block.flags.writeable and block.flags.c_contiguous else block.copy())
        else:
            tensor = to_tensor(block)
        tensor = tensor.to(device)
        if tensor.dtype != torch.float64:
            tensor = tensor.float()
        mean = torch.from_numpy(self.mean).to(device, tensor.dtype)
        deviation = torch.from_numpy(self.deviation).to(device, tensor.dtype)
        tensor = ((tensor - mean) / deviation).float()
        return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor  # already channels last
