"""A pool whose batches are handed out on a device."""

from __future__ import annotations

from operator import methodcaller

from spotal.errors import InputError
from spotal.numeric.device import find_device
from spotal.pool.base import Pool
from spotal.pool.view import View

__all__ = ["DEVICES", "check_device", "on_device"]

DEVICES = ("auto", "cpu", "cuda")


def check_device(device: str) -> bool:
    """Whether ``device`` means CUDA: "cpu", "cuda", or "auto", which is "cuda" where there is one.

    Raises InputError for another name, and for "cuda" where there is none.
    """
    if device not in DEVICES:
        raise InputError("device", must=f"be one of {', '.join(DEVICES)}", found=repr(device))
    return find_device(device).type == "cuda"


def on_device(pool: Pool, device: str) -> Pool:
    """The pool, its batches on ``device``; what that may be, and raises, :func:`check_device` says."""
    return View(pool, methodcaller("to", "cuda")) if check_device(device) else pool
