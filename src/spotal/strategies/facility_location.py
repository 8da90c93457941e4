"""Facility location: rows that are most similar to all others, on the nearest-neighbor graph."""

from __future__ import annotations

import numpy as np

from spotal.numeric.checks import check_count, check_real
from spotal.numeric.threads import one_thread
from spotal.selection.coverage import Coverage, Reach
from spotal.selection.graph import NeighborGraph
from spotal.strategies._content import ContentRandom, fill
from spotal.strategies._sample import LEAST_ROWS, Sample
from spotal.strategies._sphere import unit
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["FacilityLocation"]


class FacilityLocation(Strategy):
    """Greedy maximum of the sum, over all rows, of each row's greatest similarity to a labeled or picked row (Wei,
    Iyer, Bilmes, "Submodularity in data subset selection and active learning", ICML 2015, without their filter by
    uncertainty).

    The similarity of a row to a pick is exp(-(distance / radius)²) if the pick is among the row's nearest
    ``neighbors``, and zero otherwise. The radius is the same for the whole pool. Features have unit length. Mass weighs
    the rows to cover. If no row has a gain, and for rows of mass zero, picks are random. Ties are broken at random.
    With cost, gains are divided by the price. Large pools are sampled as in SPOT.

    Parameters
    ----------
    neighbors : int, number of nearest neighbors, without the row itself
    radius : "auto" or float
        "auto" is the median, over rows, of the distance to the last of the neighbors.
    normalize : bool, whether to divide rows by their norm first
    sample_size : int, minimum size of the sample of a large pool

    Notes
    -----
    At most s = max(sample_size, 16 times the labels and picks) rows, drawn in one pass of O(N D); then
    O(s min(s, 4096) D) for the graph and O(s neighbors log s) for the picks. Memory O(s (D + neighbors) + N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import FacilityLocation
    >>> pool = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]])
    >>> sorted(FacilityLocation(neighbors=2).query(pool, 2, random_state=0).indices.tolist())
    [0, 3]
    """

    name = "facility-location"
    multilabel = True
    honors_limits = True

    def __init__(
        self,
        *,
        neighbors: int = 50,
        radius: float | str = "auto",
        normalize: bool = True,
        sample_size: int = LEAST_ROWS,
    ) -> None:
        self.neighbors = check_count(neighbors, "neighbors", 1)
        self.radius = radius if isinstance(radius, str) and radius == "auto" else check_real(radius, "radius", 0)
        self.normalize = normalize
        self.sample_size = check_count(sample_size, "sample_size", 1)

    def _choose(self, query: Query) -> Choice:
        sample = Sample.of(query, self.sample_size)
        points = unit(sample.points) if self.normalize else sample.points - sample.points.mean(0)
        scale = 1.0 if self.normalize else float(points.abs().max()) or 1.0  # so that squares stay finite
        size, k = len(points), min(self.neighbors + 1, len(points))
        with one_thread():
            graph = NeighborGraph.fit((points / scale).float(), k)
        far = graph.squared[:, -1].astype(np.float64)
        squared = float(np.median(far)) or float(far.max()) or 1.0
        if self.radius != "auto":
            squared = (float(self.radius) / scale) ** 2
        mass = sample.mass if sample.mass[sample.unlabeled].any() else np.ones(size)
        coverage = Coverage(graph, Reach(np.full(size, squared), np.full(size, k)), mass / mass.sum())
        coverage.add(sample.labeled)
        allowance = query.allowance()
        coverage.pick_within(query.rng().permutation(sample.unlabeled), allowance, lambda places: sample.rows[places])
        picks = fill(query, np.array(allowance.picks, np.int64), ContentRandom(query.pool, query.seed))
        return Choice(picks, diagnostics={"coverage": coverage.value, "radius": squared**0.5 * scale})
