"""Tempering: probabilities of a model that is too sure of itself, softened as far as held-out labels ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.mass.base import Evidence, Mass
from spotal.numeric.arrays import blocks

__all__ = ["Tempered", "fit_temperature", "tempered"]

TEMPERATURES = np.geomspace(1, 20, 50)
"""None below 1: labels that a network was trained on make it look surer than it is, and never is it to be believed more
than it says."""
SHARE = 0.5
"""Power of the fitted temperature that is applied. The models it is fitted to have seen four fifths of the labels, and
labels that are wrong make every model look too sure."""
BLOCK = 8192
"""Rows at a time: what is on the way to the result stays in cache."""


def tempered(probabilities: NDArray[np.floating], temperature: float, multilabel: bool = False) -> NDArray[np.float64]:
    """Softmax of log-probabilities / temperature; float64 (N, classes).

    With ``multilabel`` that of each class alone, against not having it.
    """
    if multilabel:
        p = probabilities.astype(np.float64)
        pairs = np.stack([p, 1 - p], 2).reshape(-1, 2)
        return tempered(pairs, temperature)[:, 0].reshape(p.shape)
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


class Tempered(Mass):
    """Another rule, on probabilities at a temperature.

    Parameters
    ----------
    rule : Mass
    temperature : "auto" or float
        "auto" is the square root of the one that fits labels held out in five folds (:class:`~.held_out.HeldOut`), 1
        with fewer than 20 labels, where classes are not known, or where rows may have several.

    Notes
    -----
    Five regressions on at most 1,000 labels, 100 steps of O(m D classes) each, then O(N classes).
    """

    def __init__(self, rule: Mass, temperature: float | str = "auto") -> None:
        good = temperature == "auto" if isinstance(temperature, str) else temperature > 0
        if not good:
            raise InputError("temperature", must="be 'auto' or a number above 0", found=repr(temperature))
        self.rule, self.temperature = rule, temperature

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """What the rule gives for softer, or sharper, probabilities; float64 (N,)."""
        if evidence.probabilities is None:
            return self.rule.weigh(evidence)
        temperature = _fitted(evidence) if self.temperature == "auto" else float(self.temperature)
        softer = tempered(evidence.probabilities, temperature, evidence.multilabel)
        return self.rule.weigh(replace(evidence, probabilities=softer))


def _fitted(evidence: Evidence) -> float:
    held = evidence.held_out
    return 1.0 if held is None else fit_temperature(held.probabilities, held.labels) ** SHARE
