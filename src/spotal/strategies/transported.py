"""SPOT as published: optimal transport to the uniform hypercube, a design there, and the rows nearest to its points."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from spotal import design as designs
from spotal.engine import run
from spotal.errors import ConvergenceWarning, InputError, to_call
from spotal.mass import Evidence, Mass, parse_mass
from spotal.numeric.arrays import to_numpy
from spotal.numeric.checks import check_count
from spotal.pool import as_pool
from spotal.pool.base import PoolLike
from spotal.pool.sample import priority_sample
from spotal.reduce import PCA
from spotal.selection import assigned_rows, nearest_rows
from spotal.selection.provenance import describe
from spotal.strategies._content import content_keys
from spotal.strategies._layout import Carry, Layout, reduced
from spotal.strategies._record import Clock, record
from spotal.strategies.base import Choice, Query, Strategy
from spotal.transport import ProjectionPursuitTransport, SlicedTransport, Transport

__all__ = ["TransportedDesign"]

SELECTIONS = ("nearest", "assignment")
TRANSPORTS = {"sliced": SlicedTransport, "projection-pursuit": ProjectionPursuitTransport}


class Transformer(Protocol):
    """A scikit-learn transformer."""

    def fit(self, X: NDArray[np.float64]) -> object: ...

    def transform(self, X: NDArray[np.float64]) -> ArrayLike: ...

    def get_params(self) -> dict[str, Any]: ...


class TransportedDesign(Strategy):
    """Space-filling design on the optimally transported pool.

    Embeddings are reduced to a few dimensions. A transport map to the uniform hypercube is fitted to a weighted sample,
    and maps all rows. A design fills the cube around the labeled rows, and each of its points picks a row of the pool.
    The defaults are the published method. Labeled rows and the design points that they represent are not picked again;
    labels have no other effect. Cost and groups are not supported.

    Parameters
    ----------
    reduction : "pca", None, or a scikit-learn transformer
        Reduction of the embeddings before the transport. None transports them as they are.
    n_components : int or "auto"
        Dimensions for "pca"; "auto" depends on the spectrum and the number of design points
        (:func:`~spotal.reduce.choose_dimension`).
    whiten : bool, whether "pca" scales its components to unit variance
    transport : "projection-pursuit", "sliced", or a :class:`~spotal.transport.Transport`
    design : name of a design (:func:`spotal.design.names`) or a :class:`~spotal.design.Design`
    selection : "nearest" or "assignment"
        "nearest" (the paper): each design point takes the nearest free row in the cube; "assignment": the one-to-one
        assignment of least total squared distance.
    mass : a :class:`~spotal.mass.Mass`, or its text (:func:`~spotal.mass.parse_mass`), such as "uniform"
        Weight of each row in the transport, times the caller's ``mass``.
    sample_size : int, maximum number of sampled rows to which reduction and transport are fitted

    Notes
    -----
    For N rows of width D, n picks, d dimensions, L frames and a sample of s rows: O(s D^2 + L d s log s) to fit, one
    pass of O(N (D d + L d^2)) to map, O(N n d) to select. Memory beyond the pool: O(N d + s D).

    References
    ----------
    Fang, Meng, Zhao, Wang, Liu, Zhong, Ma, "SPOT: An Active Learning Algorithm for Efficient Deep Neural Network
    Training", Big Data Mining and Analytics 8(5), 2025.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> pool = np.random.default_rng(0).normal(size=(500, 8))
    >>> picks = spotal.select(pool, 10, "spot-paper", random_state=0)
    >>> len(picks.indices)
    10
    """

    name = "spot-paper"
    multilabel = True
    engines = ("local", "ray")

    def __init__(
        self,
        *,
        reduction: Transformer | str | None = "pca",
        n_components: int | str = "auto",
        whiten: bool = True,
        transport: str | Transport = "projection-pursuit",
        design: str | designs.Design = "sobol",
        selection: str = "nearest",
        mass: str | Mass = "uniform",
        sample_size: int = 50_000,
    ) -> None:
        if not _is_one_of(selection, *SELECTIONS):
            raise InputError("selection", must=f"be one of {', '.join(SELECTIONS)}", found=repr(selection))
        if not isinstance(mass, (str, Mass)):
            raise InputError(
                "mass",
                must="be a Mass or its name",
                found=repr(describe(mass)),
                remedy=to_call(mass) or "pass weights of rows to query",
            )
        if isinstance(mass, str):
            parse_mass(mass)  # raises InputError for a wrong rule
        if not (_is_one_of(transport, *TRANSPORTS) or isinstance(transport, Transport)):
            raise InputError(
                "transport",
                must="be 'sliced', 'projection-pursuit' or a Transport",
                found=repr(transport),
                remedy=to_call(transport),
            )
        if not (reduction is None or _is_one_of(reduction, "pca") or _is_transformer(reduction)):
            raise InputError(
                "reduction",
                must="be 'pca', None or a scikit-learn transformer",
                found=repr(reduction),
                remedy=to_call(reduction),
            )
        check_count(sample_size, "sample_size", 2)
        if not _is_one_of(n_components, "auto"):
            check_count(n_components, "n_components", 1, subject="n_components, where it is not 'auto',")
        self.reduction: Any = reduction
        self.n_components = n_components
        self.whiten = whiten
        self.transport = transport
        self.design = design if isinstance(design, designs.Design) else designs.get(design)
        self.selection = selection
        self.mass = mass
        self.sample_size = sample_size

    def _choose(self, query: Query) -> Choice:
        clock = Clock()
        layout = self._lay(query, clock)
        carried, points = layout.carried, layout.design
        with clock("select"):
            choose = nearest_rows if self.selection == "nearest" else assigned_rows
            # rows of mass zero are picked last
            weighs = layout.mass[query.unlabeled] > 0
            heavy, light = query.unlabeled[weighs], query.unlabeled[~weighs]
            picks = choose(carried, heavy, points[: len(heavy)])
            if query.budget > len(heavy):
                picks = np.concatenate([picks, choose(carried, light, points[len(heavy) :])])
        return Choice(picks, None, *record(layout.transport, points, carried[picks], clock))

    def layout(self, pool: PoolLike, budget: int, **options: Any) -> Layout:
        """Return the layout that ``query`` makes before it picks, for plots and analysis.

        Arguments, errors and cost are the same as for ``query``, but the budget is at least 1. The same integer as
        ``random_state`` gives the same layout.
        """
        return self._lay(self._checked(as_pool(pool), budget, **options), Clock())

    def _lay(self, query: Query, clock: Clock) -> Layout:
        with clock("weigh"):
            mass = self._weigh(query)
        with clock("fit"):
            reduction, transport = self._fit(query, mass)
        with clock("carry"):
            carried: NDArray[np.float32] = run(Carry(reduction, transport), query.pool)
        with clock("design"):
            around = carried[query.labeled]
            points = self.design.points(query.budget, carried.shape[1], existing=around, random_state=query.rng())
        return Layout(mass, reduction, transport, carried, points)

    def _weigh(self, query: Query) -> NDArray[np.float64]:
        """Return the mass of each row in the transport, float64 (N,), positive for some unlabeled row."""
        rule = parse_mass(self.mass) if isinstance(self.mass, str) else self.mass
        q = query
        evidence = Evidence(q.pool, q.labeled, q.labels, q.probabilities, q.draws, None, q.mass, q.multilabel)
        for mass in (rule.weigh(evidence) * query.weights(), query.weights(), np.ones(len(query.pool))):
            if mass[query.unlabeled].any():
                break
        # equal masses become exactly 1, so that sums do not depend on the order of rows
        scaled: NDArray[np.float64] = mass / mass.max()
        return scaled

    def _fit(self, query: Query, mass: NDArray[np.float64]) -> tuple[Any, Transport]:
        rows, weight = priority_sample(mass, len(query.pool), self.sample_size, query.seed)
        points: Any = query.pool.rows(rows).double()
        # sorted by content, so that sums do not depend on the order of rows
        order = content_keys(points).argsort(stable=True)
        points, weight = points[order], weight[to_numpy(order)]
        reduction = self._reduce(points, weight, query)
        transport: Any = TRANSPORTS[self.transport]() if isinstance(self.transport, str) else self.transport
        transport = _seeded(transport, query.seed)
        with warnings.catch_warnings():
            # the Selection's diagnostics contain the uniformity
            warnings.simplefilter("ignore", ConvergenceWarning)
            transport.fit(reduced(reduction, points), sample_weight=weight)
        return reduction, transport

    def _reduce(self, points: torch.Tensor, weight: NDArray[np.float64], query: Query) -> Any:
        """Fit the reduction to rows (s, D) with weights (s,)."""
        if self.reduction is None:
            return None
        if self.reduction == "pca":
            count = query.budget + len(query.labeled)
            pca = PCA(self.n_components, budget=count, whiten=self.whiten, random_state=query.seed)
            return pca.fit(points, sample_weight=weight)
        return _seeded(self.reduction, query.seed).fit(to_numpy(points))


def _is_one_of(value: Any, *words: str) -> bool:
    return isinstance(value, str) and value in words


def _is_transformer(value: Any) -> bool:
    return not isinstance(value, type) and all(hasattr(value, name) for name in ("fit", "transform", "get_params"))


def _seeded(estimator: Any, seed: int) -> Any:
    """Copy an estimator, and set its random_state from the seed if it is None."""
    copy = clone(estimator, safe=False)
    if "random_state" in copy.get_params() and copy.get_params()["random_state"] is None:
        copy.set_params(random_state=seed % (1 << 32))
    return copy
