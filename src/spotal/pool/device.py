"""Pools whose batches are on a device."""

from __future__ import annotations

from operator import methodcaller

from spotal.errors import InputError
from spotal.numeric.device import find_device
from spotal.pool.base import Pool
from spotal.pool.view import View

__all__ = ["DEVICES", "check_device", "on_device"]

DEVICES = ("auto", "cpu", "cuda")


def check_device(device: str) -> bool:
    """Return whether ``device`` ("cpu", "cuda" or "auto") means CUDA, which "auto" does if CUDA is available.

    Raises InputError for another name, and for "cuda" if CUDA is not available.
    """
    if device not in DEVICES:
        raise InputError("device", must=f"be one of {', '.join(DEVICES)}", found=repr(device))
    return find_device(device).type == "cuda"


def on_device(pool: Pool, device: str) -> Pool:
    """Return the pool with its batches on ``device``, see :func:`check_device`.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.pool import as_pool, on_device
    >>> on_device(as_pool(np.eye(3)), "cpu").dim
    3
    """
    return View(pool, methodcaller("to", "cuda")) if check_device(device) else pool
