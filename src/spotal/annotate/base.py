"""What annotation tools have in common: guesses to show, and reports of what was pushed and pulled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["Guesses", "Pulled", "Pushed", "newest_guesses"]


@dataclass(frozen=True)
class Guesses:
    """What a model says of the project's items, to be shown to people.

    version : str, another one where the guesses are others
    of : called with an item's number; its label (None for none of the classes, where it may have several) and the
        confidence in it, 0 to 1, or None
    """

    version: str
    of: Callable[[int], tuple[str | None, float] | None]


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    new, known : tasks that were added, and tasks that were there
    guesses : tasks of both kinds that got a guess of the model
    reopened : tasks that are shown to one more person, since annotators are in conflict or an answer was withdrawn
    closed : tasks that are shown no more, since their items were answered elsewhere
    """

    new: int = 0
    known: int = 0
    guesses: int = 0
    reopened: int = 0
    closed: int = 0


@dataclass
class Pulled:
    """What a pull found, in answers.

    new : first words of an annotator on a task; changed : later ones; withdrawn : deleted ones
    skipped, none_of_these : how many of the new and changed are such
    set_aside : how many are about a former content of their items: they are kept and do not count
    unread : what could not be understood, a sentence for each
    strangers : tasks that do not belong to the project
    """

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    skipped: int = 0
    none_of_these: int = 0
    set_aside: int = 0
    unread: list[str] = field(default_factory=list)
    strangers: int = 0

    @property
    def events(self) -> int:
        """Number of events that were recorded."""
        return self.new + self.changed + self.withdrawn


def newest_guesses(project: Project) -> Guesses:
    """What the project's newest model says; nothing before the first."""
    from spotal.project import read_predictions

    predictions = read_predictions(project)
    if predictions is None:
        return Guesses("spotal without a model", lambda number: None)
    return Guesses(f"spotal model {predictions.model.number}", predictions.guess)
