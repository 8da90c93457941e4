"""How good a project's model is, what more labels would buy, and when to stop.

Accuracy is estimated from the audit sample alone: random items that are never trained on. The learning curve measures
every model so far on all audit labels there are now, so that its points can be compared; the forecast goes on from it.
Coverage needs no labels' content, only where they are.
"""

from spotal.project.advice.accuracy import LEAST_AUDIT, ShareEstimate, estimate
from spotal.project.advice.audit import Audited, audited
from spotal.project.advice.cover import Cover, cover, covered
from spotal.project.advice.curve import Curve, learning_curve, stability
from spotal.project.advice.forecast import Forecast, forecast
from spotal.project.advice.sets import ClassScore, class_scores, set_figures
from spotal.project.advice.stopping import Verdict, verdict

__all__ = [
    "LEAST_AUDIT",
    "Audited",
    "ClassScore",
    "Cover",
    "Curve",
    "Forecast",
    "ShareEstimate",
    "Verdict",
    "audited",
    "class_scores",
    "cover",
    "covered",
    "estimate",
    "forecast",
    "learning_curve",
    "set_figures",
    "stability",
    "verdict",
]
