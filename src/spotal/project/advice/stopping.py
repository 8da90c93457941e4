"""Stopping: the check of a project's stopping rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotal.project.advice.cover import covered
from spotal.project.advice.curve import learning_curve, stability
from spotal.project.advice.forecast import forecast

if TYPE_CHECKING:
    from spotal.project.project import Project

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """The result of checking the stopping rule.

    rule : str; target : float
    figure : float or None, compared with the target; None while there are too few data
    met : bool; sentence : str, for a person
    """

    rule: str
    target: float
    figure: float | None
    met: bool
    sentence: str


def verdict(project: Project) -> Verdict | None:
    """Check the project's stopping rule with its newest model; None without a rule.

    The rules compare cautious values: "accuracy" the lower end of its interval, "flat" the upper end of the next
    batch's expected gain, "stable" the smaller share of the last two trainings, "coverage" the transport cost.
    """
    rule, target = project.settings.stop.rule, project.settings.stop.target
    if target is None:
        return None
    if rule == "accuracy":
        now = learning_curve(project).now
        figure = None if now is None else now.low
        text, missing = "accuracy is at least", "accuracy is not known: no audit label yet"
    elif rule == "flat":
        ahead = forecast(learning_curve(project), _next_size(project), project.settings.random_state)
        figure = ahead.high
        text, missing = "the next batch is expected to gain at most", ahead.why
    elif rule == "stable":
        figure = stability(project)
        text, missing = "the share of unchanged predictions is", "three trained models are needed"
    else:
        figure = covered(project, parts=["distances_of"]).get("transport_cost")
        text, missing = "the transport cost from the pool to its labels is", "nothing is labeled yet"
    sign = 1 if rule in ("accuracy", "stable") else -1
    met = figure is not None and sign * figure >= sign * target
    value = missing if figure is None else f"{text} {figure:.3g}"
    return Verdict(rule, target, figure, met, f"{value}, the rule {rule!r} asks for {target:g}")


def _next_size(project: Project) -> int:
    """Return the number of picks of the next batch; with prices, the size of the last batch."""
    settings = project.settings
    if settings.limits.cost is None:
        return int(settings.batch_size)
    rounds = project.rounds.all()
    return rounds[-1].n_picks if rounds else 1
