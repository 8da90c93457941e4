"""SPOT: carry the pool to the uniform hypercube by optimal transport, lay a space-filling design, take its rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from spotal import design as designs
from spotal._arrays import to_numpy
from spotal._provenance import describe
from spotal._search import one_thread
from spotal.design.merit import discrepancy
from spotal.engine import run
from spotal.errors import ConvergenceWarning, InputError
from spotal.mass import Evidence, LabelDistance, Margin, Mass, Uniform
from spotal.pool.base import Pool
from spotal.pool.sample import priority_sample
from spotal.reduce import PCA, LeadingSpace
from spotal.selection import assigned_rows, nearest_rows
from spotal.selection import cells as celling
from spotal.selection.large import represent
from spotal.strategies._content import content_keys
from spotal.strategies._large import (
    FITTED,
    PER_CELL,
    LargeEvidence,
    PickedCells,
    Sample,
    finite_rows,
    is_large,
    place,
    read,
    refined_scene,
)
from spotal.strategies._layout import Carry, Layout, reduced
from spotal.strategies.base import Choice, Query, Strategy
from spotal.transport import ProjectionPursuitTransport, SlicedTransport, Transport

__all__ = ["SPOT"]

SELECTIONS = ("cells", "nearest", "assignment")
KNOWN = ("labeled", "labels", "probabilities", "mass", "random_state")
MERIT_POINTS = 4_096
"""Discrepancies cost O(n^2 d): beyond this many points they are left out."""


class SPOT(Strategy):
    """Space-filling design on the optimally transported pool.

    The pool's embeddings are reduced to a few dimensions; a weighted sample of them fits a transport map to the
    uniform hypercube; all rows are carried; a design fills the cube; rows of the pool stand in for its points.

    Parameters
    ----------
    reduction : "pca", None, or a scikit-learn transformer
        Embeddings to the dimensions that are transported. None transports them as they are.
    n_components : int or "auto"
        Dimensions for "pca"; "auto" follows the spectrum and the number of design points
        (:func:`~spotal.reduce.choose_dimension`).
    whiten : bool, whether "pca" scales its components to unit variance
    transport : "sliced", "projection-pursuit", or a :class:`~spotal.transport.Transport`
    design : name of a design (:func:`spotal.design.names`) or a :class:`~spotal.design.Design`
    selection : "cells", "nearest" or "assignment"
        "nearest" (the paper): each design point takes the nearest free row in the cube; "assignment": the one-to-one
        assignment of least total squared distance; both place design points around those that labeled rows already
        serve. "cells": the design cuts the pool into cells of equal mass, a few weighted Lloyd steps in the embedding
        space refine them, and the heaviest row near each center stands for its cell.
    mass : "auto", "uniform" or a :class:`~spotal.mass.Mass`
        What the transport carries, times the caller's ``mass``. "auto" is ``Margin(2) * LabelDistance(1)``: uniform
        while nothing is known, more where the model is uncertain and labels are far as soon as there are some.
    refine : int, Lloyd steps of "cells"
    sample_size : int, most rows that reduction and transport are fitted on

    Notes
    -----
    For N rows of width D, n picks, d dimensions, L frames and a sample of s rows: one pass to weigh (O(N m D) for m
    labeled rows), O(s D^2 + L d s log s) to fit, one pass to carry, O(N (D d + L d^2)), one pass of O(N n D) for each
    Lloyd step and one to finish. Memory beyond the pool: O(N d + s D + n D).

    "cells" of more than a million rows, or where N n D passes 2 * 10^10, are cut by a tree and refined on a sample of
    at least ten rows a cell, in 32 leading coordinates, and one pass over the pool takes the picks:
    O(s D^2 + L d^2 s + s n / 64 + N (D + n / 64)), memory O(s D + n) whatever N, while nothing is known of the rows.

    References
    ----------
    Fang, Meng, Zhao, Wang, Liu, Zhong, Ma, "SPOT: An Active Learning Algorithm for Efficient Deep Neural Network
    Training", Big Data Mining and Analytics 8(5), 2025.
    """

    name = "spot"

    def __init__(
        self,
        *,
        reduction: Any = "pca",
        n_components: int | str = "auto",
        whiten: bool = True,
        transport: str | Transport = "sliced",
        design: str | designs.Design = "sobol",
        selection: str = "cells",
        mass: str | Mass = "auto",
        refine: int = 5,
        sample_size: int = 50_000,
    ) -> None:
        if selection not in SELECTIONS:
            raise InputError(f"selection must be one of {', '.join(SELECTIONS)}, found {selection!r}")
        if not (_is_one_of(mass, "auto", "uniform") or isinstance(mass, Mass)):
            raise InputError(
                f"mass must be 'auto', 'uniform' or a Mass, found {describe(mass)!r}; pass weights of rows to query"
            )
        if not (_is_one_of(transport, "sliced", "projection-pursuit") or isinstance(transport, Transport)):
            raise InputError(f"transport must be 'sliced', 'projection-pursuit' or a Transport, found {transport!r}")
        if not (reduction is None or _is_one_of(reduction, "pca") or _is_transformer(reduction)):
            raise InputError(f"reduction must be 'pca', None or a scikit-learn transformer, found {reduction!r}")
        counts: list[tuple[str, Any, int]] = [("refine", refine, 0), ("sample_size", sample_size, 2)]
        if not _is_one_of(n_components, "auto"):
            counts.append(("n_components, where it is not 'auto',", n_components, 1))
        for label, value, least in counts:
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise InputError(f"{label} must be an integer of at least {least}, found {value!r}")
        self.reduction = reduction
        self.n_components = n_components
        self.whiten = whiten
        self.transport = transport
        self.design = designs.get(design) if isinstance(design, str) else design
        self.selection = selection
        self.mass = mass
        self.refine = refine
        self.sample_size = sample_size

    @classmethod
    def paper(cls, **changes: Any) -> SPOT:
        """The published method: reduce, transport by projection pursuit, Sobol design, nearest free rows.

        Labels count only in that their rows, and the design points these serve, are not taken again. ``changes``
        override single parameters.
        """
        preset: dict[str, Any] = {
            "transport": ProjectionPursuitTransport(),
            "selection": "nearest",
            "mass": "uniform",
        }
        return cls(**(preset | changes))

    def _reads_once(self, pool: Pool, budget: int) -> bool:
        return self.selection == "cells" and is_large(pool, budget)

    def _choose(self, query: Query) -> Choice:
        clock = _Clock()
        if self._reads_once(query.pool, query.budget):
            return self._choose_large(query, clock)
        laid = self._lay(query, clock)
        mass, transport, carried, points = laid.mass, laid.transport, laid.carried, laid.design
        cells: NDArray[np.int64] | None = None  # left to the nearest pick in the embedding space
        with clock("select"):
            if self.selection == "cells":
                picks, cells = self._by_cells(query, mass, carried, points)
            else:
                choose = nearest_rows if self.selection == "nearest" else assigned_rows
                # rows of mass zero serve only when the others run out
                heavy = query.unlabeled[mass[query.unlabeled] > 0]
                light = query.unlabeled[mass[query.unlabeled] == 0]
                picks = choose(carried, heavy, points[: len(heavy)])
                if query.budget > len(heavy):
                    picks = np.concatenate([picks, choose(carried, light, points[len(heavy) :])])
        return Choice(picks, cells, *_record(transport, points, carried[picks], clock))

    def _choose_large(self, query: Query, clock: _Clock) -> Choice:
        """Cells of a large pool: the same steps on samples, and one pass over the pool."""
        pool, seed = query.pool, query.seed
        with clock("weigh"):
            # equal masses need no array
            mass = None if self._is_plain(query) else self._weigh(query)
        with clock("fit"), one_thread():
            size = min(self.sample_size, FITTED)
            rows, weight = priority_sample(mass, len(pool), max(size, PER_CELL * query.budget), seed)
            some, share = priority_sample(weight, len(rows), size, seed + 1)
            points = finite_rows(pool, rows[some])
            reduction = self._reduce(points, share, query)
            space = LeadingSpace.fit(points, share, reduction if isinstance(reduction, PCA) else None, seed)
            seen = place(points, space, reduction)
            transport = self._carry(seen.low, share, query)
        with clock("carry"):
            sample = Sample.of([seen] if len(some) == len(rows) else read(pool, rows, space, reduction), transport)
        with clock("design"):
            design = self.design.points(query.budget, sample.carried.shape[1], random_state=query.rng())
        with clock("refine"):
            scene = refined_scene(pool, sample, weight, design, space, self.refine, query.labeled, mass, query.mass)
        with clock("select"):
            picks, cells, table = represent(pool, scene, query.budget)
        carried = Sample.of(read(pool, picks, space, reduction), transport).carried
        stands = PickedCells(pool, scene, picks, cells, query.labeled)
        return Choice(picks, stands, *_record(transport, design, carried, clock), stands.mass(table, query.mass))

    def _is_plain(self, query: Query) -> bool:
        """Whether all rows weigh the same."""
        uniform = _is_one_of(self.mass, "uniform") or isinstance(self.mass, Uniform)
        known = len(query.labeled) or query.mass is not None or (query.probabilities is not None and not uniform)
        return not known and (uniform or _is_one_of(self.mass, "auto"))

    def layout(self, pool: Any, budget: int, **known: Any) -> Layout:
        """What ``query`` with the same arguments makes of the pool before it picks: to draw it, or to learn from it.

        Arguments, errors and cost as ``query``, which needs a budget of at least 1 here; with the same integer as
        ``random_state`` the same layout.
        """
        return self._lay(self._checked(pool, budget, **(dict.fromkeys(KNOWN) | known)), _Clock())

    def _lay(self, query: Query, clock: _Clock) -> Layout:
        with clock("weigh"):
            mass = self._weigh(query)
        with clock("fit"):
            reduction, transport = self._fit(query, mass)
        with clock("carry"):
            carried: NDArray[np.float32] = run(Carry(reduction, transport), query.pool)
        around = carried[query.labeled] if self.selection != "cells" else None
        with clock("design"):
            points = self.design.points(query.budget, carried.shape[1], existing=around, random_state=query.rng())
        return Layout(mass, reduction, transport, carried, points)

    def _weigh(self, query: Query) -> NDArray[np.float64]:
        """The mass to carry, float64 (N,): positive somewhere among the unlabeled rows."""
        rule = self.mass
        if rule == "auto":
            rule = Margin(2) * LabelDistance(1) if self.selection == "cells" else Uniform()
        elif rule == "uniform":
            rule = Uniform()
        assert isinstance(rule, Mass)
        evidence = LargeEvidence if self._reads_once(query.pool, query.budget) else Evidence
        known = evidence(query.pool, query.labeled, query.labels, query.probabilities)
        policy = rule.weigh(known)
        free = np.zeros(len(query.pool), dtype=bool)
        free[query.unlabeled] = True
        for mass in (policy * query.weights(), query.weights(), np.ones(len(query.pool))):
            if self.selection == "cells":  # labeled rows need no representative
                mass = np.where(free, mass, 0.0)
            if mass[query.unlabeled].any():
                break
        # equal masses as exact ones: a sum of them is exact, and the order of rows does not matter
        scaled: NDArray[np.float64] = mass / mass.max()
        return scaled

    def _fit(self, query: Query, mass: NDArray[np.float64]) -> tuple[Any, Transport]:
        rows, weight = priority_sample(mass, len(query.pool), self.sample_size, query.seed)
        points: Any = query.pool.rows(rows).double()
        # in an order of their own: sums round the same way however the pool is ordered
        order = content_keys(points).argsort(stable=True)
        return self._fit_to(points[order], weight[to_numpy(order)], query)

    def _fit_to(self, points: torch.Tensor, weight: NDArray[np.float64], query: Query) -> tuple[Any, Transport]:
        """Reduction and transport fitted to rows (s, D) with weights (s,)."""
        reduction = self._reduce(points, weight, query)
        return reduction, self._carry(reduced(reduction, points), weight, query)

    def _reduce(self, points: torch.Tensor, weight: NDArray[np.float64], query: Query) -> Any:
        """The reduction, fitted to rows (s, D) with weights (s,); None where there is none."""
        if self.reduction is None:
            return None
        if self.reduction == "pca":
            total = query.budget + (len(query.labeled) if self.selection != "cells" else 0)
            pca = PCA(self.n_components, budget=total, whiten=self.whiten, random_state=query.seed)
            return pca.fit(points, sample_weight=weight)
        return _seeded(self.reduction, query.seed).fit(to_numpy(points))

    def _carry(self, points: Any, weight: NDArray[np.float64], query: Query) -> Transport:
        """The transport, fitted to reduced rows (s, d) with weights (s,)."""
        transport: Any = self.transport
        if isinstance(transport, str):
            named = {"sliced": SlicedTransport, "projection-pursuit": ProjectionPursuitTransport}
            transport = named[transport]()
        transport = _seeded(transport, query.seed)
        with warnings.catch_warnings():
            # how uniform the carried pool became is in the Selection's figures
            warnings.simplefilter("ignore", ConvergenceWarning)
            transport.fit(points, sample_weight=weight)
        fitted: Transport = transport
        return fitted

    def _by_cells(
        self, query: Query, mass: NDArray[np.float64], carried: NDArray[np.float32], points: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pool, free = query.pool, query.unlabeled
        index = celling.cut(carried, points)
        weight, centers = celling.cell_means(pool, mass, index, len(points))
        empty = np.flatnonzero(weight == 0)
        if len(empty):  # a design point in a hole of the carried pool starts from the free row nearest to it
            rows = nearest_rows(carried, free, points[empty])
            centers[torch.from_numpy(empty).to(centers.device)] = pool.rows(rows).to(centers)
        centers = celling.refine(pool, mass, centers, self.refine)
        cells = celling.settle(pool, centers)
        picks = celling.represent(cells, mass, free, query.budget)
        # rows of a cell that has no pick of its own go to the nearest pick
        position = np.full(len(points), -1, np.int64)
        position[cells.index[picks][::-1]] = np.arange(len(picks))[::-1]
        stands = position[cells.index]
        orphans = np.setdiff1d(np.flatnonzero(stands < 0), query.labeled)
        if len(orphans):
            stands[orphans] = celling.cut(to_numpy(pool.rows(orphans)), to_numpy(pool.rows(picks)).astype(np.float64))
        stands[query.labeled] = -1
        stands[picks] = np.arange(len(picks))
        return picks, stands


def _record(
    transport: Transport, design: NDArray[np.float64], carried: NDArray[np.float32], clock: _Clock
) -> tuple[dict[str, float], dict[str, float], dict[str, Any]]:
    """Figures, seconds and details for a Choice: ``carried`` are the picks in the cube."""
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


class _Clock:
    """Seconds spent in named steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - start


def _is_one_of(value: Any, *words: str) -> bool:
    return isinstance(value, str) and value in words


def _is_transformer(value: Any) -> bool:
    return not isinstance(value, type) and all(hasattr(value, name) for name in ("fit", "transform", "get_params"))


def _seeded(estimator: Any, seed: int) -> Any:
    """A fresh copy of an estimator; its random_state, where it has one and it is None, comes from the seed."""
    copy = clone(estimator, safe=False)
    if "random_state" in copy.get_params() and copy.get_params()["random_state"] is None:
        copy.set_params(random_state=seed % (1 << 32))
    return copy
