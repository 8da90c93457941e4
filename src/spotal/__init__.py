"""spotal decides what to label next: active learning by space-filling picks in units of mass (SPOT).

Everything public is here, and is imported when it is first used: ``import spotal`` itself costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal._lazy import lazily

__version__ = "0.1.0"

_HOMES = {
    "ActiveLearner": "spotal.loop",
    "SPOT": "spotal.strategies",
    "Selection": "spotal.selection",
    "SklearnLearner": "spotal.learner",
    "Strategy": "spotal.strategies",
    "TorchLearner": "spotal.learner",
    "VectorOracle": "spotal.oracle",
    "plan": "spotal._plan",
    "select": "spotal._select",
}

__all__ = [
    "SPOT",
    "ActiveLearner",
    "Selection",
    "SklearnLearner",
    "Strategy",
    "TorchLearner",
    "VectorOracle",
    "__version__",
    "annotate",
    "bench",
    "cli",
    "datasets",
    "design",
    "embed",
    "engine",
    "errors",
    "events",
    "integrations",
    "learner",
    "loop",
    "mass",
    "oracle",
    "plan",
    "pool",
    "project",
    "reduce",
    "report",
    "select",
    "selection",
    "strategies",
    "tables",
    "transport",
    "web",
]

if TYPE_CHECKING:
    from spotal import (
        annotate,
        bench,
        cli,
        datasets,
        design,
        embed,
        engine,
        errors,
        events,
        learner,
        loop,
        mass,
        oracle,
        pool,
        project,
        reduce,
        report,
        selection,
        strategies,
        transport,
        web,
    )
    from spotal._plan import plan
    from spotal._select import select
    from spotal.learner import SklearnLearner, TorchLearner
    from spotal.loop import ActiveLearner
    from spotal.oracle import VectorOracle
    from spotal.selection import Selection
    from spotal.strategies import SPOT, Strategy

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
