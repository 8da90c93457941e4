"""Engines of scipy.stats.qmc, with the installed scipy's name for the generator's argument."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


def engine(name: str, dim: int, rng: np.random.Generator, **options: Any) -> Any:
    """Return ``scipy.stats.qmc.<name>`` seeded by ``rng``; the argument is ``rng`` from scipy 1.15, else ``seed``."""
    from scipy.stats import qmc

    kind = getattr(qmc, name)
    seed = "rng" if "rng" in inspect.signature(kind).parameters else "seed"
    return kind(dim, **options, **{seed: rng})
