"""Counting: sums over items that make up a project's counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, join, select, union

from spotal.project.queries import count_of
from spotal.project.records import Counts
from spotal.project.schema import ItemRow, PickRow, RoundRow, standings

if TYPE_CHECKING:
    from spotal.project.settings import Settings

__all__ = ["HEARD", "POOL", "TOUCHED", "awaited", "count", "counts_of", "is_open", "shares", "untouched"]

POOL = join(ItemRow, PickRow, PickRow.item == ItemRow.number, isouter=True).outerjoin(
    standings, standings.c.item == ItemRow.number
)
"""Every item, with its pick and its row of ``standings`` where it has them."""
TOUCHED = ItemRow.number.in_(union(select(PickRow.item), select(standings.c.item)).subquery().select())
"""Condition that an item was picked or answered. In a large pool this selects few items."""
HEARD = func.coalesce(standings.c.heard, 0)
"""Number of people who have answered an item."""
_PRICE = func.coalesce(PickRow.about["cost"].as_float(), 0.0)
"""Price of one answer about a pick; 0 for picks that were made without prices."""


def is_open(overlap: int) -> ColumnElement[bool]:
    """Return the condition that an item of :data:`POOL` is a pick that waits for an answer."""
    return and_(PickRow.item.is_not(None), ~ItemRow.missing, overlap > HEARD)


def awaited(overlap: int) -> ColumnElement[int]:
    """Return the number of further answers to an item of :data:`POOL`."""
    return case((is_open(overlap), overlap - HEARD), else_=0)


def shares(settings: Settings) -> dict[str, ColumnElement[Any]]:
    """Return what an item of :data:`POOL` adds to each figure of :class:`Counts`, by name.

    The additional figure ``used`` is the item's part of the budget: given and awaited answers, or their price.
    """
    state = func.coalesce(standings.c.state, "")
    picked = PickRow.item.is_not(None)
    voters = case((picked, func.coalesce(standings.c.voters, 0)), else_=0)
    answers = voters + awaited(settings.overlap)
    conditions = {
        "items": ItemRow.number.is_not(None),
        "missing": ItemRow.missing,
        "labeled": state == "labeled",
        "none_of_these": state == "none_of_these",
        "skipped": state == "skipped",
        "conflicts": state == "conflict",
        "unlabeled": and_(state == "", ~ItemRow.missing),
        "held_back": ItemRow.held_back.is_not(None),
        "trainable": and_(state.in_(settings.decided), ItemRow.held_back.is_(None)),
        "picked": picked,
        "open": is_open(settings.overlap),
        "audit_picked": PickRow.role == "audit",
        "audit_answered": and_(PickRow.role == "audit", state.in_(("labeled", "none_of_these"))),
    }
    figures: dict[str, ColumnElement[Any]] = {name: case((met, 1), else_=0) for name, met in conditions.items()}
    figures["spent"] = voters
    figures["cost"] = voters * _PRICE
    figures["used"] = answers if settings.limits.cost is None else answers * _PRICE
    return figures


def untouched(connection: Connection) -> dict[str, int]:
    """Return the sums over all items that were neither picked nor answered. Their other figures are 0."""
    kinds = {"items": None, "missing": ItemRow.missing, "unlabeled": ~ItemRow.missing}
    sums = [func.count() if met is None else func.count(case((met, 1))) for met in kinds.values()]
    query = select(*sums, func.count(ItemRow.held_back)).select_from(ItemRow).where(~TOUCHED)
    return dict(zip((*kinds, "held_back"), map(int, connection.execute(query).one()), strict=True))


def count(connection: Connection, settings: Settings) -> Counts:
    """Count all items."""
    sums = (func.coalesce(func.sum(share), 0).label(name) for name, share in shares(settings).items())
    waits = select(HEARD, func.count()).select_from(POOL).where(TOUCHED, is_open(settings.overlap)).group_by(HEARD)
    row = connection.execute(select(*sums).select_from(POOL).where(TOUCHED)).one()._asdict()
    for name, more in untouched(connection).items():
        row[name] += more
    waiting = {int(people): int(items) for people, items in connection.execute(waits)}
    return counts_of(settings, row, waiting, count_of(connection, RoundRow))


def counts_of(settings: Settings, sums: Mapping[str, Any], waits: dict[int, int], rounds: int) -> Counts:
    """Make :class:`Counts` from the sums of all items' shares."""
    figures = {name: value for name, value in sums.items() if name not in ("used", "cost")}
    return Counts(
        **figures,
        overlap=settings.overlap,
        waits=waits,
        rounds=rounds,
        budget=settings.budget,
        left=None if settings.budget is None else max(0, settings.budget - sums["used"]),
        cost=None if settings.limits.cost is None else float(sums["cost"]),
    )
