"""The benchmark: protocols, jobs that can be stopped anywhere, statistics, and a report.

In the order that a run takes: ``protocol`` and ``library`` (what is asked), ``shape``, ``features`` and ``task`` (the
data that all strategies of a seed share), ``jobs``, ``runner``, ``workers`` and ``store`` (the work and what is kept of
it), ``results``, ``curves``, ``compare`` and ``summary`` (the numbers), ``plots``, ``page`` and ``markdown`` (what
people see).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Cache": "spotal.bench.cache",
    "Protocol": "spotal.bench.protocol",
    "Store": "spotal.bench.store",
    "load_protocol": "spotal.bench.protocol_library",
    "protocol_names": "spotal.bench.protocol_library",
    "read": "spotal.bench.results",
    "run": "spotal.bench.workers",
    "summarize": "spotal.bench.summary",
}

__all__ = ["Cache", "Protocol", "Store", "load_protocol", "protocol_names", "read", "run", "summarize"]

if TYPE_CHECKING:
    from spotal.bench.cache import Cache
    from spotal.bench.protocol import Protocol
    from spotal.bench.protocol_library import load as load_protocol
    from spotal.bench.protocol_library import names as protocol_names
    from spotal.bench.results import read
    from spotal.bench.store import Store
    from spotal.bench.summary import summarize
    from spotal.bench.workers import run


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spotal.bench' has no attribute {name!r}")
    known = {"load_protocol": "load", "protocol_names": "names"}
    return getattr(import_module(_HOMES[name]), known.get(name, name))


def __dir__() -> list[str]:
    return __all__
