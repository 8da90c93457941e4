"""Agreement: how often annotators gave the same answer before they saw the answers of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from spotal.numeric.intervals import share_interval
from spotal.project.events import ON_PAGE
from spotal.project.records import Agreement, Event

__all__ = ["agreements", "first_answers"]

_DECIDED = ("label", "none_of_these")


def first_answers(events: Iterable[Event], overlap: int = 1) -> dict[str, dict[str, str]]:
    """Return each annotator's first decision about each item, made before a conflict was shown to them.

    A skip is no decision. A slip is replaced by the next answer. A slip is an answer that its annotator took back, or
    replaced before the item was in conflict and before they answered another item. An annotator whose first decision
    was made on the page while the item was in conflict saw other answers, and has no first answer to this item.

    ``events`` are all events in the order of recording. ``overlap`` people answer an item before a conflict is shown.
    Returns the class by item by annotator, "" for "none of these".
    """
    trail = list(events)
    slips = _slips(trail)
    first: dict[str, dict[str, str]] = {}
    last: dict[str, dict[str, Event]] = {}
    informed: set[tuple[str, str]] = set()
    for event in trail:
        answers = last.setdefault(event.item, {})
        key = (event.annotator, event.item)
        own = first.setdefault(event.annotator, {})
        is_decision = event.kind in _DECIDED and event.undoes is None and event.number not in slips
        if is_decision and event.item not in own and key not in informed:
            if event.source in ON_PAGE and _is_shown(answers, event.annotator, overlap):
                informed.add(key)
            else:
                own[event.item] = event.label or ""
        answers[event.annotator] = event
    return {name: own for name, own in first.items() if own}


def agreements(answers: dict[str, dict[str, str]]) -> list[Agreement]:
    """Compute how often every two annotators agree on the items that both answered, sorted by name.

    The share of equal answers has Clopper and Pearson's 95 % interval. Cohen's kappa is (share - c) / (1 - c), where c
    is the agreement expected from both annotators' class frequencies. The interval of kappa follows from the interval
    of the share; the uncertainty of c is ignored.
    """
    pairs = []
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
        pairs.append(Agreement(first, second, n, share, low, high, *kappas))
    return pairs


def _slips(trail: list[Event]) -> set[int]:
    """Return the numbers of the slips, see :func:`first_answers`."""
    undone = {event.undoes for event in trail if event.undoes is not None}
    by_annotator: dict[str, list[Event]] = {}
    for event in trail:
        by_annotator.setdefault(event.annotator, []).append(event)
    tied = _first_ties(trail)
    slips: set[int] = set()
    for own in by_annotator.values():
        recent: dict[str, Event] = {}  # by item, answers since the last valid answer to another item
        for event in own:
            before = recent.get(event.item)
            takes_back = event.undoes is not None or event.kind == "withdraw"
            if before is not None and (takes_back or event.number <= tied.get(event.item, event.number)):
                slips.add(before.number)
            if takes_back:
                recent.pop(event.item, None)
                continue
            if event.number not in undone:
                recent = {item: one for item, one in recent.items() if item == event.item}
            recent[event.item] = event
    return slips


def _first_ties(trail: list[Event]) -> dict[str, int]:
    """Return, by item, the number of the event that first caused a conflict."""
    last: dict[str, dict[str, Event]] = {}
    ties: dict[str, int] = {}
    for event in trail:
        answers = last.setdefault(event.item, {})
        answers[event.annotator] = event
        if event.item not in ties and _is_tied(answers.values()):
            ties[event.item] = event.number
    return ties


def _is_shown(answers: dict[str, Event], annotator: str, overlap: int) -> bool:
    """Return whether the page shows this annotator a conflict between the others' last answers."""
    others = [event for name, event in answers.items() if name != annotator and event.kind != "withdraw"]
    return len(others) >= overlap and _is_tied(others)


def _is_tied(answers: Iterable[Event]) -> bool:
    counts = Counter(event.label for event in answers if event.kind in _DECIDED).most_common(2)
    return len(counts) > 1 and counts[0][1] == counts[1][1]
