"""Tempering: probabilities of a model that is too sure of itself, softened as far as held-out labels ask for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import blocks, to_numpy
from spotal._search import one_thread
from spotal.errors import InputError
from spotal.mass.base import Evidence, Mass

__all__ = ["Tempered", "fit_temperature", "held_out_probabilities", "tempered"]

TEMPERATURES = np.geomspace(1, 20, 50)
"""None below 1: labels that a network was trained on make it look surer than it is, and never is it to be believed more
than it says."""
BLOCK = 8192
"""Rows at a time: what is on the way to the result stays in cache."""
FOLDS = 5
LEAST_LABELS, MOST_LABELS = 20, 1_000
"""Fewer labels say nothing about how far a model is to be trusted; of more, these many say enough."""


def tempered(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Softmax of log-probabilities / temperature; float64 (N, classes)."""
    found = np.empty(probabilities.shape)
    for part in blocks(len(found), BLOCK):
        logits = np.log(probabilities[part].astype(np.float64).clip(1e-300)) / temperature
        logits -= logits.max(1, keepdims=True)
        np.exp(logits, out=logits)
        np.divide(logits, logits.sum(1, keepdims=True), out=found[part])
    return found


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature, of 50 from 1 to 20, that gives held-out labels the greatest likelihood. O(50 m c).

    Parameters
    ----------
    probabilities : (m, classes), of rows that the model has not been trained on; labels : (m,)

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    rows = np.arange(len(labels))
    likelihoods = [np.log(tempered(probabilities, t)[rows, labels].clip(1e-12)).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmax(likelihoods))])


def held_out_probabilities(
    points: NDArray[np.float64], labels: NDArray[np.int64], classes: int, random_state: int = 0
) -> NDArray[np.float64]:
    """Probabilities (m, classes) of each labeled row by a logistic regression on the others' embeddings, in five folds.

    On frozen embeddings with a linear head that is the model itself. A network that was trained on these labels has
    arranged its embeddings by them, and looks better here than it is.
    """
    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(np.square(points - points.mean(0)).mean()) or 1.0
    scaled = (points - points.mean(0)) / scale
    fold = np.random.default_rng(random_state).permutation(len(labels)) % FOLDS
    found = np.full((len(labels), classes), 1e-6)
    for k in range(FOLDS):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        seen = np.unique(labels[rest])
        if len(seen) < 2 or len(held) == 0:
            found[np.ix_(held, seen)] = 1.0
            continue
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 100 steps are enough for this
            model: Any = LogisticRegression(max_iter=100).fit(scaled[rest], labels[rest])
        found[np.ix_(held, model.classes_)] += model.predict_proba(scaled[held])
    return np.asarray(found / found.sum(1, keepdims=True))


class Tempered(Mass):
    """Another rule, on probabilities at a temperature.

    Parameters
    ----------
    rule : Mass
    temperature : "auto" or float
        "auto" is the one that fits labels held out in five folds (:func:`held_out_probabilities`), 1 with fewer than 20
        labels or where classes are not known.
    random_state : int, of the folds

    Notes
    -----
    Five regressions on at most 1,000 labels, 100 steps of O(m D classes) each, then O(N classes). The order of the
    labeled rows does not matter: folds go by what the rows are.
    """

    def __init__(self, rule: Mass, temperature: float | str = "auto", random_state: int = 0) -> None:
        good = temperature == "auto" if isinstance(temperature, str) else temperature > 0
        if not good:
            raise InputError(f"temperature must be 'auto' or a number above 0, found {temperature!r}")
        self.rule, self.temperature, self.random_state = rule, temperature, random_state

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """What the rule gives for softer, or sharper, probabilities; float64 (N,)."""
        if evidence.probabilities is None:
            return self.rule.weigh(evidence)
        temperature = self._fit(evidence) if self.temperature == "auto" else float(self.temperature)
        return self.rule.weigh(replace(evidence, probabilities=tempered(evidence.probabilities, temperature)))

    def _fit(self, evidence: Evidence) -> float:
        assert evidence.probabilities is not None
        classes = evidence.probabilities.shape[1]
        labels = evidence.labels
        if labels is None or len(labels) < LEAST_LABELS or labels.min() < 0 or labels.max() >= classes:
            return 1.0
        points = to_numpy(evidence.pool.rows(evidence.labeled).double())
        order = np.lexsort((labels, *points.T[::-1]))
        kept = order[np.linspace(0, len(order) - 1, min(len(order), MOST_LABELS)).astype(np.int64)]
        points, labels = points[kept], labels[kept]
        return fit_temperature(held_out_probabilities(points, labels, classes, self.random_state), labels)
