"""Review: what people answered so far, to be looked through, filtered and corrected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotal.project.class_sets import parted
from spotal.project.predictions import read_predictions
from spotal.web.projection import within
from spotal.web.state import item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spotal.project import Event, Item, Project
    from spotal.project.predictions import Predictions

__all__ = ["MODEL", "Filters", "review"]

MOST = 60
"""Items returned at a time."""
PART = 500
"""Items read from the database at a time."""
SURE, UNSURE = 0.9, 0.6
"""The model is sure at this probability or more, and unsure below the other."""
MODEL = ("disagrees", "sure", "unsure")
"""Choices by the model's guess."""


@dataclass(frozen=True)
class Filters:
    """Which items to keep.

    label, kind : str or None, keep items to which somebody gave this class, or an answer of this kind
    person : str or None, keep items that this person answered; with ``label`` or ``kind``, that this person answered so
    round : int or None, keep picks of this round, counted from 0
    text : str, keep items whose name or text contains this, in capitals or not
    disagreement : bool, keep items about which people say different things; a skip says nothing
    suggested : bool, keep items about which somebody confirmed a suggestion
    model : str or None, keep items by the newest model's guess: "disagrees" (it differs from every answer; the surest
        guess first), "sure" or "unsure" (the least sure first). Items held back for the audit are left out
    box : tuple of four int or None, keep items in this part of the map (left, bottom, right, top), and among them
        those that nobody has answered and that are not held back for the audit
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

    def keep_words(self, said: list[Event]) -> bool:
        """Whether to keep an item by the last words of people about it."""
        is_any = self.label is self.kind is self.person is None and not self.suggested
        if not (is_any or any(map(self._fits, said))):
            return False
        return not self.disagreement or len({word.label for word in said if word.kind != "skip"}) > 1

    def keep_item(self, one: Item, in_round: int | None) -> bool:
        """Whether to keep an item by what it is."""
        text = self.text.casefold().strip()
        return (self.round is None or self.round == in_round) and (
            text in one.id.casefold() or text in (one.text or "").casefold()
        )

    def keep_guess(self, guess: tuple[str | None, float] | None, said: list[Event]) -> bool:
        """Whether to keep an item by the model's guess about it."""
        if self.model is None:
            return True
        if guess is None:
            return False
        label, share = guess
        if self.model == "disagrees":
            decided = [word.label for word in said if word.kind != "skip"]
            return bool(decided) and label not in decided
        return share >= SURE if self.model == "sure" else share < UNSURE

    def _fits(self, word: Event) -> bool:
        return (
            (self.person is None or word.annotator == self.person)
            and (self.label is None or self.label in parted(word.label, self.many))
            and (self.kind is None or word.kind == self.kind)
            and (not self.suggested or word.source == "suggestion")
        )


def review(project: Project, filters: Filters = Filters(), start: int = 0, most: int = MOST) -> dict[str, Any]:
    """Answered items with the last word of each person, the newest answer first, as JSON types.

    Parameters
    ----------
    filters : Filters
    start : int, matching items to leave out, for the next page
    most : int, items to return

    Returns
    -------
    dict of ``items`` (each with ``votes``, ``round``, and ``guess`` where it was chosen by one), ``total`` (all that
    match), ``people``
    """
    words = [word for word in project.labels.words() if word.kind != "withdraw"]
    votes: dict[str, list[Event]] = {}
    for word in reversed(words):
        votes.setdefault(word.item, []).append(word)
    predictions = None if filters.model is None else read_predictions(project)
    found = list(_matching(project, filters, votes, predictions))
    if filters.model in ("disagrees", "unsure"):
        sign = -1 if filters.model == "disagrees" else 1
        found.sort(key=lambda row: sign * row[2][1] if row[2] else 0)
    return {
        "items": [_shown(*row, votes.get(row[0].id, [])) for row in found[start : start + most]],
        "total": len(found),
        "people": sorted({word.annotator for word in words}),
    }


Row = tuple["Item", int | None, tuple[str | None, float] | None]
"""An item, the round that picked it, and the model's guess where it was asked for."""


def _matching(
    project: Project, filters: Filters, votes: dict[str, list[Event]], predictions: Predictions | None
) -> Iterator[Row]:
    """The items to keep: those that people answered, the newest answer first; then the others in the box."""
    names = [name for name, said in votes.items() if filters.keep_words(said)]
    inside = None if filters.box is None else within(project, filters.box)
    for start in range(0, len(names), PART):
        items = project.items.named(names[start : start + PART])
        kept = [one for one in items if inside is None or one.number in inside]
        yield from _kept(project, filters, kept, votes, predictions)
    if inside is None or not filters.keep_words([]):
        return
    others = sorted(inside)
    for start in range(0, len(others), PART):
        items = project.items.at(others[start : start + PART])
        free = [one for one in items if one.id not in votes and not one.held_back and not one.missing]
        yield from _kept(project, filters, free, votes, predictions)


def _kept(
    project: Project,
    filters: Filters,
    items: list[Item],
    votes: dict[str, list[Event]],
    predictions: Predictions | None,
) -> Iterator[Row]:
    rounds = {pick.item: pick.round for pick in project.rounds.picks_of(one.number for one in items)}
    for one in items:
        if filters.model is not None and one.held_back:  # a guess would sway the answers that measure the model
            continue
        guess = None if predictions is None else predictions.guess(one.number)
        said, in_round = votes.get(one.id, []), rounds.get(one.id)
        if filters.keep_item(one, in_round) and filters.keep_guess(guess, said):
            yield one, in_round, guess


def _shown(
    one: Item, in_round: int | None, guess: tuple[str | None, float] | None, said: list[Event]
) -> dict[str, Any]:
    votes = {
        word.annotator: {"kind": word.kind, "label": word.label}
        | ({"suggested": True} if word.source == "suggestion" else {})
        for word in said
    }
    guessed = None if guess is None else {"label": guess[0], "probability": guess[1]}
    return item(one) | {"round": in_round, "votes": votes, "guess": guessed}
