"""SPOT: carry the pool to the uniform hypercube by optimal transport, lay a space-filling design, take its rows."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from spotal import design as designs
from spotal._arrays import to_numpy
from spotal._provenance import describe
from spotal._search import one_thread
from spotal.engine import run
from spotal.errors import ConvergenceWarning, InputError
from spotal.mass import Discounted, Evidence, LabelDistance, Margin, Mass, Price, Tempered, Uniform, parse_mass
from spotal.pool.base import Pool
from spotal.pool.sample import priority_sample
from spotal.reduce import PCA, LeadingSpace
from spotal.selection import assigned_rows, nearest_rows
from spotal.selection import cells as celling
from spotal.selection.estimate import Sampling
from spotal.selection.large import represent
from spotal.strategies._checks import check_real
from spotal.strategies._content import content_keys
from spotal.strategies._draw import draw
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
from spotal.strategies._record import Clock, record
from spotal.strategies.base import Choice, Query, Strategy
from spotal.transport import ProjectionPursuitTransport, SlicedTransport, Transport

__all__ = ["SPOT"]

SELECTIONS = ("cells", "nearest", "assignment")
REPRESENTATIVES = ("center", "random")
KNOWN = ("labeled", "labels", "probabilities", "mass", "random_state", "cost", "groups", "max_per_group")
DEFAULT = Tempered(Margin(2)) * Discounted(LabelDistance(1)) * Price(1)
FEW = 5
"""Labels a class below which typical rows teach more than those that a model is unsure of."""
SMALL = 100
"""Picks up to which more Lloyd steps are taken while ``focus`` lasts."""
TRIALS, CLOSE = 4, 0.05
"""Most times that cells are cut anew for a budget in money, and the share by which their number may miss it."""


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
    mass : "auto", a :class:`~spotal.mass.Mass`, or one by name (:func:`~spotal.mass.parse_mass`), such as "uniform"
        What the transport carries, times the caller's ``mass``. "auto" is
        ``Tempered(Margin(2)) * Discounted(LabelDistance(1))``: uniform while nothing is known, more where the model is
        uncertain, as far as held-out labels say that it is to be believed, and where labels are far, as far as they
        have not arranged the embedding themselves; with cost, times ``Price(1)``: mass per unit of price.
    refine : int
        Lloyd steps of "cells"; 4 times as many for at most 100 picks while ``focus`` lasts: where few cells end hangs
        more on where they begin.
    focus : float, at least 0
        How far centers of "cells" keep to dense mass (:func:`~spotal.selection.cells.refine`) while labels are fewer
        than 5 a class; 0 makes them means, as they are from then on: the mass itself says where to go.
    representative : "center" or "random"
        Who stands for a cell of "cells". "random" draws one of its rows, in proportion to the caller's ``mass``: with
        one pick a cell (cells are halved until there are as many) its probability is known, and
        :meth:`Selection.estimate <spotal.selection.Selection.estimate>` has no bias. Takes no cost or groups.
    sample_size : int, most rows that reduction and transport are fitted on

    Notes
    -----
    For N rows of width D, n picks, d dimensions, L frames and a sample of s rows: one pass to weigh (O(N m D) for m
    labeled rows), O(s D^2 + L d s log s) to fit, one pass to carry, O(N (D d + L d^2)), one pass of O(N n D) for each
    Lloyd step and one to finish. Memory beyond the pool: O(N d + s D + n D).

    "cells" of more than 50,000 rows, or where N n D passes 10^9, are cut by a tree and refined on a sample of at least
    ten rows a cell, in 32 leading coordinates, and one pass over the pool takes the picks:
    O(s D^2 + L d^2 s + (s + N) sqrt(n) + N D), memory O(s D + n) whatever N, while nothing is known of the rows.
    Labels cost one pass more, O(N (D + sqrt(m))): each row is compared with the few that seem near.
    Under limits, and where representatives are drawn, cells are refined on the whole pool whatever its length.

    Limits on cost and groups are worked into "cells": each cell has the best row that they allow, cells may change
    their rows so that more can be served, and a cell that cannot be passes its pick on
    (:func:`~spotal.selection.limits.serve`). The other selections take no limits. With cost, cells are cut anew, 4
    times at most, until they are about as many as the money buys picks.

    References
    ----------
    Fang, Meng, Zhao, Wang, Liu, Zhong, Ma, "SPOT: An Active Learning Algorithm for Efficient Deep Neural Network
    Training", Big Data Mining and Analytics 8(5), 2025.
    """

    name = "spot"
    honors_limits = True

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
        focus: float = 1.0,
        representative: str = "center",
        sample_size: int = 50_000,
    ) -> None:
        if selection not in SELECTIONS:
            raise InputError(f"selection must be one of {', '.join(SELECTIONS)}, found {selection!r}")
        if not _is_one_of(representative, *REPRESENTATIVES) or (representative == "random" and selection != "cells"):
            raise InputError(
                "representative must be 'center', or 'random' with selection='cells', found "
                f"{representative!r} with selection={selection!r}"
            )
        if not isinstance(mass, (str, Mass)):
            raise InputError(
                f"mass must be 'auto', a Mass or its name, found {describe(mass)!r}; pass weights of rows to query"
            )
        if isinstance(mass, str) and mass != "auto":
            parse_mass(mass)  # says now what is wrong with it
        if focus != 0:
            check_real(focus, "focus, where it is not 0,", 0)
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
        self.focus = focus
        self.representative = representative
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
        return self.selection == "cells" and self.representative == "center" and is_large(pool, budget)

    def _is_large(self, query: Query) -> bool:
        """Whether cells are refined on a sample."""
        return query.limits is None and self._reads_once(query.pool, query.budget)

    def _refusal(self) -> str | None:
        if self.selection != "cells":
            return f"SPOT(selection={self.selection!r}) cannot keep to them; use selection='cells'"
        if self.representative == "random":
            return "SPOT(representative='random') draws with known probabilities; use representative='center'"
        return None

    def _choose(self, query: Query) -> Choice:
        clock = Clock()
        if self._is_large(query):
            return self._choose_large(query, clock)
        laid = self._lay(query, clock)
        mass, transport, carried, points = laid.mass, laid.transport, laid.carried, laid.design
        sampling: Sampling | None = None
        cells: NDArray[np.int64] | None = None  # left to the nearest pick in the embedding space
        with clock("select"):
            if self.selection == "cells":
                cut = self._cut(query, mass, carried, points)
                if query.limits is not None and query.limits.cost is not None:
                    points, cut = self._afforded(query, mass, carried, points, cut)
                picks, cells, sampling = self._by_cells(query, mass, cut)
            else:
                choose = nearest_rows if self.selection == "nearest" else assigned_rows
                # rows of mass zero serve only when the others run out
                heavy = query.unlabeled[mass[query.unlabeled] > 0]
                light = query.unlabeled[mass[query.unlabeled] == 0]
                picks = choose(carried, heavy, points[: len(heavy)])
                if query.budget > len(heavy):
                    picks = np.concatenate([picks, choose(carried, light, points[len(heavy) :])])
        return Choice(picks, cells, *record(transport, points, carried[picks], clock), sampling=sampling)

    def _choose_large(self, query: Query, clock: Clock) -> Choice:
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
            parts = [seen] if len(some) == len(rows) else read(pool, rows, space, reduction)
            sample = Sample.of(parts, len(rows), transport)
        with clock("design"):
            design = self.design.points(query.budget, sample.carried.shape[1], random_state=query.rng())
        with clock("refine"):
            focus, labeled = self._focus(query), query.labeled
            steps = self.steps(query.budget, focus)
            scene = refined_scene(pool, sample, weight, design, space, steps, focus, labeled, mass, query.mass)
        with clock("select"):
            picks, cells, table = represent(pool, scene, query.budget)
        carried = Sample.of(read(pool, picks, space, reduction), len(picks), transport).carried
        stands = PickedCells(pool, scene, picks, cells, query.labeled)
        return Choice(picks, stands, *record(transport, design, carried, clock), stands.mass(table, query.mass))

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
        return self._lay(self._checked(pool, budget, **(dict.fromkeys(KNOWN) | known)), Clock())

    def _lay(self, query: Query, clock: Clock) -> Layout:
        with clock("weigh"):
            mass = self._weigh(query)
        if query.limits is not None:
            query = replace(query, budget=_affordable(query, mass))
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
        if isinstance(rule, str) and rule != "auto":
            rule = parse_mass(rule)
        elif rule == "auto":
            rule = DEFAULT if self.selection == "cells" else Uniform()
        assert isinstance(rule, Mass)
        evidence = LargeEvidence if self._is_large(query) else Evidence
        cost = None if query.limits is None else query.limits.cost
        known = evidence(query.pool, query.labeled, query.labels, query.probabilities, query.draws, cost)
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

    def _focus(self, query: Query) -> float:
        """What ``focus`` is for this query: 0 once labels are many, or not known."""
        if len(query.labeled) == 0:
            return self.focus
        if query.probabilities is not None:
            classes = query.probabilities.shape[1]
        else:
            classes = 0 if query.labels is None else len(np.unique(query.labels))
        return self.focus if len(query.labeled) < FEW * classes else 0.0

    def steps(self, budget: int, focus: float) -> int:
        """Lloyd steps for so many picks at that focus."""
        return self.refine * (4 if focus and budget <= SMALL else 1)

    def _cut(
        self, query: Query, mass: NDArray[np.float64], carried: NDArray[np.float32], points: NDArray[np.float64]
    ) -> celling.Cells:
        """The pool cut by the design, refined."""
        pool, free = query.pool, query.unlabeled
        index = celling.cut(carried, points)
        weight, centers = celling.cell_means(pool, mass, index, len(points))
        empty = np.flatnonzero(weight == 0)
        if len(empty):  # a design point in a hole of the carried pool starts from the free row nearest to it
            rows = nearest_rows(carried, free, points[empty])
            centers[torch.from_numpy(empty).to(centers.device)] = pool.rows(rows).to(centers)
        focus = self._focus(query)
        centers = celling.refine(pool, mass, centers, self.steps(query.budget, focus), focus)
        return celling.settle(pool, centers)

    def _afforded(
        self,
        query: Query,
        mass: NDArray[np.float64],
        carried: NDArray[np.float32],
        points: NDArray[np.float64],
        cells: celling.Cells,
    ) -> tuple[NDArray[np.float64], celling.Cells]:
        """Design and cells whose rows, one a cell, cost about what there is to spend: by trial, a few times at most."""
        limits, free = query.limits, query.unlabeled
        assert limits is not None
        assert limits.cost is not None
        for _ in range(TRIALS):
            picks = celling.represent(cells, mass, free, len(points), query.allowance())
            first = picks[np.unique(cells.index[picks], return_index=True)[1]]
            share = len(first) * float(limits.budget) / float(limits.cost[first].sum())
            count = round(min(limits.most(free), max(1, share)))
            if abs(count - len(points)) <= CLOSE * len(points):
                break
            points = self.design.points(count, carried.shape[1], random_state=query.rng())
            cells = self._cut(query, mass, carried, points)
        return points, cells

    def _by_cells(
        self, query: Query, mass: NDArray[np.float64], cells: celling.Cells
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Sampling | None]:
        """Picks, which of them stands for each row, and how they were drawn."""
        pool, free = query.pool, query.unlabeled
        if self.representative == "random":
            return draw(query, cells)
        allowance = None if query.limits is None else query.allowance()
        picks = celling.represent(cells, mass, free, query.budget, allowance)
        # rows of a cell that has no pick of its own go to the nearest pick
        position = np.full(len(cells.centers), -1, np.int64)
        position[cells.index[picks][::-1]] = np.arange(len(picks))[::-1]
        stands = position[cells.index]
        orphans = np.setdiff1d(np.flatnonzero(stands < 0), query.labeled)
        if len(orphans):
            stands[orphans] = celling.cut(to_numpy(pool.rows(orphans)), to_numpy(pool.rows(picks)).astype(np.float64))
        stands[query.labeled] = -1
        stands[picks] = np.arange(len(picks))
        return picks, stands, None


def _affordable(query: Query, mass: NDArray[np.float64]) -> int:
    """Cells for the budget: under prices, as many as it buys picks at the mean price of what the transport carries."""
    limits, free = query.limits, query.unlabeled
    assert limits is not None
    if limits.cost is None or not mass[free].any():
        return query.budget
    price = float(mass[free] @ limits.cost[free] / mass[free].sum())
    return max(1, limits.bought(free, price))


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
