"""``spotal train``: train the model on all labels."""

from __future__ import annotations

from pathlib import Path

from spotal.cli.console import output, print_json, say, steps
from spotal.cli.options import AsJson, Folder
from spotal.terminal import percent

__all__ = ["train"]


def train(
    folder: Folder = Path("."),
    as_json: AsJson = False,
) -> None:
    """Train the project's model on all labels.

    Do nothing if nothing has changed since the last training. The random items that measure accuracy are never trained
    on.
    """
    from spotal.project import Project
    from spotal.project import train as train_project
    from spotal.project.advice import learning_curve

    with Project.open(folder) as project:
        before = project.models.last()
        with steps() as show:
            model = train_project(project, on_progress=show)
        accuracy = learning_curve(project).now if model.n_labeled else None
        is_new = before is None or model.number > before.number
        weights = None if model.weights is None else str(project.models.file(model.weights))
        if as_json:
            figure = None if accuracy is None else [accuracy.value, accuracy.low, accuracy.high]
            print_json(
                {
                    "model": model.number,
                    "name": model.name,
                    "is_new": is_new,
                    "n_labeled": model.n_labeled,
                    "accuracy": figure,
                    "weights": weights,
                }
            )
            return
        console = output(False)
        if not model.n_labeled:
            say(console, "Nothing to train: labels of two classes are needed", "bold")
            say(console, f"Next: spotal next {folder}")
            return
        done = "Trained" if is_new else "Nothing has changed: the model is"
        say(console, f"{done} {model.name} on {model.n_labeled:,} labels", "bold")
        if accuracy is not None:
            say(console, f"  accuracy {percent(accuracy.value, accuracy.low, accuracy.high)}, by the audit sample")
        say(console, f"  weights: {weights}")
        say(console, f"Next: spotal predict {folder}")
