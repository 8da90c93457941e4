"""spotal decides what to label next: active learning by space-filling picks in units of mass (SPOT).

Public names are imported on first use, so ``import spotal`` is fast.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from spotal.lazy import lazily

logging.getLogger(__name__).addHandler(logging.NullHandler())  # the application decides what is shown

__version__ = "0.1.0"

_HOMES = {
    "ActiveLearner": "spotal.loop",
    "SPOT": "spotal.strategies",
    "Selection": "spotal.selection",
    "SklearnLearner": "spotal.learner",
    "Strategy": "spotal.strategies",
    "TorchLearner": "spotal.learner",
    "VectorOracle": "spotal.loop",
    "plan": "spotal.strategies.plan",
    "select": "spotal.strategies.select",
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
    "constraints",
    "datasets",
    "design",
    "embed",
    "engine",
    "errors",
    "images",
    "integrations",
    "lazy",
    "learner",
    "loop",
    "mass",
    "numeric",
    "plan",
    "pool",
    "project",
    "reduce",
    "report",
    "select",
    "selection",
    "storage",
    "strategies",
    "tables",
    "terminal",
    "transport",
    "web",
]

if TYPE_CHECKING:
    from spotal import (
        annotate,
        bench,
        cli,
        constraints,
        datasets,
        design,
        embed,
        engine,
        errors,
        images,
        learner,
        loop,
        mass,
        numeric,
        pool,
        project,
        reduce,
        report,
        selection,
        storage,
        strategies,
        terminal,
        transport,
        web,
    )
    from spotal.learner import SklearnLearner, TorchLearner
    from spotal.loop import ActiveLearner, VectorOracle
    from spotal.selection import Selection
    from spotal.strategies import SPOT, Strategy
    from spotal.strategies.plan import plan
    from spotal.strategies.select import select

__getattr__, __dir__ = lazily(__name__, _HOMES, __all__)
