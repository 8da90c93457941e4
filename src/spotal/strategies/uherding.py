"""Uncertainty Herding: greedy coverage of uncertain rows, by a kernel that narrows as labels are added."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.mass import margins, tempered
from spotal.numeric.arrays import blocks, to_numpy
from spotal.numeric.calibration import calibration_error
from spotal.numeric.checks import check_count, check_real
from spotal.pool.base import Pool
from spotal.strategies._content import ContentRandom, fill, heavy, sample
from spotal.strategies._greedy_coverage import gaussian, greedy_cover
from spotal.strategies._sphere import on_sphere
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["UHerding"]

TEMPERATURES = np.arange(1.0, 20, 0.1)
HELD_OUT = 0.3


class UHerding(Strategy):
    """Greedy maximum of uncertainty coverage (Bae, Oliveira, Sutherland, ICLR 2025, algorithm 1).

    A row's uncertainty is one minus its margin after temperature scaling. Uncertainty coverage is the mean over the
    pool of each row's uncertainty times its greatest kernel value exp(-(distance / radius)²) to a labeled or picked
    row. As in the authors' code, features have unit length and labeled rows need not be covered. Without labels or
    probabilities all rows have the same uncertainty, and the method equals MaxHerding. Mass multiplies uncertainty;
    rows of mass zero come last, at random. Ties are broken at random.

    Parameters
    ----------
    radius : "adaptive" or float
        "adaptive" is the least positive distance between two labeled rows, or 1 if there is none.
    temperature : "auto" or float
        Log-probabilities are divided by it. "auto" trains a model on 70 % of the labeled rows, and takes the
        temperature among 1.0, 1.1, ..., 19.9 of least expected calibration error (one bin for each class) on the other
        30 %. The temperature is 1 if there are too few labels. The authors train their network again. A strategy has no
        network, so it trains a logistic regression on the embeddings, scaled to unit root mean square. For a linear
        head on frozen embeddings, the result is nearly the same. For other models, pass a temperature.
    normalize : bool, whether to divide rows by their norm for the coverage
    sample_size : int
        Maximum number of rows to cover, a weighted sample of a larger pool. The authors' code samples 35,000 rows and
        picks only among them; here every row may be picked.

    Notes
    -----
    O(N s D) for s = min(N, sample_size), O(m² D) for m labeled rows, then O(s D) for each row evaluated again. Memory
    O(s (D + 256) + N); the kernel matrix is computed in blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import UHerding
    >>> pool = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]])
    >>> sorted(UHerding(radius=0.2).query(pool, 2, random_state=0).indices.tolist())
    [0, 3]
    """

    name = "uherding"
    honors_limits = True

    def __init__(
        self,
        *,
        radius: float | str = "adaptive",
        temperature: float | str = "auto",
        normalize: bool = True,
        sample_size: int = 35_000,
    ) -> None:
        self.radius = radius if isinstance(radius, str) and radius == "adaptive" else check_real(radius, "radius", 0)
        auto = isinstance(temperature, str) and temperature == "auto"
        self.temperature = temperature if auto else check_real(temperature, "temperature", 0)
        self.normalize = normalize
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        pool = on_sphere(query.pool) if self.normalize else query.pool
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        radius = _least_distance(pool, query.labeled) if self.radius == "adaptive" else float(self.radius)
        figures = {"radius": radius}
        wanted = mass.copy()
        wanted[query.labeled] = 0
        if query.probabilities is not None and len(query.labeled):
            auto = self.temperature == "auto"
            figures["temperature"] = _calibrated(query, chance) if auto else float(self.temperature)
            unsure = 1 - margins(tempered(query.probabilities, figures["temperature"]))
            if (unsure * wanted).any():
                wanted = unsure.clip(0) * wanted
        targets, weights = sample(chance, wanted, self.sample_size)
        picks, figures["coverage"] = greedy_cover(query, pool, gaussian(radius), radius, rows, targets, weights, chance)
        return Choice(fill(query, picks, chance), diagnostics=figures)


def _least_distance(pool: Pool, labeled: NDArray[np.int64]) -> float:
    """Return the least positive distance between two of the rows, or 1 if there is none."""
    points = pool.rows(labeled).double()
    least = torch.inf
    for part in blocks(len(points), 256):
        apart = torch.cdist(points[part], points, compute_mode="donot_use_mm_for_euclid_dist")
        apart = apart[apart > 0]
        least = min(least, float(apart.min())) if len(apart) else least
    return least if np.isfinite(least) else 1.0


def _calibrated(query: Query, chance: ContentRandom) -> float:
    """Return the temperature of least calibration error on held-out labeled rows, or 1 with too few labels."""
    from sklearn.linear_model import LogisticRegression

    held = int(HELD_OUT * len(query.labeled))
    if query.labels is None or query.probabilities is None or held == 0:
        return 1.0
    label = np.zeros(len(query.pool), np.int64)
    label[query.labeled] = query.labels
    order = chance.shuffled(query.labeled)
    points = to_numpy(query.pool.rows(order).double())
    points = points - points.mean(0)
    points /= np.sqrt(np.square(points / (np.abs(points).max() or 1)).mean()) * np.abs(points).max() or 1
    train, test = slice(None, len(order) - held), slice(len(order) - held, None)
    if len(np.unique(label[order][train])) < 2:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # full convergence is not needed
        model: Any = LogisticRegression(max_iter=500).fit(points[train], label[order][train])
    odds = model.predict_proba(points[test])
    right = model.classes_[odds.argmax(1)] == label[order][test]
    bins = query.probabilities.shape[1]
    errors = [calibration_error(tempered(odds, t).max(1), right, bins) for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(errors))])
