"""Forecast: expected gain of more labels, from a power law fitted to the learning curve."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotal.numeric.intervals import CONFIDENCE
from spotal.project.advice.audit import LEAST_AUDIT
from spotal.project.advice.curve import Curve

__all__ = ["Forecast", "forecast"]

LEAST_MODELS = 4
ARTIFICIAL = 2
DRAWS = 200


@dataclass(frozen=True)
class Forecast:
    """Expected gain in accuracy of more labels, with its 95 % interval.

    start, labels : int, present number of labels, and number of further labels
    gain, low, high : float; all three are None without enough data, and ``why`` names the missing data
    """

    start: int
    labels: int
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


def forecast(curve: Curve, labels: int = 100, random_state: int = 0) -> Forecast:
    """Forecast the gain of the next ``labels`` labels, from at least 4 models and 10 audit labels that all have seen.

    Notes
    -----
    accuracy = a - b n^-c, fitted by least squares with 0 <= a <= 1, b >= 0 and c from 0.05 to 2. The interval comes
    from 200 bootstrap fits: audit items are resampled, the same ones for all models, and the permuted residuals of the
    fit are added. Two artificial items are part of the sample; each is right from a random model on. Without them, a
    few items that all models get right would give an interval of zero width. The interval does not cover a change of
    annotators, classes or model.

    References
    ----------
    R. L. Figueroa, Q. Zeng-Treitler, S. Kandula, L. H. Ngo, "Predicting sample size required for classification
    performance", BMC Medical Informatics and Decision Making 12:8, 2012.
    """
    start = int(curve.labels[-1]) if len(curve) else 0
    curve = curve.common()
    missing = []
    if len(curve) < LEAST_MODELS:
        missing.append(f"{LEAST_MODELS} trained models, {len(curve)} so far")
    if curve.weight.size < LEAST_AUDIT:
        missing.append(f"{LEAST_AUDIT} audit labels, {curve.weight.size} so far")
    if missing:
        return Forecast(start, labels, why=f"a forecast needs {' and '.join(missing)}")
    n = curve.labels.astype(float)
    accuracy = np.average(curve.right, axis=1, weights=curve.weight)
    fitted = _fit(n, accuracy)
    if fitted is None:
        return Forecast(start, labels, why="no power law fits the learning curve")
    residuals = accuracy - _law(n, *fitted)
    rng = np.random.default_rng(random_state)
    gains = []
    for _ in range(DRAWS):
        refitted = _fit(n, _resampled(curve, rng) + rng.permutation(residuals))
        if refitted is not None:
            gains.append(_gain(refitted, start, labels))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(gains, [tail, 100 - tail]) if gains else (0.0, 1.0)
    gain = _gain(fitted, start, labels)
    return Forecast(start, labels, gain, min(float(low), gain), max(float(high), gain))


def _resampled(curve: Curve, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the models' accuracies on a bootstrap sample of the audit items and the artificial items."""
    m, k = curve.weight.size, len(curve)
    rows = rng.integers(0, m + ARTIFICIAL, m + ARTIFICIAL)
    real = rows[rows < m]
    since = rng.integers(0, k + 1, len(rows) - len(real))
    right = np.concatenate([curve.right[:, real], np.arange(k)[:, None] >= since], axis=1)
    weight = np.concatenate([curve.weight[real], np.full(len(since), curve.weight.mean())])
    return np.asarray(np.average(right, axis=1, weights=weight))


def _law(n: NDArray[np.float64], a: float, b: float, c: float) -> NDArray[np.float64]:
    return np.asarray(a - b * n**-c)


def _gain(fitted: tuple[float, float, float], start: int, labels: int) -> float:
    before, after = _law(np.asarray([start, start + labels], float), *fitted)
    return float(after - before)


def _fit(n: NDArray[np.float64], accuracy: NDArray[np.float64]) -> tuple[float, float, float] | None:
    from scipy.optimize import OptimizeWarning, curve_fit

    top = float(np.clip(accuracy.max(), 0.01, 0.99))
    start = (top, max(0.01, top - float(accuracy[0])) * float(n[0]) ** 0.5, 0.5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # about the covariance, which is not used
            a, b, c = curve_fit(_law, n, accuracy, start, bounds=([0, 0, 0.05], [1, np.inf, 2]), max_nfev=500)[0]
    except RuntimeError:
        return None
    return float(a), float(b), float(c)
