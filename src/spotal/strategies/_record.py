"""Timings and diagnostics of a query."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.design.merit import MERIT_POINTS, discrepancy

if TYPE_CHECKING:
    from spotal.transport import Transport

__all__ = ["Clock", "record"]


def record(
    transport: Transport, design: NDArray[np.float64], carried: NDArray[np.float32], clock: Clock
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Return diagnostics, timings and details for a Choice; ``carried`` are the picks in the cube."""
    dim = design.shape[1]
    figures = {"dim": float(dim), "uniformity": float(getattr(transport, "uniformity_", np.nan))}
    if len(design) <= MERIT_POINTS:
        figures["design_discrepancy"] = discrepancy(design, "mixture")
        figures["pick_discrepancy"] = discrepancy(carried.astype(np.float64), "mixture")
    details = {
        "dim": dim,
        "transport_iterations": int(getattr(transport, "n_iter_", 0)),
        "transport_converged": bool(getattr(transport, "converged_", True)),
    }
    return figures, clock.seconds, details


class Clock:
    """A timer that records the seconds of named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start
