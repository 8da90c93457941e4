"""Strategies by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from spotal.errors import InputError
from spotal.strategies.base import Strategy

__all__ = ["get", "names"]

_WHERE = {
    "coreset": ("coreset", "CoreSet"),
    "entropy": ("entropy", "Entropy"),
    "margin": ("margin", "Margin"),
    "random": ("random", "Random"),
    "spot": ("spot", "SPOT"),
    "spot-paper": ("spot", "SPOT.paper"),
}


def names() -> list[str]:
    """Names of all strategies, sorted."""
    return sorted(_WHERE)


def get(name: str, **parameters: Any) -> Strategy:
    """The strategy called ``name``, made with ``parameters``; raises InputError for an unknown name or parameter."""
    if name not in _WHERE:
        raise InputError(f"strategy must be one of {', '.join(names())}, found {name!r}")
    module, path = _WHERE[name]
    make: Any = import_module(f"spotal.strategies.{module}")
    for part in path.split("."):
        make = getattr(make, part)
    try:
        strategy: Strategy = make(**parameters)
    except TypeError as error:
        raise InputError(f"strategy {name!r} does not take these parameters: {error}") from None
    return strategy
