"""Registry of strategies by name."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spotal.errors import InputError, unknown_name

if TYPE_CHECKING:
    from spotal.strategies.base import Strategy

__all__ = ["CLASSES", "get", "names"]

CLASSES = {
    "alfamix": ("alfamix", "AlfaMix"),
    "badge": ("badge", "Badge"),
    "bait": ("bait", "Bait"),
    "bald": ("bald", "BALD"),
    "batch-bald": ("batch_bald", "BatchBALD"),
    "clue": ("clue", "Clue"),
    "coregcn": ("coregcn", "CoreGCN"),
    "coreset": ("coreset", "CoreSet"),
    "direct": ("direct", "Direct"),
    "dropquery": ("dropquery", "DropQuery"),
    "entropy": ("entropy", "EntropySampling"),
    "facility-location": ("facility_location", "FacilityLocation"),
    "fads": ("fads", "FADS"),
    "galaxy": ("galaxy", "Galaxy"),
    "kmeans": ("kmeans", "KMeans"),
    "least-confidence": ("least_confidence", "LeastConfidenceSampling"),
    "margin": ("margin", "MarginSampling"),
    "maxherding": ("maxherding", "MaxHerding"),
    "powermargin": ("powermargin", "PowerMargin"),
    "probcover": ("probcover", "ProbCover"),
    "random": ("random", "Random"),
    "spot": ("spot", "SPOT"),
    "spot-paper": ("transported", "TransportedDesign"),
    "tcm": ("tcm", "TCM"),
    "typiclust": ("typiclust", "TypiClust"),
    "uherding": ("uherding", "UHerding"),
}
"""Module and class of each strategy."""


def names() -> list[str]:
    """Return the names of all strategies, sorted.

    Examples
    --------
    >>> from spotal.strategies import names
    >>> "spot" in names()
    True
    """
    return sorted(CLASSES)


def get(name: str, **parameters: Any) -> Strategy:
    """Make the strategy called ``name`` with these parameters of its class.

    Raises InputError for an unknown name, or for a parameter that is unknown or out of range.

    Examples
    --------
    >>> from spotal.strategies import get
    >>> get("probcover", delta=0.5).delta
    0.5
    """
    if not isinstance(name, str) or name not in CLASSES:
        raise unknown_name("strategy", name, names())
    module, kind = CLASSES[name]
    make: Any = getattr(import_module(f"spotal.strategies.{module}"), kind)
    accepted = inspect.signature(make).parameters
    for parameter in parameters:
        if parameter not in accepted:
            has = ", ".join(accepted) or "no parameters"
            raise InputError("strategy", f"{name!r} has no parameter {parameter!r}", f"it has {has}")
    strategy: Strategy = make(**parameters)
    return strategy
