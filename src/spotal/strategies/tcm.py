"""TCM: TypiClust while there are few labels, then margin sampling."""

from __future__ import annotations

from spotal.numeric.checks import check_count
from spotal.strategies.base import Choice, Query, Strategy
from spotal.strategies.margin import MarginSampling
from spotal.strategies.typiclust import TypiClust

__all__ = ["TCM"]


class TCM(Strategy):
    """TypiClust until each class has some labels on average, then margin sampling (Doucet, Estermann, Aczel,
    Wattenhofer, "Bridging diversity and uncertainty in active learning with self-supervised pre-training", ICLR 2024
    workshop PML4LRS).

    The paper switches once, after its first rounds. Here the switch depends on the number of labels, and not on the
    size of rounds. TypiClust is used while there are fewer than ``labels_per_class`` labels per class on average, or no
    probabilities. Mass, cost and groups have the same effect as in the method in use, and queries take the same time.

    Parameters
    ----------
    labels_per_class : int, average number of labels per class from which margin sampling is used. The default of 5 is
        ours; the paper gives no number.
    sample_size : int, as in TypiClust

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.strategies import TCM
    >>> p = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3], [0.9, 0.1], [0.1, 0.9]])
    >>> strategy = TCM(labels_per_class=1)
    >>> strategy.query(np.eye(5), 2, labeled=[3, 4], labels=[0, 1], probabilities=p, random_state=0).indices.tolist()
    [1, 2]
    """

    name = "tcm"
    honors_limits = True

    def __init__(self, *, labels_per_class: int = 5, sample_size: int = 20_000) -> None:
        self.labels_per_class = check_count(labels_per_class, "labels_per_class", 0)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        p = query.probabilities
        if p is not None and len(query.labeled) >= self.labels_per_class * p.shape[1]:
            return MarginSampling()._choose(query)
        return TypiClust(sample_size=self.sample_size)._choose(query)
