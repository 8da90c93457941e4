"""Types of arrays in signatures; shapes are in the docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

__all__ = ["ArrayOrTensor", "Flags", "Floats", "Integers"]

ArrayOrTensor: TypeAlias = "ArrayLike | torch.Tensor"
"""Anything that numpy converts to an array, or a torch tensor."""
Floats: TypeAlias = NDArray[np.floating]
Integers: TypeAlias = NDArray[np.integer]
Flags: TypeAlias = NDArray[np.bool_]
