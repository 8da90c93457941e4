"""Compilation of loops at their first call, with a cache on disk where possible."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function, **options: Any) -> Function:
    """Compile a loop over arrays, which runs without Python's lock.

    If the code cannot be cached, on a full disk or without a writable folder, the next process compiles it again.
    """
    make: Any = partial(njit, nogil=True, error_model="numpy", **options)
    try:
        made = make(cache=True)(function)
    except RuntimeError:  # numba finds no folder that it may write to
        return cast(Function, make()(function))
    save = made._cache.save_overload

    def save_if_possible(signature: object, code: object) -> None:
        with suppress(OSError):
            save(signature, code)

    made._cache.save_overload = save_if_possible
    return cast(Function, made)
