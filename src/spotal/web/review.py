"""Review: earlier answers, filtered, for people to check and correct."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotal.project.class_sets import parted
from spotal.project.predictions import Predictions, read_predictions
from spotal.web.projection import within
from spotal.web.state import item

if TYPE_CHECKING:
    from spotal.project import Event, Item, Project

__all__ = ["MODEL", "Filters", "review"]

MOST = 60
"""Largest number of items in a response."""
PART = 500
"""Number of items read from the database at once."""
SURE, UNSURE = 0.9, 0.6
"""The model is sure if the probability is at least ``SURE``, and unsure if it is below ``UNSURE``."""
MODEL = ("disagrees", "sure", "unsure")
"""Values of the filter by the model's guess."""


@dataclass(frozen=True)
class Filters:
    """Conditions on items; an item must meet all of them.

    label, kind : str or None, somebody gave this class, or an answer of this kind
    person : str or None, this person answered; with ``label`` or ``kind``, this person gave that answer
    round : int or None, the item was picked in this round, counted from 0
    text : str, the item's name or text contains this; case does not matter
    disagreement : bool, people gave different answers; skips are ignored
    suggested : bool, somebody confirmed a suggestion
    model : str or None, condition on the newest model's guess: "disagrees" (it differs from every answer; the most
        confident first), "sure" or "unsure" (the least confident first). Items held back for the audit are left out
    box : tuple of four int or None, the item lies in this part of the map (left, bottom, right, top); items without an
        answer are included, unless they are held back for the audit
    many : bool, whether items may have several classes: ``label`` is then one of them
    """

    label: str | None = None
    kind: str | None = None
    person: str | None = None
    round: int | None = None
    text: str = ""
    disagreement: bool = False
    suggested: bool = False
    model: str | None = None
    box: tuple[int, int, int, int] | None = None
    many: bool = False

    def match_answers(self, answers: list[Event]) -> bool:
        """Return whether the last answer of each person meets the conditions."""
        is_any = self.label is self.kind is self.person is None and not self.suggested
        if not (is_any or any(map(self._match, answers))):
            return False
        return not self.disagreement or len({one.label for one in answers if one.kind != "skip"}) > 1

    def match_item(self, one: Item, in_round: int | None) -> bool:
        """Return whether the item's name, text and round meet the conditions."""
        text = self.text.casefold().strip()
        return (self.round is None or self.round == in_round) and (
            text in one.id.casefold() or text in (one.text or "").casefold()
        )

    def match_guess(self, guess: tuple[str | None, float] | None, answers: list[Event]) -> bool:
        """Return whether the model's guess meets the condition."""
        if self.model is None:
            return True
        if guess is None:
            return False
        label, share = guess
        if self.model == "disagrees":
            labels = [one.label for one in answers if one.kind != "skip"]
            return bool(labels) and label not in labels
        return share >= SURE if self.model == "sure" else share < UNSURE

    def _match(self, answer: Event) -> bool:
        return (
            (self.person is None or answer.annotator == self.person)
            and (self.label is None or self.label in parted(answer.label, self.many))
            and (self.kind is None or answer.kind == self.kind)
            and (not self.suggested or answer.source == "suggestion")
        )


def review(project: Project, filters: Filters = Filters(), start: int = 0, most: int = MOST) -> dict[str, Any]:
    """Return answered items with the last answer of each person, the newest first, as JSON types.

    Parameters
    ----------
    filters : Filters
    start : int, number of matching items to leave out, for the next page
    most : int, largest number of items to return

    Returns
    -------
    dict of ``items`` (each with ``votes``, ``round``, and ``guess`` if ``filters.model`` is set), ``total`` (number of
    matching items) and ``people``
    """
    answers = [one for one in project.labels.words() if one.kind != "withdraw"]
    votes: dict[str, list[Event]] = {}
    for one in reversed(answers):
        votes.setdefault(one.item, []).append(one)
    predictions = None if filters.model is None else read_predictions(project)
    rows = list(_matching(project, filters, votes, predictions))
    if filters.model in ("disagrees", "unsure"):
        sign = -1 if filters.model == "disagrees" else 1
        rows.sort(key=lambda row: sign * row[2][1] if row[2] else 0)
    return {
        "items": [_shown(*row, votes.get(row[0].id, [])) for row in rows[start : start + most]],
        "total": len(rows),
        "people": sorted({one.annotator for one in answers}),
    }


Row = tuple["Item", int | None, tuple[str | None, float] | None]
"""An item, the round that picked it, and the model's guess if it is needed."""


def _matching(
    project: Project, filters: Filters, votes: dict[str, list[Event]], predictions: Predictions | None
) -> Iterator[Row]:
    """Yield the items that match: answered ones, the newest answer first, then the others in the box."""
    names = [name for name, answers in votes.items() if filters.match_answers(answers)]
    inside = None if filters.box is None else within(project, filters.box)
    for start in range(0, len(names), PART):
        items = project.items.named(names[start : start + PART])
        in_box = [one for one in items if inside is None or one.number in inside]
        yield from _filtered(project, filters, in_box, votes, predictions)
    if inside is None or not filters.match_answers([]):
        return
    others = sorted(inside)
    for start in range(0, len(others), PART):
        items = project.items.at(others[start : start + PART])
        free = [one for one in items if one.id not in votes and not one.held_back and not one.missing]
        yield from _filtered(project, filters, free, votes, predictions)


def _filtered(
    project: Project,
    filters: Filters,
    items: list[Item],
    votes: dict[str, list[Event]],
    predictions: Predictions | None,
) -> Iterator[Row]:
    rounds = {pick.item: pick.round for pick in project.rounds.picks_of(one.number for one in items)}
    for one in items:
        if filters.model is not None and one.held_back:  # a guess would influence the answers that measure the model
            continue
        guess = None if predictions is None else predictions.guess(one.number)
        in_round = rounds.get(one.id)
        if filters.match_item(one, in_round) and filters.match_guess(guess, votes.get(one.id, [])):
            yield one, in_round, guess


def _shown(
    one: Item, in_round: int | None, guess: tuple[str | None, float] | None, answers: list[Event]
) -> dict[str, Any]:
    votes = {
        answer.annotator: {"kind": answer.kind, "label": answer.label}
        | ({"suggested": True} if answer.source == "suggestion" else {})
        for answer in answers
    }
    guessed = None if guess is None else {"label": guess[0], "probability": guess[1]}
    return item(one) | {"round": in_round, "votes": votes, "guess": guessed}
