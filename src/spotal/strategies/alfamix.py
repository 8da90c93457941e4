"""ALFA-Mix: rows whose predicted class changes when they are mixed slightly with labeled rows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from spotal.numeric.checks import check_count, check_real
from spotal.pool.base import Pool
from spotal.strategies._clusters import representatives
from spotal.strategies._content import ContentRandom, heavy
from spotal.strategies._probe import Probe
from spotal.strategies.base import Choice, Query, Strategy

__all__ = ["AlfaMix"]


class AlfaMix(Strategy):
    """k-means clusters of the rows whose predicted class changes under mixing (Parvaneh, Abbasnejad, Teney, Haffari,
    van den Hengel, Shi, "Active learning by feature mixing", CVPR 2022, with their closed form).

    An unlabeled row z and the mean z* of a class's labeled rows are mixed to z + alpha (z* - z), with one alpha for
    each feature. Among all alpha of length at most epsilon, the one that most raises the loss of the predicted class
    moves z by epsilon |z* - z| along the gradient of that loss. A row is a candidate if such a move changes its
    predicted class for one of the means. As in the authors' code, epsilon is the smallest multiple of step / sqrt(D)
    with more candidates than picks, at most 1 / sqrt(D). Candidates of unit length are clustered by k-means, one
    cluster per pick, and the row nearest to each centroid is picked. If there are too few candidates, random rows
    follow. With fewer than two classes among the labels, all rows are random.

    The classifier is a logistic regression on the labeled rows; ``probabilities`` are not used. Mass weighs rows in the
    clustering; rows of mass zero come last. With cost, the number of clusters is about the budget over the mean price.

    Parameters
    ----------
    step : float in (0, 1], increment of epsilon in units of 1 / sqrt(D)
    sample_size : int, maximum number of rows for k-means++; Lloyd steps use all rows

    Notes
    -----
    Scores of a linear classifier change along one line, so the smallest epsilon that changes a prediction is a minimum
    over classes. O(N c D) for c classes, and O(m c D) per step of the regression on m labels; then as "kmeans". Memory
    O(s D + n D + N).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import AlfaMix
    >>> pool = np.array([[-2.0], [-1.0], [-0.1], [1.0], [2.0]])
    >>> p = np.full((5, 2), 0.5)
    >>> AlfaMix().query(pool, 1, labeled=[0, 4], labels=[0, 1], probabilities=p, random_state=0).indices.tolist()
    [1]
    """

    name = "alfamix"
    honors_limits = True

    def __init__(self, *, step: float = 1 / 32, sample_size: int = 20_000) -> None:
        self.step = check_real(step, "step", 0, 1)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        chance = ContentRandom(query.pool, query.seed)
        rows, mass = heavy(query)
        probe = Probe.fit(query, chance)
        candidates, epsilon = rows[:0], 0.0
        if probe is not None:
            least = _least_epsilon(query.pool, probe)[rows] * query.pool.dim**0.5
            for steps in range(1, int(1 / self.step + 1e-9) + 1):
                epsilon = steps * self.step
                candidates = rows[least < epsilon]
                if len(candidates) > query.budget:
                    break
        picks = representatives(query, candidates, mass, chance, self.sample_size)
        return Choice(picks, diagnostics={"candidates": len(candidates), "epsilon": epsilon / query.pool.dim**0.5})


def _least_epsilon(pool: Pool, probe: Probe) -> NDArray[np.float64]:
    """Return the epsilon above which each row's predicted class changes, or infinity; float64 (N,)."""
    least, means = np.empty(len(pool)), torch.from_numpy(probe.means)
    for batch in pool.batches():
        points = batch.points.double().cpu()
        scores = probe.scores(points.numpy())
        own = scores.argmax(1)[:, None]
        # gradient of the loss by scores, up to scale: -1 for the predicted class, the others by their probabilities
        top = np.take_along_axis(scores, own, 1)
        np.put_along_axis(scores, own, -np.inf, 1)
        pull = np.exp(scores - scores.max(1, keepdims=True))
        pull /= pull.sum(1, keepdims=True)
        np.put_along_axis(pull, own, -1.0, 1)
        gradient = pull @ probe.weights
        speed = gradient @ probe.weights.T
        speed -= np.take_along_axis(speed, own, 1)
        far = torch.cdist(points, means, compute_mode="donot_use_mm_for_euclid_dist").amax(1).numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            turned = np.where(speed > 0, (top - scores) / speed, np.inf)
            turned = (turned.min(1) * np.linalg.norm(gradient, axis=1)) / far
        least[batch.rows] = np.where(np.isnan(turned), np.inf, turned)
    return least
