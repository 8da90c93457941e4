"""Review: what people answered so far, to be looked through, filtered and corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotal.project.class_sets import parted
from spotal.web.state import item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spotal.project import Event, Item, Project

__all__ = ["review"]

MOST = 60
"""Items returned at a time."""
PART = 500
"""Items read from the database at a time."""


def review(
    project: Project,
    *,
    label: str | None = None,
    kind: str | None = None,
    person: str | None = None,
    round: int | None = None,
    text: str = "",
    disagreement: bool = False,
    start: int = 0,
    most: int = MOST,
) -> dict[str, Any]:
    """Answered items with the last word of each person, the newest answer first, as JSON types.

    Parameters
    ----------
    label, kind : str or None, keep items to which somebody gave this class, or an answer of this kind
    person : str or None, keep items that this person answered; with ``label`` or ``kind``, that this person answered so
    round : int or None, keep picks of this round, counted from 0
    text : str, keep items whose name or text contains this, in capitals or not
    disagreement : bool, keep items about which people say different things; a skip says nothing
    start : int, matching items to leave out, for the next page
    most : int, items to return

    Returns
    -------
    dict of ``items`` (each with ``votes`` and ``round``), ``total`` (all that match), ``people``
    """
    words = [word for word in project.labels.words() if word.kind != "withdraw"]
    votes: dict[str, list[Event]] = {}
    for word in reversed(words):
        votes.setdefault(word.item, []).append(word)
    many = project.settings.many
    wanted = [name for name, said in votes.items() if any(_fits(word, label, kind, person, many) for word in said)]
    if disagreement:
        wanted = [name for name in wanted if len({word.label for word in votes[name] if word.kind != "skip"}) > 1]
    found = list(_matching(project, wanted, round, text.casefold().strip()))
    page = found[start : start + most]
    return {
        "items": [_shown(one, in_round, votes[one.id]) for one, in_round in page],
        "total": len(found),
        "people": sorted({word.annotator for word in words}),
    }


def _fits(word: Event, label: str | None, kind: str | None, person: str | None, many: bool) -> bool:
    return (
        (person is None or word.annotator == person)
        and (label is None or label in parted(word.label, many))
        and (kind is None or word.kind == kind)
    )


def _matching(project: Project, names: list[str], round: int | None, text: str) -> Iterable[tuple[Item, int | None]]:
    for start in range(0, len(names), PART):
        items = project.items.named(names[start : start + PART])
        rounds = {pick.item: pick.round for pick in project.rounds.picks_of(one.number for one in items)}
        for one in items:
            in_round = rounds.get(one.id)
            if round is not None and in_round != round:
                continue
            if text and text not in one.id.casefold() and text not in (one.text or "").casefold():
                continue
            yield one, in_round


def _shown(one: Item, in_round: int | None, said: list[Event]) -> dict[str, Any]:
    votes = {word.annotator: {"kind": word.kind, "label": word.label} for word in said}
    return item(one) | {"round": in_round, "votes": votes}
