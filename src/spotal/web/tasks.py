"""Tasks: the long work that people can start on the page; see :mod:`spotal.web.jobs`.

Each task is a function that does the same as ``spotal next``, ``train``, ``predict`` or ``report``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spotal.errors import ModelError

if TYPE_CHECKING:
    from spotal.project import Project
    from spotal.project.learning import Progress

__all__ = ["TASKS", "Task"]


@dataclass(frozen=True)
class Task:
    """A task of the page.

    doing : str, the work in words, shown while it runs
    function : str, ``module:function``; takes the project, a Progress and the path of a file, returns a sentence
    file : str or None, name of the file that the function writes, for download
    """

    doing: str
    function: str
    file: str | None = None


def choose(project: Project, progress: Progress, file: Path) -> str:
    """Choose the next batch, as ``spotal next`` does."""
    from spotal.project import next_batch

    chosen = next_batch(project, on_progress=progress)
    note = chosen.about.get("note")
    return f"round {chosen.number + 1} has {chosen.n_picks:,} items" + (f"; {note}" if note else "")


def train(project: Project, progress: Progress, file: Path) -> str:
    """Train on all labels, as ``spotal train`` does."""
    from spotal.project import train
    from spotal.project.advice import learning_curve

    model = train(project, progress)
    if not model.n_labeled:
        raise ModelError("there is nothing to train on: labels of two classes are needed; label more first")
    accuracy = learning_curve(project).now
    right = "right about every class" if project.settings.many else "right"
    about = "" if accuracy is None else f"; it is {right} {100 * accuracy.value:.0f} % of the time, by the random items"
    return f"the model is trained on {model.n_labeled:,} labels{about}"


def predict(project: Project, progress: Progress, file: Path) -> str:
    """Write a label for every item, as ``spotal predict`` does."""
    from spotal.project.predict import write_predictions

    done = write_predictions(project, file, progress)
    return f"{done.items:,} items: {done.by_people:,} labeled by people, {done.by_model:,} by the model"


def report(project: Project, progress: Progress, file: Path) -> str:
    """Write the report, as ``spotal report`` does."""
    from spotal.project.report import gather, write_page

    progress("reading the project", 0, None)
    facts = gather(project)
    progress("drawing", 0, None)
    write_page(facts, project.items.file, file)
    return "the report is one page that needs no other file"


TASKS = {
    "next": Task("choosing the next batch", f"{__name__}:choose"),
    "train": Task("training on everything", f"{__name__}:train"),
    "predict": Task("predicting a label for every item", f"{__name__}:predict", "predictions.csv"),
    "report": Task("writing the report", f"{__name__}:report", "report.html"),
}
