"""State: content of the page for one annotator, as JSON types."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.project.advice import learning_curve
from spotal.project.item_states import Board, ItemState
from spotal.project.predictions import LIKELY, Predictions, read_predictions
from spotal.project.status import points_of
from spotal.web.pictures import version
from spotal.web.projection import marks, projection_name

if TYPE_CHECKING:
    from spotal.project import Item, Pick, Project
    from spotal.project.records import Counts

__all__ = ["States", "item", "project_key"]

MOST_KEPT = 1_000
"""Largest number of cached tasks."""
NEIGHBORS = 5
GUESSES = 3


def project_key(project: Project) -> str:
    """Return a unique key of the project. Browsers store answers and cookies under it, as all ports share these."""
    first = next(iter(project.items.at([0])), None) if len(project.items) else None
    made = "" if first is None else first.added.isoformat()
    return blake2b(f"{project.folder}\0{made}".encode(), digest_size=8).hexdigest()


class States:
    """The content of the page for each annotator: everything at first, then the changes."""

    def __init__(self, project: Project) -> None:
        self._project, self.board, self._lock = project, Board(project), Lock()
        self._epoch = ""
        self._about: dict[str, Any] = {}
        self._cache: dict[int, dict[str, Any]] = {}
        self._votes: dict[int, tuple[ItemState, Any]] = {}
        self._figures: tuple[Counts, dict[str, Any]] | None = None

    def catch_up(self) -> None:
        """Read new events, before calls of :meth:`of` with ``fresh=False``."""
        self.board.catch_up()

    def of(
        self,
        annotator: str | None,
        known: str | None = None,
        end: int = -1,
        more: int = 0,
        undoable: bool = False,
        *,
        fresh: bool = True,
    ) -> dict[str, Any]:
        """Return everything except the map; or, if ``known`` is given, the changes since that version.

        Parameters
        ----------
        annotator : str or None, tasks that this annotator has answered are left out
        known : ``version`` of the page's state; if nothing has changed, only the version is returned
        end : int, ``end`` of the page's state; more : int, number of tasks to add after it
        undoable : bool, whether to include the answers that can be undone; a full state always includes them
        fresh : bool, whether to read new events first
        """
        seen = self.board.look(annotator, known, end, more, fresh=fresh)
        if seen is None:
            return {"version": known}
        with self._lock:  # so that requests at the same time share the cached tasks
            about = self._of_epoch(seen.epoch)
            tasks = self._tasks(seen.tasks)
            figures = self._counted(seen.counts)
        state = {
            "version": seen.version,
            **figures,
            "round": about["round"] and about["round"] | {"waiting": seen.awaited},
            "tasks": tasks,
            "end": seen.end,
        }
        if seen.is_whole:
            state = {name: value for name, value in about.items() if name != "round"} | state
            state["curve"] = _curve(self._project, len(self._project.models), self._project.rounds.last_audit_event())
        else:
            marked = marks(seen.changed, self._project.settings)
            state |= {"still": seen.still, "gone": seen.gone, "marks": marked}
        if annotator is not None and (seen.is_whole or undoable):
            state["undoable"] = _undoable(self._project, annotator)
        return state

    def _of_epoch(self, epoch: str) -> dict[str, Any]:
        """Return the values that change only with a new batch or model, which also clears the cached tasks."""
        if epoch != self._epoch:
            self._about, self._cache, self._epoch = _about(self._project), {}, epoch
            self._votes = {}
        elif len(self._cache) > MOST_KEPT:
            self._cache = {}
        return self._about

    def _tasks(self, places: list[ItemState]) -> list[dict[str, Any]]:
        """Return tasks in full. Votes are cached until the next answer about the item, the rest for the epoch."""
        new = [place.number for place in places if place.number not in self._cache]
        if new:
            self._cache |= _full_tasks(self._project, new)
        tied = {place.number: place for place in places if place.is_tied}
        new = [number for number, place in tied.items() if self._votes.get(number, (None,))[0] is not place]
        if new:
            conflicts = {one.item.number: one.votes for one in self._project.labels.conflicts(new)}
            self._votes |= {number: (tied[number], conflicts.get(number)) for number in new}
        votes = {number: self._votes[number][1] for number in tied}
        return [
            self._cache[place.number] | {"order": place.order, "votes": votes.get(place.number)} for place in places
        ]

    def _counted(self, counts: Counts) -> dict[str, Any]:
        """Return the figures as JSON types, cached until the next answer."""
        if self._figures is None or self._figures[0] is not counts:
            self._figures = counts, {"counts": asdict(counts), "waits": counts.waiting()}
        return self._figures[1]


def _about(project: Project) -> dict[str, Any]:
    rounds = project.rounds.all()
    newest = rounds[-1] if rounds else None
    return {
        "folder": str(project.folder),
        "name": project.folder.name,
        "kind": project.settings.data.kind,
        "classes": list(project.settings.classes),
        "many": project.settings.many,
        "round": newest
        and {
            "number": newest.number,
            "strategy": newest.strategy,
            "size": newest.n_picks * project.settings.overlap,  # in answers
        },
        "map": projection_name(project),
        "guesses": any(model.predictions is not None for model in project.models.all()),
        "undoable": [],
    }


@lru_cache(maxsize=1)
def _curve(project: Project, models: int, event: int) -> list[dict[str, Any]]:
    """Return the learning curve of ``status``, cached until a new model or a new answer about an audit item."""
    return [asdict(point) for point in points_of(learning_curve(project))]


def item(one: Item) -> dict[str, Any]:
    """Return an item as JSON types: its text or picture addresses, and its content, which the page sends back."""
    shown: dict[str, Any] = {"number": one.number, "id": one.id, "kind": one.kind, "content": one.content}
    if one.kind == "text":
        shown["text"] = one.text
    elif one.kind == "image":
        changes = version(one.content)
        shown |= {size: f"image/{one.number}/{size}?v={changes}" for size in ("small", "large")}
    return shown


def _undoable(project: Project, annotator: str) -> list[dict[str, Any]]:
    """Return the answers that the page can undo, newest first, each with the newest round at its time."""
    events = [row for row in project.labels.undoable(annotator) if row.external_id is not None]
    items = project.items.named(row.item for row in events)
    begun = [one.at for one in project.rounds.all()]
    return [
        {"id": row.external_id, "item": one.number, "name": one.id, "round": bisect_right(begun, row.at) - 1}
        for row, one in zip(events, items, strict=True)
    ]


def _full_tasks(project: Project, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """Return items by number, with the reason why they were picked and the model's guess."""
    predictions = read_predictions(project)
    picks = {pick.item: pick for pick in project.rounds.picks_of(numbers)}
    near = _neighbors(project, picks.values())
    suggestions = project.imports.suggestions(numbers)
    tasks = {}
    for one in project.items.at(numbers):
        pick = picks.get(one.id)
        why = None if pick is None else _why(pick)
        if why is not None:
            why["neighbors"] = [item(near[name]) for name in _names(pick) if name in near]
        # a guess would influence the answers that measure the model's accuracy
        hidden = one.held_back or (pick is not None and pick.role == "audit")
        suggestion = None if hidden else suggestions.get(one.number)
        if suggestion is not None:
            names = project.settings.parted(suggestion[0])
            guess = [{"label": name, "probability": suggestion[1]} for name in names]
        else:
            guess = [] if predictions is None or hidden else _guess(predictions, one.number)
        tasks[one.number] = item(one) | {"why": why, "guess": guess, "suggested": suggestion is not None}
    return tasks


def _why(pick: Pick) -> dict[str, Any]:
    return {
        "audit": pick.role == "audit",
        "round": pick.round,
        "stands_for": pick.stands_for,
        "mass": pick.mass,
        "uncertainty": pick.uncertainty,
    }


def _names(pick: Pick | None) -> list[str]:
    names = [] if pick is None else pick.about.get("neighbors", [])
    return [name for name in names if isinstance(name, str)][:NEIGHBORS]


def _neighbors(project: Project, picks: Iterable[Pick]) -> dict[str, Item]:
    names = list(dict.fromkeys(name for pick in picks for name in _names(pick)))
    return {one.id: one for one in project.items.named(names)}


def _guess(predictions: Predictions, number: int) -> list[dict[str, Any]]:
    """Return the item's most likely classes; none if the model has not seen the item.

    If items may have several classes, all classes with a probability of at least a half are included.
    """
    (row,) = predictions.of(np.asarray([number]))
    if np.isnan(row).any():
        return []
    most = max(GUESSES, int((row >= LIKELY).sum())) if predictions.many else GUESSES
    best = np.argsort(-row, kind="stable")[:most]
    return [{"label": predictions.classes[k], "probability": float(row[k])} for k in best]
