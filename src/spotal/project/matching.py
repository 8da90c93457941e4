"""Match what the data hold now with the items that a project knows: by content first, then by id or place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from spotal.project.records import Found

__all__ = ["NEW", "Known", "Matched", "match"]

NEW = -1
"""Owner of a thing that is no known item."""


class Known(NamedTuple):
    """An item as the project has it."""

    number: int
    id: str
    content: str
    path: str | None
    row: int | None
    stamp: str | None
    missing: bool


@dataclass
class Matched:
    """Which known item each thing is.

    owner : for each thing the position in the known items, or ``NEW``
    changed : positions of things whose items had another content
    unclear : positions of known items that cannot be told from one another, and are given up
    """

    owner: list[int]
    changed: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)


def match(
    known: Sequence[Known],
    found: Sequence[Found],
    words: Callable[[Iterable[int]], Mapping[int, object]],
    *,
    complete: bool = True,
) -> Matched:
    """Match things with known items, each with one at most.

    First come things of the same id and content. Then each content's things go to that content's items in order, those
    that were there before those that were gone: a thing that moved or was renamed keeps its item. What is left has a
    content that no item has: it is its id's item, changed; in a table without ids, the item of its place between the
    rows that were matched.

    Parameters
    ----------
    known, found : in the order of their rows; all of ``found`` have ids of their own, or none has
    words : from numbers of items to what people say of those of them that anybody spoke about
    complete : bool, whether ``found`` is all there is; else things are matched by id alone

    Notes
    -----
    Cost: linear in both.
    """
    if not known:
        return Matched([NEW] * len(found))
    present = [k for k, item in enumerate(known) if not item.missing]
    is_same = complete and len(present) == len(found) and not (found and found[0].named)
    if is_same and all(known[k].content == thing.content for k, thing in zip(present, found, strict=True)):
        return Matched(present)  # as matching would find too, in a tenth of the time
    done = Matched([NEW] * len(found))
    free = bytearray(b"\1") * len(known)
    by_id = {item.id: k for k, item in enumerate(known)}
    is_named = bool(found) and found[0].named
    if is_named:
        for f, thing in enumerate(found):
            k = by_id.get(thing.id, NEW)
            if k != NEW and known[k].content == thing.content:
                done.owner[f], free[k] = k, 0
    if complete:
        _by_content(known, found, done, free, words)
    by_place = complete and not is_named
    pairs = _by_place(known, done.owner, free) if by_place else _by_id(found, done.owner, by_id, free)
    for f, k in pairs:
        done.owner[f], free[k] = k, 0
        done.changed.append(f)
    return done


def _by_content(
    known: Sequence[Known],
    found: Sequence[Found],
    done: Matched,
    free: bytearray,
    words: Callable[[Iterable[int]], Mapping[int, object]],
) -> None:
    wanted: dict[str, list[int]] = defaultdict(list)
    for f, thing in enumerate(found):
        if done.owner[f] == NEW:
            wanted[thing.content].append(f)
    owners: dict[str, list[int]] = defaultdict(list)
    for k, item in enumerate(known):
        if free[k] and item.content in wanted:
            owners[item.content].append(k)
    for content, items in owners.items():
        things = wanted[content]
        for was_missing in (False, True):
            part = [k for k in items if known[k].missing == was_missing]
            if len(things) < len(part):
                chosen = _choose(known, part, len(things), words)
                if chosen is None:
                    done.unclear += part
                    for k in part:
                        free[k] = 0
                    break
                part = chosen
            for f, k in zip(things, part, strict=False):
                done.owner[f], free[k] = k, 0
            things = things[len(part) :]


def _choose(
    known: Sequence[Known], part: list[int], count: int, words: Callable[[Iterable[int]], Mapping[int, object]]
) -> list[int] | None:
    """Of items of one content as many as are left, those with answers first; None where that would take sides."""
    if not count:
        return []
    said = words(known[k].number for k in part)
    spoken = [k for k in part if known[k].number in said]
    if count < len(spoken) and len(set(said.values())) > 1:
        return None
    silent = [k for k in part if known[k].number not in said]
    return sorted([*spoken, *silent][:count])


def _by_id(
    found: Sequence[Found], owner: Sequence[int], by_id: Mapping[str, int], free: bytearray
) -> list[tuple[int, int]]:
    pairs = [(f, by_id.get(found[f].id, NEW)) for f, k in enumerate(owner) if k == NEW]
    return [(f, k) for f, k in pairs if k != NEW and free[k]]


def _by_place(known: Sequence[Known], owner: Sequence[int], free: bytearray) -> list[tuple[int, int]]:
    """Pair each run of new rows with the known rows that followed the same neighbor, where there are as many.

    At the end of the table there may be more of one than of the other: rows are added and removed there.
    """
    order = [k for k, item in enumerate(known) if item.row is not None and not item.missing]
    order.sort(key=lambda k: known[k].row or 0)
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
        gone = order[before:end]
        if run and (len(gone) == len(run) or (at_end and end == len(order))):
            pairs += zip(run, gone, strict=False)
        if not at_end:
            start = f + 1
            before = place.get(owner[f], len(order)) + 1
    return pairs
