"""Packages whose names are imported when they are first used, so that importing a package costs next to nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["later", "lazily"]


def lazily(
    package: str, homes: Mapping[str, str], public: Iterable[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : its ``__name__``
    homes : the module that each name comes from, with the name there after a colon where it is another one
    public : the names that ``dir`` lists, its ``__all__``; those without a home are modules of the package
    """

    names = sorted(public)

    def get(name: str) -> Any:
        if name in homes:
            module, _, inside = homes[name].partition(":")
            value = getattr(import_module(module), inside or name)
        elif name in names:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: names


def later(place: str) -> Callable[..., Any]:
    """Return the function at ``place``, "module:name", which is imported now.

    For what a result does for people at the edge, its pictures and tables: the rooms that draw lie above it.
    """
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
