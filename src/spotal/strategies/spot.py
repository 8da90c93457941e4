"""SPOT: pick the rows that cover the pool best, with distances measured in units of mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.errors import InputError, to_call
from spotal.mass import Mass, parse_mass
from spotal.numeric.arrays import to_numpy
from spotal.numeric.checks import check_count, check_real
from spotal.numeric.threads import one_thread
from spotal.pool.base import Pool
from spotal.reduce import SoftSphere
from spotal.selection.coverage import Coverage, Reach, neighbors_needed, reaches
from spotal.selection.full_coverage import FullCoverage, all_cover, full_reaches
from spotal.selection.graph import NeighborGraph
from spotal.selection.lloyd import settle
from spotal.selection.pairs import Pairs
from spotal.selection.provenance import describe
from spotal.strategies._content import ContentRandom, fill
from spotal.strategies._kept_graph import kept_bytes, kept_neighbors, kept_pairs
from spotal.strategies._record import Clock
from spotal.strategies._representatives import draw
from spotal.strategies._sample import Sample, rows_needed
from spotal.strategies.base import Choice, Query, Strategy

if TYPE_CHECKING:
    from spotal.strategies.transported import TransportedDesign

__all__ = ["SPOT", "narrowed", "unevenness"]

REPRESENTATIVES = ("center", "random")
AUTO = "margin * inverse-frequency"
"""Default rule of mass once there is a model."""
NARROW = 0.1
"""Share of a pick's mass within a row's reach if the model is certain of every row."""
SAMPLE = 1024
"""Default minimum size of the sample."""


class SPOT(Strategy):
    """Space-filling picks on the neighbor graph.

    Transport to the uniform cube measures distance in mass: each of n design points represents 1/n of the mass.
    SPOT measures distance in mass without the cube. A row's reach is the distance within which a set share of a
    pick's mass lies. A pick's mass is the pool's mass divided by the number of labeled rows and picks. Picks
    greedily maximize the weighted sum over rows of exp(-(distance to the nearest pick or labeled row / reach)^2).
    With many picks, a row can be covered only by its nearest neighbors
    (:class:`~spotal.selection.coverage.Coverage`). In one dimension and without a model, the picks lie near evenly
    spaced quantiles, as lattice points do after the transport; docs/evidence/theory.md has the mathematics.

    Parameters
    ----------
    mass : "auto", a :class:`~spotal.mass.Mass`, or its text (:func:`~spotal.mass.parse_mass`), such as "uniform"
        Weight of each row in the coverage, times the caller's ``mass``. "auto" is ``Margin(1) * InverseFrequency(1)``:
        rows that the model is unsure of weigh more, and all expected classes weigh the same, as in balanced accuracy.
        Without a model, "auto" is uniform.
    reach : "auto" or float in (0, 1]
        Share of a pick's mass that lies within a row's reach, at least five neighbors. "auto" is 0.1 to the power of
        the model's mean margin. Without a model, "auto" is 1, so that picks spread over the pool. It falls toward 0.1
        as the model becomes certain, so that picks go to the narrow regions where the model is unsure. The neighbors
        that can cover a row hold (20 x)^1.25 of the pool's mass, where x is the share of it within the row's reach:
        all rows from 5 % on, 13 % at 1 %, and four times x at .01 %.
    space_filling : "auto" or float, at least 0
        Power of a row's reach that multiplies its weight. With 0, picks cover the pool's mass. With 2, they cover more
        of the volume of the space, including distant rows. "auto" is 2 (1 - h), where h is the normalized entropy of
        the model's mean probabilities, because small classes of imbalanced pools often lie far from the other rows.
        Without a model, "auto" is 0.
    representative : "center" or "random"
        "random" replaces each pick by a random row of its cell, drawn in proportion to the caller's ``mass``. The
        probabilities are then known, and :meth:`Selection.estimate <spotal.selection.Selection.estimate>` is unbiased.
        Not available with cost or groups.
    sample_size : int, at least 1
        Minimum size of the sample that SPOT works on. Pools of at most this many rows are always used whole.

    Notes
    -----
    For n picks and m labeled rows among N, SPOT works on s rows: 100 (n + m) up to 4,096 rows, 16 (n + m) beyond, at
    least ``sample_size`` and at most N. They are drawn by mass and interest
    (:class:`~spotal.strategies._sample.Sample`) and mapped toward the unit sphere, which brings distant rows closer
    (:class:`~spotal.reduce.SoftSphere`). One pass of O(N D) draws the sample, the graph takes O(s min(s, 4,096) D)
    and is exact up to 4,096 rows, and picking takes O(s k log s) for k neighbors per row. Memory O(s (D + k)).
    Distances of a pool of up to 4,096 rows that is used whole are kept for the next query of this object: at most
    96 MB, while the object and the pool's array exist. They are used if points and masses are the same bit for bit.
    Cells are computed on first use, in one pass over the pool. With cost or groups, each pick has the greatest gain
    per unit of price among the rows that may still be picked.

    References
    ----------
    After Fang, Meng, Zhao, Wang, Liu, Zhong, Ma, "SPOT: An Active Learning Algorithm for Efficient Deep Neural Network
    Training", Big Data Mining and Analytics 8(5), 2025, but without the cube; greedy coverage by a kernel as in Bae,
    Oliveira, Sutherland, "Uncertainty Herding", ICLR 2025.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> pool = np.random.default_rng(0).normal(size=(1000, 16))
    >>> picks = spotal.select(pool, 10, "spot", random_state=0)
    >>> len(picks.indices)
    10
    """

    name = "spot"
    multilabel = True
    shares_work = True
    engines = ("local", "ray")
    honors_limits = True

    def __init__(
        self,
        *,
        mass: str | Mass = "auto",
        reach: str | float = "auto",
        space_filling: str | float = "auto",
        representative: str = "center",
        sample_size: int = SAMPLE,
    ) -> None:
        if not isinstance(mass, (str, Mass)):
            raise InputError(
                "mass",
                must="be 'auto', a Mass or its name",
                found=repr(describe(mass)),
                remedy=to_call(mass) or "pass weights of rows to query",
            )
        if isinstance(mass, str) and mass != "auto":
            parse_mass(mass)  # raises InputError for a wrong rule
        if not _is_auto(reach):
            check_real(reach, "reach", 0, 1, subject="reach, where it is not 'auto',")
        if not _is_auto(space_filling) and space_filling != 0:
            check_real(space_filling, "space_filling", 0, subject="space_filling, where it is not 'auto' or 0,")
        if not isinstance(representative, str) or representative not in REPRESENTATIVES:
            raise InputError("representative", must="be 'center' or 'random'", found=repr(representative))
        self.mass = mass
        self.reach = reach
        self.space_filling = space_filling
        self.representative = representative
        self.sample_size = check_count(sample_size, "sample_size", 1)

    @classmethod
    def paper(cls, **changes: Any) -> TransportedDesign:
        """Return the published method, :class:`~spotal.strategies.TransportedDesign`, with the given parameters
        changed."""
        from spotal.strategies.transported import TransportedDesign

        return TransportedDesign(**changes)

    @property
    def most_reach(self) -> float:
        """Largest share of a pick's mass that may lie within a row's reach."""
        return 1.0 if _is_auto(self.reach) else float(self.reach)

    def _refusal(self) -> str | None:
        if self.representative == "random":
            return "SPOT(representative='random') draws with known probabilities; use representative='center'"
        return None

    def _reads_once(self, pool: Pool, budget: int) -> bool:
        return self.representative == "center" and rows_needed(len(pool), 0, budget, self.sample_size) < len(pool)

    def _choose(self, query: Query) -> Choice:
        clock = Clock()
        rule = self.mass if isinstance(self.mass, Mass) else parse_mass(AUTO if self.mass == "auto" else self.mass)
        share = None if _is_auto(self.reach) else float(self.reach)
        power = None if _is_auto(self.space_filling) else float(self.space_filling)
        picks, figures = _cover(self, query, rule, share, power, clock)
        if self.representative == "center":
            return Choice(picks, None, figures, clock.seconds)
        with clock("draw"):
            picks, cells, sampling = draw(query, settle(query.pool, query.pool.rows(picks)))
        return Choice(picks, cells, figures, clock.seconds, sampling=sampling)


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"


def unevenness(shares: NDArray[np.float64]) -> float:
    """Compute one minus the normalized entropy of the expected class shares.

    Parameters
    ----------
    shares : float64 (classes,), :func:`~spotal.mass.class_shares` of the rows

    Returns
    -------
    float in [0, 1]: 0 if all classes are equally common or there is only one; 1 if all rows belong to one of several.
    """
    if len(shares) < 2:
        return 0.0
    positive = shares[shares > 0]
    return float(np.clip(1 + (positive * np.log(positive)).sum() / np.log(len(shares)), 0, 1))


def narrowed(margins: NDArray[np.float64], mass: NDArray[np.float64]) -> float:
    """Compute the share of a pick's mass within reach: 0.1 to the power of the model's mean margin.

    Parameters
    ----------
    margins : float64 (s,), :func:`~spotal.mass.margins` of the rows; mass : float64 (s,), not all zero

    Returns
    -------
    float in [0.1, 1]: 1 if the model cannot distinguish the classes, 0.1 if it is certain of every row.
    """
    return float(NARROW ** np.clip(float(np.average(margins, weights=mass)), 0, 1))


def _stretch(points: torch.Tensor, graph: Pairs | NeighborGraph, reach: Reach) -> NDArray[np.float64]:
    """Return the distance, in the embedding, to the last row that may cover each row, relative to the median."""
    if isinstance(graph, Pairs):
        last = graph.farthest()
    else:
        last = graph.near[np.arange(len(points)), reach.count - 1].astype(np.int64)
    length = to_numpy((points - points[torch.from_numpy(last)]).square().sum(1).sqrt())
    typical = float(np.median(length)) or float(length.max()) or 1.0
    return np.asarray(np.maximum(length / typical, 1e-3))


def _mapped(sample: Sample) -> torch.Tensor:
    """Return the points of the sample on the soft sphere, float32 (s, D)."""
    with one_thread():  # sums then round the same on any number of cores
        return SoftSphere.fit(sample.points, sample.mass).transform(sample.points)


def _graph(strategy: SPOT, query: Query, sample: Sample, share: float) -> Pairs | NeighborGraph:
    """Return all pairs of rows if every row may cover every other, else the graph of the neighbors that may."""
    size, equal = len(sample.rows), bool((sample.mass == sample.mass[0]).all())
    near, full, pairs = neighbors_needed(size, share, equal=equal), all_cover(sample.mass, share), None
    if sample.points.device.type == "cpu":
        if sample.whole and kept_bytes(*sample.points.shape):
            pairs = kept_pairs(strategy, query, sample, lambda: Pairs.fit(_mapped(sample)))
        elif full:
            pairs = Pairs.fit(_mapped(sample))
    if pairs is None:
        return NeighborGraph.fit(_mapped(sample), near)
    return pairs if full else kept_neighbors(strategy, pairs, near)


def _cover(
    strategy: SPOT, query: Query, rule: Mass, share: float | None, space_filling: float | None, clock: Clock
) -> tuple[NDArray[np.int64], dict[str, float]]:
    """Pick rows; return them and the diagnostics. ``share`` and ``space_filling`` are None for "auto"."""
    with clock("sample"):
        sample = Sample.of(query, strategy.sample_size)
        evidence = sample.evidence(query)
        cold = evidence.probabilities is None
        if share is None:
            share = 1.0 if cold else narrowed(evidence.margins, sample.mass)
        share /= len(query.labeled) + query.budget  # of the pool's mass
    with clock("graph"):
        graph = _graph(strategy, query, sample, share)
    with clock("weigh"):
        if isinstance(graph, Pairs):
            reach = full_reaches(graph, sample.mass, share)
        else:
            reach = reaches(graph, sample.mass, share)
        power = space_filling
        if power is None:
            power = 0.0 if cold else 2 * unevenness(evidence.class_shares)
        weight = sample.mass * rule.weigh(evidence)
        if power:
            weight *= _stretch(sample.points, graph, reach) ** power
        weight[sample.labeled] = 0
        if not weight.any():
            weight[sample.unlabeled] = 1
    with clock("pick"):
        weight /= weight.sum()
        coverage = FullCoverage(graph, reach, weight) if isinstance(graph, Pairs) else Coverage(graph, reach, weight)
        coverage.add(sample.labeled)
        shuffled = query.rng().permutation(sample.unlabeled)
        if query.limits is None:
            picks = sample.rows[coverage.pick(shuffled, query.budget)]
            full = len(picks) == query.budget
        else:
            allowance = query.allowance()
            coverage.pick_within(shuffled, allowance, lambda places: sample.rows[places])
            picks, full = np.array(allowance.picks, np.int64), allowance.full
        if not full:
            picks = fill(query, picks, ContentRandom(query.pool, query.seed))
    figures = {
        "coverage": coverage.value,
        "space_filling": power,
        "share": share * (len(query.labeled) + query.budget),
        "reach": float(np.sqrt(np.median(reach.squared))),
        "rows": float(len(sample.rows)),
    }
    return picks, figures
