"""Lazy imports: names of a package are imported on first use, so that importing the package is fast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["later", "lazily"]


def lazily(
    package: str, homes: Mapping[str, str], public: Iterable[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package with lazy names.

    Parameters
    ----------
    package : its ``__name__``
    homes : from each name to its module, or to "module:other_name" if the names differ
    public : its ``__all__``, which ``dir`` lists; names without a home are modules of the package
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
    """Import and return the function at ``place``, "module:name".

    Results use it to draw themselves, because the packages that draw are in a higher layer.
    """
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
