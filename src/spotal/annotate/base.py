"""Classes that all annotation tools share: guesses to show, and reports of a push and a pull."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotal.project import Project

__all__ = ["Guesses", "Pulled", "Pushed", "newest_guesses"]


@dataclass(frozen=True)
class Guesses:
    """Guesses of a model about the project's items, to be shown to people.

    version : str, changes when the guesses change
    of : called with an item's number; returns the label and its confidence from 0 to 1, or None without a guess. If
        items may have several classes, the label None means none of them
    """

    version: str
    of: Callable[[int], tuple[str | None, float] | None]


@dataclass(frozen=True)
class Pushed:
    """The report of a push, in tasks.

    new, known : tasks that were added, and tasks that existed before
    guesses : new and known tasks that got a guess of the model
    reopened : tasks that are shown to one more person, because people disagree or an answer was withdrawn
    closed : tasks that are not shown any more, because their items were answered elsewhere
    """

    new: int = 0
    known: int = 0
    guesses: int = 0
    reopened: int = 0
    closed: int = 0


@dataclass
class Pulled:
    """The report of a pull, in answers.

    new : first answers of an annotator to a task; changed : later answers; withdrawn : deleted answers
    skipped, none_of_these : number of the new and changed answers of this kind
    set_aside : number of answers about an earlier content of their items: these are recorded but not used
    unread : a sentence for each answer that could not be understood
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
    """Return the guesses of the project's newest model; no guesses before the first training.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from spotal.annotate import newest_guesses
    >>> from spotal.project import Data, Project, Settings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/pool.npy", np.eye(8))
    ...     settings = Settings(data=Data(path="pool.npy", kind="embedding"), classes=("cat", "dog"))
    ...     with Project.create(folder, settings) as project:
    ...         print(newest_guesses(project).version)
    spotal without a model
    """
    from spotal.project import read_predictions

    predictions = read_predictions(project)
    if predictions is None:
        return Guesses("spotal without a model", lambda number: None)
    return Guesses(f"spotal model {predictions.model.number}", predictions.guess)
