"""SPOT: pick the rows that cover the pool best, with distance measured in units of mass."""

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
from spotal.selection.graph import NeighborGraph
from spotal.selection.lloyd import settle
from spotal.selection.provenance import describe
from spotal.strategies._content import ContentRandom, fill
from spotal.strategies._record import Clock
from spotal.strategies._representatives import draw
from spotal.strategies._sample import LEAST_ROWS, Sample, rows_needed
from spotal.strategies.base import Choice, Query, Strategy

if TYPE_CHECKING:
    from spotal.strategies.transported import TransportedDesign

__all__ = ["SPOT", "narrowed", "unevenness"]

REPRESENTATIVES = ("center", "random")
AUTO = "margin * inverse-frequency"
"""What covering a row is worth, unless told otherwise."""
NARROW = 0.1
"""Share of a pick's mass within a row's reach where a model is sure of every row."""


class SPOT(Strategy):
    """Space-filling picks on the neighbor graph, where transport to the uniform measure needs no cube.

    Transport makes distance mean mass: the points of a design of n each stand for 1/n of it. Here a row's reach is the
    distance within which it finds a share of that mass, and picks are taken greedily so that the weighted sum over rows
    of exp(-(distance to the nearest pick or labeled row / reach)^2) is greatest, where only a row's nearest, up to four
    times the mass within its reach, count (:class:`~spotal.selection.coverage.Coverage`). In one dimension, before
    there is a model, the picks stand near evenly spaced quantiles, as a lattice's points do after the transport;
    docs/evidence/theory.md has the mathematics.

    Parameters
    ----------
    mass : "auto", a :class:`~spotal.mass.Mass`, or one by name (:func:`~spotal.mass.parse_mass`), such as "uniform"
        What covering a row is worth, times the caller's ``mass``. "auto" is ``Margin(1) * InverseFrequency(1)``: what
        the model is unsure of, with all classes it expects made equally common, as balanced accuracy counts them;
        uniform before there is a model.
    reach : "auto" or float in (0, 1]
        Share of the mass that one pick stands for which lies within a row's reach; five neighbors at least. "auto" is
        .1 to the power of the model's mean margin: all of it before there is a model, when picks spread over the pool;
        near all of it while the model tells little; down to a tenth as it grows sure, when picks go to the narrow
        places where it is not. Rows that hold four times as much may cover a row. Neither passes 5 % and 15 % of the
        pool's mass.
    space_filling : "auto" or float, at least 0
        Power of a row's reach that multiplies its worth: 0 covers the pool's mass, 2 rather the volume of the space,
        far-out rows included. "auto" is twice one minus the normalized entropy of the model's mean probabilities, and 0
        before there is a model: uneven pools hide small classes far out.
    representative : "center" or "random"
        "random" draws one of the rows that each pick stands for, in proportion to the caller's ``mass``, in its place:
        its probability is known, and :meth:`Selection.estimate <spotal.selection.Selection.estimate>` has no bias.
        Takes no cost or groups.
    sample_size : int, at least 1
        Least number of rows that the picks are chosen from and for; a pool of fewer rows is used whole.

    Notes
    -----
    n picks beside m labeled rows among N work on s = min(N, max(sample_size, 16 (n + m))) rows, drawn by mass and by
    how interesting they are (:class:`~spotal.strategies._sample.Sample`), on a sphere that keeps far-out rows near
    (:class:`~spotal.reduce.SoftSphere`): one pass of O(N D) to draw, O(s min(s, 4,096) D) for the graph, exact up to
    4,096 rows, O(s k log s) to pick, k neighbors a row. Memory O(s (D + k)). Which pick stands for each row is found
    when it is asked for: a pass over the pool. Limits on cost and groups are kept in the greedy step: the greatest gain
    for each unit of price, among rows that may still be picked.

    References
    ----------
    After Fang, Meng, Zhao, Wang, Liu, Zhong, Ma, "SPOT: An Active Learning Algorithm for Efficient Deep Neural Network
    Training", Big Data Mining and Analytics 8(5), 2025, whose cube it does without; greedy coverage by a kernel as in
    Bae, Oliveira, Sutherland, "Uncertainty Herding", ICLR 2025.

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
        sample_size: int = LEAST_ROWS,
    ) -> None:
        if not isinstance(mass, (str, Mass)):
            raise InputError(
                "mass",
                must="be 'auto', a Mass or its name",
                found=repr(describe(mass)),
                remedy=to_call(mass) or "pass weights of rows to query",
            )
        if isinstance(mass, str) and mass != "auto":
            parse_mass(mass)  # says now what is wrong with it
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
        """The published method, with its cube: :class:`~spotal.strategies.TransportedDesign`.

        ``changes`` override single parameters of that class.
        """
        from spotal.strategies.transported import TransportedDesign

        return TransportedDesign(**changes)

    @property
    def most_reach(self) -> float:
        """The largest share of a pick's mass that may lie within a row's reach."""
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
        picks, figures = _cover(query, rule, share, power, self.sample_size, clock)
        if self.representative == "center":
            return Choice(picks, None, figures, clock.seconds)
        with clock("draw"):
            picks, cells, sampling = draw(query, settle(query.pool, query.pool.rows(picks)))
        return Choice(picks, cells, figures, clock.seconds, sampling=sampling)


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"


def unevenness(shares: NDArray[np.float64]) -> float:
    """How uneven the classes are as a model sees them: 1 less the normalized entropy of the mean probabilities.

    Parameters
    ----------
    shares : float64 (classes,), :func:`~spotal.mass.class_shares` of the rows

    Returns
    -------
    float in [0, 1]: 0 where all classes are equally common, or there is one only; 1 where all rows are of one class.
    """
    if len(shares) < 2:
        return 0.0
    seen = shares[shares > 0]
    return float(np.clip(1 + (seen * np.log(seen)).sum() / np.log(len(shares)), 0, 1))


def narrowed(margins: NDArray[np.float64], mass: NDArray[np.float64]) -> float:
    """Share of a pick's mass that lies within reach: .1 to the power of a model's mean margin.

    Parameters
    ----------
    margins : float64 (s,), :func:`~spotal.mass.margins` of the rows; mass : float64 (s,), not all zero

    Returns
    -------
    float in [.1, 1]: 1 where the model does not tell the classes apart, .1 where it is sure of every row.
    """
    sure = float(np.average(margins, weights=mass))
    return float(NARROW ** np.clip(sure, 0, 1))


def _stretch(points: torch.Tensor, graph: NeighborGraph, reach: Reach) -> NDArray[np.float64]:
    """How far in the embedding itself, not on the sphere, lies the last row that may cover each, over the median."""
    edge = graph.near[np.arange(len(points)), reach.count - 1]
    length = to_numpy((points - points[torch.from_numpy(edge)]).square().sum(1).sqrt())
    typical = float(np.median(length)) or float(length.max()) or 1.0
    return np.asarray(np.maximum(length / typical, 1e-3))


def _cover(
    query: Query, rule: Mass, share: float | None, space_filling: float | None, sample_size: int, clock: Clock
) -> tuple[NDArray[np.int64], dict[str, float]]:
    """Rows of the pool that cover it best, in order, and figures of the coverage.

    Parameters
    ----------
    rule : what a row is worth, times the caller's mass
    share : of the mass that one pick stands for, what lies within a row's reach; None follows :func:`narrowed`
    space_filling : power of a row's distance to where it may be covered from, which multiplies its worth; None follows
        :func:`unevenness`, twice it
    sample_size : least number of rows to work on
    """
    with clock("sample"):
        sample = Sample.of(query, sample_size)
        evidence = sample.evidence(query)
        odds = evidence.probabilities
        if share is None:
            share = 1.0 if odds is None else narrowed(evidence.margins, sample.mass)
        share /= len(query.labeled) + query.budget  # of the pool's mass
    with clock("graph"):
        with one_thread():  # sums round alike on every number of cores
            points = SoftSphere.fit(sample.points, sample.mass).transform(sample.points)
        graph = NeighborGraph.fit(points, neighbors_needed(len(points), share))
    with clock("weigh"):
        reach = reaches(graph, sample.mass, share)
        power = space_filling
        if power is None:
            power = 0.0 if odds is None else 2 * unevenness(evidence.class_shares)
        far = _stretch(sample.points, graph, reach) ** power
        weight = sample.mass * rule.weigh(evidence) * far
        weight[sample.labeled] = 0  # they need no label
        if not weight.any():
            weight[sample.unlabeled] = 1
    with clock("pick"):
        coverage = Coverage(graph, reach, weight / weight.sum())
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
