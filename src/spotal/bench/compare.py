"""Comparison of strategies: paired tests, Holm's correction, penalty matrix, ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from spotal.numeric.intervals import half_width

__all__ = ["Paired", "Ranks", "average_ranks", "budgets", "holm", "paired", "penalties"]


@dataclass(frozen=True)
class Paired:
    """A paired comparison over n seeds: mean difference, its 95 % Student interval, two-sided p values.

    ``t`` is the p value of the t test. ``wilcoxon`` is the p value of the signed-rank test, at least 2 ** (1 - n). Both
    are 1 if all differences are zero, and nan with fewer than two seeds.
    """

    n: int
    mean: float
    low: float
    high: float
    t: float
    wilcoxon: float


def paired(own: ArrayLike, base: ArrayLike) -> Paired:
    """Compare two strategies on the same seeds, with scipy's tests. Values (n,) are in the same order of seeds."""
    gap = np.asarray(own, float) - np.asarray(base, float)
    n, mean = len(gap), float(gap.mean())
    if n < 2:
        return Paired(n, mean, float("nan"), float("nan"), float("nan"), float("nan"))
    if not gap.any():
        return Paired(n, 0.0, 0.0, 0.0, 1.0, 1.0)
    half = half_width(float(gap.std(ddof=1) / np.sqrt(n)), n - 1)
    t = 0.0 if gap.std(ddof=1) == 0 else float(stats.ttest_1samp(gap, 0.0).pvalue)
    return Paired(n, mean, mean - half, mean + half, t, float(stats.wilcoxon(gap).pvalue))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p values (m,).

    Rejecting those below a level keeps the probability of any false rejection below that level. The i-th smallest of m
    is multiplied by m - i + 1, made at least the previous one, and clipped to 1. nan stays nan and does not count.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    values = np.asarray(p, float)
    adjusted = np.full(len(values), np.nan)
    valid = np.flatnonzero(~np.isnan(values))
    order = valid[np.argsort(values[valid], kind="stable")]
    scaled = values[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def budgets(n: int) -> list[int]:
    """Return the positions, among n measurements, that are compared: after the 1st, 2nd, 4th, 8th, ... query."""
    return [2**k for k in range(max(n - 1, 0).bit_length())]


def penalties(cells: Sequence[Mapping[str, ArrayLike]], strategies: Sequence[str]) -> NDArray[np.float64]:
    """Count in how many benchmarks each strategy beats each other one significantly.

    Parameters
    ----------
    cells : for each benchmark, the curves (seeds, k) of every strategy over the same seeds
    strategies : m names

    Returns
    -------
    float64 (m, m)
        Entry (i, j) is the number of benchmarks in which i beats j. Each benchmark adds the share of its compared
        budgets at which a two-sided paired t test over seeds is below .05 in favor of i. Row sums are wins, column
        means are losses: the best strategy has the smallest column mean.

    Notes
    -----
    Budgets are spaced as powers of two, so that the many similar late budgets do not dominate. If all seeds differ by
    the same amount, this counts as a win.

    References
    ----------
    J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford, A. Agarwal, "Deep batch active learning by diverse, uncertain
    gradient lower bounds", ICLR 2020, section 4, pairwise comparisons (there five seeds, so t > 2.776).
    """
    matrix = np.zeros((len(strategies), len(strategies)))
    for cell in cells:
        curves = np.stack([np.asarray(cell[name], float) for name in strategies])
        n_seeds, k = curves.shape[1:]
        at = budgets(k)
        if n_seeds < 2 or not at:
            continue
        critical = half_width(1.0, n_seeds - 1)
        gap = curves[:, None, :, at] - curves[None, :, :, at]
        mean, deviation = gap.mean(2), gap.std(2, ddof=1)
        wins = mean * np.sqrt(n_seeds) > critical * deviation
        matrix += wins.sum(2) / len(at)
    return matrix


@dataclass(frozen=True)
class Ranks:
    """Average ranks over n blocks. 1 is the best; tied strategies share the mean of their ranks.

    mean : maps a strategy to its average rank
    critical : Nemenyi's critical difference at .05, nan with fewer than two blocks or strategies
    friedman : p value of Friedman's test that all strategies are equal, nan with fewer than three strategies
    """

    n: int
    mean: dict[str, float]
    critical: float
    friedman: float


def average_ranks(values: ArrayLike, strategies: Sequence[str]) -> Ranks:
    """Rank the strategies within each block (a dataset or a pool) and average the ranks.

    Parameters
    ----------
    values : (blocks, strategies), greater is better

    References
    ----------
    J. Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006: the critical difference
    is q sqrt(k (k + 1) / (6 n)) with q the .05 quantile of the studentized range for k strategies, over sqrt(2).
    """
    scores = np.asarray(values, float)
    n, k = scores.shape
    ranks = stats.rankdata(-scores, axis=1).mean(0)
    critical = friedman = float("nan")
    if n > 1 and k > 1:
        critical = float(stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))
    if n > 1 and k > 2:
        friedman = float(stats.friedmanchisquare(*scores.T).pvalue)
    return Ranks(n, dict(zip(strategies, ranks.tolist(), strict=True)), critical, friedman)
