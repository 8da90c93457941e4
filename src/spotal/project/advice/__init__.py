"""Accuracy of a project's models, expected gain of more labels, coverage of the pool, and the stopping rule.

Accuracy is estimated from the audit sample alone: random items that models never train on. The learning curve measures
every model on all present audit labels, so that its points are comparable. The forecast extrapolates this curve.
Coverage depends on which items are labeled, not on their classes.
"""

from spotal.project.advice.audit import LEAST_AUDIT, Audited, ShareEstimate, audited, estimate
from spotal.project.advice.cover import Cover, covered
from spotal.project.advice.curve import Curve, learning_curve, stability
from spotal.project.advice.forecast import Forecast, forecast
from spotal.project.advice.sets import class_scores, set_figures
from spotal.project.advice.stopping import Verdict, verdict

__all__ = [
    "LEAST_AUDIT",
    "Audited",
    "Cover",
    "Curve",
    "Forecast",
    "ShareEstimate",
    "Verdict",
    "audited",
    "class_scores",
    "covered",
    "estimate",
    "forecast",
    "learning_curve",
    "set_figures",
    "stability",
    "verdict",
]
