"""State: what the page shows to one annotator, as JSON types."""

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
from spotal.project.item_states import Board
from spotal.project.predictions import LIKELY, Predictions, read_predictions
from spotal.project.status import points_of
from spotal.web.pictures import version
from spotal.web.projection import marks, projection_name

if TYPE_CHECKING:
    from spotal.project import Item, Pick, Project
    from spotal.project.item_states import ItemState
    from spotal.project.records import Counts

__all__ = ["States", "item", "project_key"]

MOST_KEPT = 1_000
"""Tasks that are kept ready."""
NEIGHBORS = 5
GUESSES = 3


def project_key(project: Project) -> str:
    """A name for this project that no other has: browsers keep answers under it, and all ports share their cookies."""
    first = next(iter(project.items.at([0])), None) if len(project.items) else None
    made = "" if first is None else first.added.isoformat()
    return blake2b(f"{project.folder}\0{made}".encode(), digest_size=8).hexdigest()


class States:
    """What the page shows to each annotator: everything at first, and then what has changed."""

    def __init__(self, project: Project) -> None:
        self._project, self.board, self._lock = project, Board(project), Lock()
        self._epoch = ""
        self._about: dict[str, Any] = {}
        self._told: dict[int, dict[str, Any]] = {}
        self._votes: dict[int, tuple[ItemState, Any]] = {}
        self._figures: tuple[Counts, dict[str, Any]] | None = None

    def catch_up(self) -> None:
        """Read what is new, for calls of :meth:`of` that are not ``fresh``."""
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
        """All but the map; or, where the page has told which state it has, what is different now.

        Parameters
        ----------
        annotator : str or None, leaves out what this annotator has answered
        known : ``version`` of the state that the page has: if it is this one still, nothing else is returned
        end : int, ``end`` of that state; more : int, how many tasks are wanted beyond it
        undoable : bool, whether the page wants to know what may be undone; a state as a whole says it always
        fresh : bool, whether to read what is new before
        """
        seen = self.board.look(annotator, known, end, more, fresh=fresh)
        if seen is None:
            return {"version": known}
        with self._lock:  # fifty who come at once ask for the same tasks
            about = self._of_epoch(seen.epoch)
            tasks = self._tasks(seen.tasks)
            figures = self._counted(seen.counts)
        found = {
            "version": seen.version,
            **figures,
            "round": about["round"] and about["round"] | {"waiting": seen.awaited},
            "tasks": tasks,
            "end": seen.end,
        }
        if seen.is_whole:
            found = {name: value for name, value in about.items() if name != "round"} | found
            found["curve"] = _curve(self._project, len(self._project.models), self._project.rounds.last_audit_event())
        else:
            marked = marks(seen.changed, self._project.settings)
            found |= {"still": seen.still, "gone": seen.gone, "marks": marked}
        if annotator is not None and (seen.is_whole or undoable):
            found["undoable"] = _undoable(self._project, annotator)
        return found

    def _of_epoch(self, epoch: str) -> dict[str, Any]:
        """What stays the same from one batch and model to the next, as do the tasks that are kept."""
        if epoch != self._epoch:
            self._about, self._told, self._epoch = _about(self._project), {}, epoch
            self._votes = {}
        elif len(self._told) > MOST_KEPT:
            self._told = {}
        return self._about

    def _tasks(self, places: list[ItemState]) -> list[dict[str, Any]]:
        """Tasks in full. What does not change by answers is kept, and votes until the next answer about their item."""
        new = [place.number for place in places if place.number not in self._told]
        if new:
            self._told |= _told(self._project, new)
        tied = {place.number: place for place in places if place.is_tied}
        new = [number for number, place in tied.items() if self._votes.get(number, (None,))[0] is not place]
        if new:
            found = {one.item.number: one.votes for one in self._project.labels.conflicts(new)}
            self._votes |= {number: (tied[number], found.get(number)) for number in new}
        votes = {number: self._votes[number][1] for number in tied}
        return [self._told[place.number] | {"order": place.order, "votes": votes.get(place.number)} for place in places]

    def _counted(self, counts: Counts) -> dict[str, Any]:
        """Figures as JSON types, which are the same for all until the next answer."""
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
    """The learning curve as ``status`` shows it, measured anew when a model or an answer about the audit has come."""
    return [asdict(point) for point in points_of(learning_curve(project))]


def item(one: Item) -> dict[str, Any]:
    """An item: its text, or the addresses of its picture; and its content, which an answer about it comes back with."""
    shown: dict[str, Any] = {"number": one.number, "id": one.id, "kind": one.kind, "content": one.content}
    if one.kind == "text":
        shown["text"] = one.text
    elif one.kind == "image":
        changes = version(one.content)
        shown |= {size: f"image/{one.number}/{size}?v={changes}" for size in ("small", "large")}
    return shown


def _undoable(project: Project, annotator: str) -> list[dict[str, Any]]:
    """Answers that the page gave an id and may take back, newest first, each with the round of that time."""
    events = [row for row in project.labels.undoable(annotator) if row.external_id is not None]
    items = project.items.named(row.item for row in events)
    begun = [one.at for one in project.rounds.all()]
    return [
        {"id": row.external_id, "item": one.number, "name": one.id, "round": bisect_right(begun, row.at) - 1}
        for row, one in zip(events, items, strict=True)
    ]


def _told(project: Project, numbers: list[int]) -> dict[int, dict[str, Any]]:
    """What is said about items by number: what they are, why they were picked, what the model guesses."""
    predictions = read_predictions(project)
    picks = {pick.item: pick for pick in project.rounds.picks_of(numbers)}
    near = _neighbors(project, picks.values())
    suggested = project.imports.suggestions(numbers)
    found = {}
    for one in project.items.at(numbers):
        pick = picks.get(one.id)
        why = None if pick is None else _why(pick)
        if why is not None:
            why["neighbors"] = [item(near[name]) for name in _names(pick) if name in near]
        # a guess would sway the answers that measure how often the guesses are right
        hidden = one.held_back or (pick is not None and pick.role == "audit")
        brought = None if hidden else suggested.get(one.number)
        if brought is not None:
            names = project.settings.parted(brought[0])
            guess = [{"label": name, "probability": brought[1]} for name in names]
        else:
            guess = [] if predictions is None or hidden else _guess(predictions, one.number)
        found[one.number] = item(one) | {"why": why, "guess": guess, "suggested": brought is not None}
    return found


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


def _neighbors(project: Project, picks: Iterable[Pick]) -> dict[str, Item]:
    wanted = list(dict.fromkeys(name for pick in picks for name in _names(pick)))
    return {one.id: one for one in project.items.named(wanted)}


def _guess(predictions: Predictions, number: int) -> list[dict[str, Any]]:
    """The likeliest classes of the item of that number, none where the model has not seen it.

    Where items may have several classes, all that have a probability of a half or more are among them.
    """
    (row,) = predictions.of(np.asarray([number]))
    if np.isnan(row).any():
        return []
    most = max(GUESSES, int((row >= LIKELY).sum())) if predictions.many else GUESSES
    best = np.argsort(-row, kind="stable")[:most]
    return [{"label": predictions.classes[k], "probability": float(row[k])} for k in best]
