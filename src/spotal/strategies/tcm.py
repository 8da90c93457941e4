"""TCM: TypiClust while labels are few, then margin."""

from __future__ import annotations

from spotal.numeric.checks import check_count
from spotal.strategies.base import Choice, Query, Strategy
from spotal.strategies.margin import Margin
from spotal.strategies.typiclust import TypiClust

__all__ = ["TCM"]


class TCM(Strategy):
    """TypiClust until there are some labels of each class, then margin sampling (Doucet, Estermann, Aczel, Wattenhofer,
    "Bridging diversity and uncertainty in active learning with self-supervised pre-training", ICLR 2024 workshop
    PML4LRS).

    The paper switches once, after its first rounds. Here the switch is stated in labels, so that it does not depend on
    how many a round brings: a query is TypiClust's while there are fewer than ``labels_per_class`` for each class on
    average, or no probabilities, and margin's afterwards. Mass, cost and groups count as in these two, whose other
    parameters have their defaults.

    Parameters
    ----------
    labels_per_class : int
        The default of 5 is this library's choice, not a number of the paper.
    sample_size : int, as in TypiClust

    Notes
    -----
    As "typiclust" before the switch, as "margin" after it.
    """

    name = "tcm"
    honors_limits = True

    def __init__(self, *, labels_per_class: int = 5, sample_size: int = 20_000) -> None:
        self.labels_per_class = check_count(labels_per_class, "labels_per_class", 0)
        self.sample_size = check_count(sample_size, "sample_size", 2)

    def _choose(self, query: Query) -> Choice:
        p = query.probabilities
        if p is not None and len(query.labeled) >= self.labels_per_class * p.shape[1]:
            return Margin()._choose(query)
        return TypiClust(sample_size=self.sample_size)._choose(query)
