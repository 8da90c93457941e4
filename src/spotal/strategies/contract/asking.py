"""A small pool, a query, and the properties of every selection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spotal.selection.base import Selection
from spotal.strategies.base import Strategy

__all__ = ["BUDGET", "DIM", "LABELED", "LABELS", "N", "ask", "case", "cloud", "odds", "require", "same", "satisfies"]

N, DIM, BUDGET = 48, 5, 7
LABELED = [3, 40, 11, 12]
LABELS = [0, 1, 1, 2]


def cloud(n: int = N, dim: int = DIM, seed: int = 0) -> NDArray[np.float64]:
    """Return normal values (n, dim) that float16 represents exactly."""
    return np.round(np.random.default_rng(seed).normal(size=(n, dim)) * 64) / 64


def odds(strategy: Strategy | None = None, n: int = N) -> NDArray[np.float64]:
    """Return class probabilities (n, 3), or (n, 3, 4) for a strategy that needs several draws of them."""
    p = np.random.default_rng(1).dirichlet(np.ones(3), (n, 4) if strategy and strategy.needs_draws else n)
    return p if p.ndim == 2 else p.swapaxes(1, 2)


def ask(strategy: Strategy, pool: Any, budget: Any = BUDGET, *, random_state: Any = 0, **options: Any) -> Selection:
    """Query the strategy, with default probabilities if ``options`` has none."""
    if "probabilities" not in options:
        options["probabilities"] = odds(strategy, len(pool))
    return strategy.query(pool, budget, random_state=random_state, **options)


def require(condition: object, message: str) -> None:
    """Raise AssertionError with the message if the condition is false; unlike assert, also under python -O."""
    if not condition:
        raise AssertionError(message)


def same(actual: ArrayLike, expected: ArrayLike, name: str) -> None:
    """Require two arrays to be equal."""
    require(np.array_equal(actual, expected), f"{name}: {np.asarray(expected)} expected, found {np.asarray(actual)}")


@contextmanager
def case(name: object) -> Iterator[None]:
    """Add the name of a case to errors."""
    try:
        yield
    except Exception as error:
        error.add_note(f"case: {name}")
        raise


def satisfies(selection: Selection, n: int, budget: int, labeled: ArrayLike = ()) -> None:
    """Require the properties of every selection of ``budget`` rows from n."""
    labeled = np.asarray(labeled, dtype=np.int64)
    unlabeled = np.setdiff1d(np.arange(n), labeled)
    picks, cells, mass = selection.indices, selection.cells, selection.cell_mass
    require(picks.dtype == cells.dtype == np.int64, "indices and cells must be int64")
    require(picks.shape == mass.shape == (budget,), f"{budget} picks expected, found {len(picks)}")
    require(len(selection) == len(np.unique(picks)) == budget, f"picks must be distinct, found {picks}")
    require(np.isin(picks, unlabeled).all(), f"picks must be unlabeled rows, found {np.setdiff1d(picks, unlabeled)}")
    require(cells.shape == (n,), f"cells must have shape ({n},), found {cells.shape}")
    require((cells[labeled] == -1).all(), "cells must be -1 for labeled rows")
    json.dumps(selection.to_dict(), allow_nan=False)
    require(all(seconds >= 0 for seconds in selection.timings.values()), "timings must not be negative")
    require("total" in selection.timings, "timings must have a total")
    if not budget:
        return
    require(0 <= cells[unlabeled].min() <= cells.max() < budget, "every unlabeled row must be in the cell of a pick")
    same(cells[picks], np.arange(budget), "cells of the picks")
    members = [selection.members(k) for k in range(budget)]
    require(all(pick in member for pick, member in zip(picks, members, strict=True)), "a pick must be in its own cell")
    same(np.sort(np.concatenate(members)), unlabeled, "rows of all cells")
    require((mass >= 0).all() and abs(mass.sum() - 1) < 1e-6, f"cell_mass must sum to 1, found {mass.sum():g}")
