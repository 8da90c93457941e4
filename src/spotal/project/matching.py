"""Matching of the present data with a project's items: by content first, then by id or position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spotal.project.records import Found

__all__ = ["NEW", "Known", "Matched", "match"]

NEW = -1
"""Owner of an entry that is a new item."""


class Known(NamedTuple):
    """An item of the project."""

    number: int
    id: str
    content: str
    path: str | None
    row: int | None
    stamp: str | None
    missing: bool


@dataclass
class Matched:
    """The items that the entries were matched with.

    owner : for each entry the index of its item in ``recorded``, or ``NEW``
    changed : indices of entries whose items had another content
    unclear : indices of items that cannot be distinguished, so they were not matched
    """

    owner: list[int]
    changed: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)


def match(
    recorded: Sequence[Known],
    entries: Sequence[Found],
    answers_to: Callable[[Iterable[int]], Mapping[int, object]],
    *,
    complete: bool = True,
) -> Matched:
    """Match the entries of the data with a project's items, one to one.

    1. Entries are matched with the item of the same id and content.
    2. Entries are matched with items of the same content, in order, present items before missing ones. So an item
       follows a file that was renamed or a row that moved.
    3. The content of the other entries is new. By its id, or in a table without ids by its position between matched
       rows, such an entry is a changed item.

    Parameters
    ----------
    recorded, entries : in the order of their rows; either all of ``entries`` have ids or none has
    answers_to : function from item numbers to the answers about those items that have any
    complete : bool, whether ``entries`` is all of the data; if not, entries are matched only by id

    Notes
    -----
    Cost: linear in the length of both.
    """
    if not recorded:
        return Matched([NEW] * len(entries))
    present = [k for k, item in enumerate(recorded) if not item.missing]
    is_same = complete and len(present) == len(entries) and not (entries and entries[0].named)
    if is_same and all(recorded[k].content == entry.content for k, entry in zip(present, entries, strict=True)):
        return Matched(present)  # the same result as below, in a tenth of the time
    done = Matched([NEW] * len(entries))
    free = bytearray(b"\1") * len(recorded)
    by_id = {item.id: k for k, item in enumerate(recorded)}
    is_named = bool(entries) and entries[0].named
    if is_named:
        for f, entry in enumerate(entries):
            k = by_id.get(entry.id, NEW)
            if k != NEW and recorded[k].content == entry.content:
                done.owner[f], free[k] = k, 0
    if complete:
        _by_content(recorded, entries, done, free, answers_to)
    by_place = complete and not is_named
    pairs = _by_place(recorded, done.owner, free) if by_place else _by_id(entries, done.owner, by_id, free)
    for f, k in pairs:
        done.owner[f], free[k] = k, 0
        done.changed.append(f)
    return done


def _by_content(
    recorded: Sequence[Known],
    entries: Sequence[Found],
    done: Matched,
    free: bytearray,
    answers_to: Callable[[Iterable[int]], Mapping[int, object]],
) -> None:
    wanted: dict[str, list[int]] = defaultdict(list)
    for f, entry in enumerate(entries):
        if done.owner[f] == NEW:
            wanted[entry.content].append(f)
    owners: dict[str, list[int]] = defaultdict(list)
    for k, item in enumerate(recorded):
        if free[k] and item.content in wanted:
            owners[item.content].append(k)
    for content, items in owners.items():
        candidates = wanted[content]
        for was_missing in (False, True):
            part = [k for k in items if recorded[k].missing == was_missing]
            if len(candidates) < len(part):
                chosen = _choose(recorded, part, len(candidates), answers_to)
                if chosen is None:
                    done.unclear += part
                    for k in part:
                        free[k] = 0
                    break
                part = chosen
            for f, k in zip(candidates, part, strict=False):
                done.owner[f], free[k] = k, 0
            candidates = candidates[len(part) :]


def _choose(
    recorded: Sequence[Known], part: list[int], count: int, answers_to: Callable[[Iterable[int]], Mapping[int, object]]
) -> list[int] | None:
    """Return ``count`` of the items, answered ones first; None if answers differ and some would be dropped."""
    if not count:
        return []
    answers = answers_to(recorded[k].number for k in part)
    if count < len(answers) and len(set(answers.values())) > 1:
        return None
    return sorted(sorted(part, key=lambda k: recorded[k].number not in answers)[:count])


def _by_id(
    entries: Sequence[Found], owner: Sequence[int], by_id: Mapping[str, int], free: bytearray
) -> list[tuple[int, int]]:
    pairs = [(f, by_id.get(entries[f].id, NEW)) for f, k in enumerate(owner) if k == NEW]
    return [(f, k) for f, k in pairs if k != NEW and free[k]]


def _by_place(recorded: Sequence[Known], owner: Sequence[int], free: bytearray) -> list[tuple[int, int]]:
    """Pair each run of new rows with the items between the same matched neighbors, if both have the same length.

    At the end of the table the lengths may differ, because rows are added and removed there.
    """
    order = [k for k, item in enumerate(recorded) if item.row is not None and not item.missing]
    order.sort(key=lambda k: recorded[k].row or 0)
    place = {k: n for n, k in enumerate(order)}
    pairs: list[tuple[int, int]] = []
    start, before = 0, 0
    for f in range(len(owner) + 1):
        at_end = f == len(owner)
        if not at_end and owner[f] == NEW:
            continue
        run = range(start, f)
        end = before
        while end < len(order) and free[order[end]]:
            end += 1
        items = order[before:end]
        if run and (len(items) == len(run) or (at_end and end == len(order))):
            pairs += zip(run, items, strict=False)
        if not at_end:
            start = f + 1
            before = place.get(owner[f], len(order)) + 1
    return pairs
