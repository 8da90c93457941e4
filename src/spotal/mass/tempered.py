"""Tempering: soften the probabilities of an overconfident model by a temperature fitted to held-out labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spotal.errors import InputError
from spotal.mass.base import Evidence, Mass
from spotal.numeric.arrays import blocks

__all__ = ["Tempered", "fit_temperature", "tempered"]

TEMPERATURES = np.geomspace(1, 20, 50)
"""Temperatures below 1 are excluded: they would sharpen an overconfident model."""
SHARE = 0.5
"""Power of the fitted temperature. The fit overestimates it: the held-out models have only four fifths of the labels,
and wrong labels make every model look overconfident."""
BLOCK = 8192
"""Number of rows in a block, so that intermediate results stay in cache."""


def tempered(probabilities: NDArray[np.floating], temperature: float, multilabel: bool = False) -> NDArray[np.float64]:
    """Return the softmax of log-probabilities / temperature, float64 (N, classes); ``multilabel``: class by class.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import tempered
    >>> tempered(np.array([[0.9, 0.1]]), 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    if multilabel:
        p = probabilities.astype(np.float64)
        pairs = np.stack([p, 1 - p], 2).reshape(-1, 2)
        return tempered(pairs, temperature)[:, 0].reshape(p.shape)
    result = np.empty(probabilities.shape)
    for part in blocks(len(result), BLOCK):
        logits = np.log(probabilities[part].astype(np.float64).clip(1e-300)) / temperature
        logits -= logits.max(1, keepdims=True)
        np.exp(logits, out=logits)
        np.divide(logits, logits.sum(1, keepdims=True), out=result[part])
    return result


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Return the temperature of greatest likelihood of held-out labels, among 50 values from 1 to 20. O(50 m c).

    Parameters
    ----------
    probabilities : (m, classes), of rows that the model was not trained on; labels : (m,)

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import fit_temperature
    >>> p = np.tile([[0.99, 0.01]], (4, 1))
    >>> bool(fit_temperature(p, np.array([0, 0, 0, 1])) > 2)
    True
    """
    rows = np.arange(len(labels))
    likelihoods = [np.log(tempered(probabilities, t)[rows, labels].clip(1e-12)).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmax(likelihoods))])


class Tempered(Mass):
    """A rule that is applied to tempered probabilities: the softmax of log-probabilities / temperature.

    Parameters
    ----------
    rule : Mass
    temperature : "auto" or float
        "auto" is the square root of the temperature fitted to labels held out in five folds
        (:class:`~.held_out.HeldOut`). It is 1 with fewer than 20 labels, without class numbers, or if rows may have
        several classes.

    Notes
    -----
    Five regressions on at most 1,000 labels, 100 steps of O(m D classes) each, then O(N classes).

    Examples
    --------
    >>> import numpy as np
    >>> from spotal.mass import Evidence, Margin, Tempered
    >>> from spotal.pool import as_pool
    >>> p = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> evidence = Evidence(as_pool(np.eye(2)), np.empty(0, int), probabilities=p)
    >>> Tempered(Margin(), temperature=2.0).weigh(evidence).round(3).tolist()
    [0.25, 1.0]
    """

    def __init__(self, rule: Mass, temperature: float | str = "auto") -> None:
        if not (temperature == "auto" if isinstance(temperature, str) else temperature > 0):
            raise InputError("temperature", must="be 'auto' or a number above 0", found=repr(temperature))
        self.rule, self.temperature = rule, temperature

    def weigh(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return the rule's masses for the tempered probabilities, float64 (N,)."""
        if evidence.probabilities is None:
            return self.rule.weigh(evidence)
        temperature = _fitted(evidence) if self.temperature == "auto" else float(self.temperature)
        softer = tempered(evidence.probabilities, temperature, evidence.multilabel)
        return self.rule.weigh(replace(evidence, probabilities=softer))


def _fitted(evidence: Evidence) -> float:
    held = evidence.held_out
    return 1.0 if held is None else fit_temperature(held.probabilities, held.labels) ** SHARE
