"""State: what the page shows to one annotator, as JSON types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.project.predictions import Predictions, read_predictions
from spotal.web.atlas import atlas_name
from spotal.web.pictures import version

if TYPE_CHECKING:
    from spotal.project import Item, Pick, Project, Task

__all__ = ["MOST_TASKS", "item", "project_key", "state"]

MOST_TASKS = 200
"""Items that the page holds at a time; more follow when these are answered."""
NEIGHBORS = 5
GUESSES = 3


def project_key(project: Project) -> str:
    """A name for this project that no other has: browsers keep answers under it, and all ports share their cookies."""
    first = next(iter(project.items.at([0])), None) if len(project.items) else None
    made = "" if first is None else first.added.isoformat()
    return blake2b(f"{project.folder}\0{made}".encode(), digest_size=8).hexdigest()


def state(project: Project, annotator: str | None, known: str | None = None) -> dict[str, Any]:
    """All but the map.

    Parameters
    ----------
    annotator : str or None, leaves out what this annotator has answered
    known : ``version`` of a state that the page has: if it is this one still, nothing else is returned
    """
    now = f"{project.labels.last_event()}-{len(project.rounds)}-{len(project.models)}-{annotator or ''}"
    if now == known:
        return {"version": now}
    tasks = project.rounds.batch(annotator)
    rounds = project.rounds.all()
    newest = rounds[-1] if rounds else None
    counts = project.counts()
    return {
        "version": now,
        "folder": str(project.folder),
        "name": project.folder.name,
        "kind": project.settings.data.kind,
        "classes": list(project.settings.classes),
        "counts": asdict(counts),
        "waits": counts.waiting(),
        "round": None
        if newest is None
        else {
            "number": newest.number,
            "strategy": newest.strategy,
            "size": newest.n_picks * counts.overlap,  # in answers
            "waiting": project.rounds.awaited(newest.number),
        },
        "tasks": _tasks(project, tasks[:MOST_TASKS]),
        "n_tasks": len(tasks),
        "map": atlas_name(project),
        "curve": [
            {"labels": model.n_labeled, "value": figure.value, "low": figure.low, "high": figure.high}
            for model, figure in project.models.curve("accuracy")
        ],
        "undoable": [] if annotator is None else _undoable(project, annotator),
    }


def item(one: Item) -> dict[str, Any]:
    """An item: its text, or the addresses of its picture."""
    shown: dict[str, Any] = {"number": one.number, "id": one.id, "kind": one.kind}
    if one.kind == "text":
        shown["text"] = one.text
    elif one.kind == "image":
        changes = version(one.content)
        shown |= {size: f"image/{one.number}/{size}?v={changes}" for size in ("small", "large")}
    return shown


def _undoable(project: Project, annotator: str) -> list[dict[str, Any]]:
    """Answers that the page gave an id and may take back, newest first."""
    events = [row for row in project.labels.undoable(annotator) if row.external_id is not None]
    items = project.items.named(row.item for row in events)
    return [{"id": row.external_id, "item": one.number} for row, one in zip(events, items, strict=True)]


def _tasks(project: Project, tasks: list[Task]) -> list[dict[str, Any]]:
    predictions = read_predictions(project)
    votes = {one.item.number: one.votes for one in project.labels.conflicts()} if any(t.conflict for t in tasks) else {}
    near = _neighbors(project, tasks)
    shown = []
    for task in tasks:
        why = None if task.pick is None else _why(task.pick)
        if why is not None:
            why["neighbors"] = [item(near[name]) for name in _names(task.pick) if name in near]
        # a guess would sway the answers that measure how often the guesses are right
        hidden = task.pick is not None and task.pick.role == "audit"
        guess = [] if predictions is None or hidden else _guess(predictions, task.item.number)
        about = {"why": why, "guess": guess, "votes": votes.get(task.item.number) if task.conflict else None}
        shown.append(item(task.item) | about)
    return shown


def _why(pick: Pick) -> dict[str, Any]:
    return {
        "audit": pick.role == "audit",
        "round": pick.round,
        "stands_for": pick.stands_for,
        "mass": pick.mass,
        "uncertainty": pick.uncertainty,
    }


def _names(pick: Pick | None) -> list[str]:
    found = [] if pick is None else pick.about.get("neighbors", [])
    return [name for name in found if isinstance(name, str)][:NEIGHBORS]


def _neighbors(project: Project, tasks: Iterable[Task]) -> dict[str, Item]:
    wanted = list(dict.fromkeys(name for task in tasks for name in _names(task.pick)))
    return {one.id: one for one in project.items.named(wanted)}


def _guess(predictions: Predictions, number: int) -> list[dict[str, Any]]:
    """The likeliest classes of the item of that number, none where the model has not seen it."""
    (row,) = predictions.of(np.asarray([number]))
    if np.isnan(row).any():
        return []
    best = np.argsort(-row, kind="stable")[:GUESSES]
    return [{"label": predictions.classes[k], "probability": float(row[k])} for k in best]
