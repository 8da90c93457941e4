"""The benchmark: protocols, jobs that can be interrupted, statistics, and a report.

In the order of a run: ``protocol`` and ``protocol_library`` define the experiment. ``pool_sampler``, ``features`` and
``task`` make the data that all strategies of a seed share. ``jobs``, ``runner``, ``workers`` and ``store`` do the work
and store the results. ``results``, ``curves``, ``compare`` and ``summary`` compute the statistics. ``plots``, ``page``
and ``markdown`` show them. ``demo`` is the protocol behind ``spotal demo``, with its own page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.lazy import lazily

_HOMES = {
    "Cache": "spotal.bench.cache",
    "Protocol": "spotal.bench.protocol",
    "Store": "spotal.bench.store",
    "load_protocol": "spotal.bench.protocol_library:load",
    "protocol_names": "spotal.bench.protocol_library:names",
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

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
