"""Agreement: how often annotators said the same before they knew what the others had said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from spotal.numeric.intervals import share_interval
from spotal.project.events import ON_PAGE
from spotal.project.records import Agreement

if TYPE_CHECKING:
    from spotal.project.records import Event

__all__ = ["agreements", "first_answers"]

_DECIDED = ("label", "none_of_these")


def first_answers(events: Iterable[Event], overlap: int = 1) -> dict[str, dict[str, str]]:
    """The answer that each annotator gave to each item before anybody's conflict was shown to them.

    That is their first decision about the item. Skips are no decisions. A slip does not count, and the next answer
    takes its place: an answer that its annotator took back (undo, withdraw), or replaced before the item was in
    conflict, before they gave another answer that stands. An annotator whose first decision was given on the page while
    the item was in conflict has seen what others said, and has no answer here.

    Parameters
    ----------
    events : all of the project, in the order of recording
    overlap : people who answer an item before a conflict about it is shown

    Returns
    -------
    dict
        class by item by annotator, "" for "none of these"; both in the order of their first events
    """
    trail = list(events)
    slips = _slips(trail)
    found: dict[str, dict[str, str]] = {}
    last: dict[str, dict[str, Event]] = {}
    informed: set[tuple[str, str]] = set()
    for event in trail:
        words = last.setdefault(event.item, {})
        key = (event.annotator, event.item)
        own = found.setdefault(event.annotator, {})
        is_first = event.kind in _DECIDED and event.undoes is None and event.number not in slips
        if is_first and event.item not in own and key not in informed:
            if event.source in ON_PAGE and _is_shown(words, event.annotator, overlap):
                informed.add(key)
            else:
                own[event.item] = event.label or ""
        words[event.annotator] = event
    return {name: answers for name, answers in found.items() if answers}


def agreements(answers: dict[str, dict[str, str]]) -> list[Agreement]:
    """How far every two annotators agree on the items that both answered, by name.

    The share of equal answers has Clopper and Pearson's 95 % interval. Cohen's kappa is (share - chance) / (1 - chance)
    for the agreement by chance that both annotators' own frequencies of classes give; its interval is that of the
    share, carried over with this chance taken as known.
    """
    found = []
    for first, second in combinations(sorted(answers), 2):
        common = [item for item in answers[first] if item in answers[second]]
        if not common:
            continue
        a, b = ([answers[name][item] for item in common] for name in (first, second))
        n = len(common)
        share = float(np.mean([x == y for x, y in zip(a, b, strict=True)]))
        counts = Counter(b)
        chance = sum(times * counts[label] for label, times in Counter(a).items()) / n**2
        low, high = share_interval(share, n)
        kappas = (None, None, None) if chance == 1 else tuple((x - chance) / (1 - chance) for x in (share, low, high))
        found.append(Agreement(first, second, n, share, low, high, *kappas))
    return found


def _slips(trail: list[Event]) -> set[int]:
    """Numbers of answers that their annotator took back or replaced before giving another that stands."""
    gone = {event.undoes for event in trail if event.undoes is not None}
    by_who: dict[str, list[Event]] = {}
    for event in trail:
        by_who.setdefault(event.annotator, []).append(event)
    tied = _first_ties(trail)
    slips: set[int] = set()
    for own in by_who.values():
        waiting: dict[str, Event] = {}  # by item, the answers since the last one that stands
        for event in own:
            before = waiting.get(event.item)
            takes_back = event.undoes is not None or event.kind == "withdraw"
            if before is not None and (takes_back or event.number <= tied.get(event.item, event.number)):
                slips.add(before.number)
            if takes_back:
                waiting.pop(event.item, None)
                continue
            if event.number not in gone:
                waiting = {item: one for item, one in waiting.items() if item == event.item}
            waiting[event.item] = event
    return slips


def _first_ties(trail: list[Event]) -> dict[str, int]:
    """Number of the event by which each item was in conflict first."""
    last: dict[str, dict[str, Event]] = {}
    found: dict[str, int] = {}
    for event in trail:
        words = last.setdefault(event.item, {})
        words[event.annotator] = event
        if event.item not in found and _is_tied(words.values()):
            found[event.item] = event.number
    return found


def _is_shown(words: dict[str, Event], annotator: str, overlap: int) -> bool:
    """Whether the others' last words are a conflict that the page shows to this annotator."""
    others = [event for name, event in words.items() if name != annotator and event.kind != "withdraw"]
    return len(others) >= overlap and _is_tied(others)


def _is_tied(words: Iterable[Event]) -> bool:
    counts = Counter(event.label for event in words if event.kind in _DECIDED).most_common(2)
    return len(counts) > 1 and counts[0][1] == counts[1][1]
