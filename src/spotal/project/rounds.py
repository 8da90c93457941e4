"""Rounds: batches of picks to label, including the random picks that measure accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import prod
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from spotal.errors import BudgetError, ProjectError
from spotal.project.chance import uniform
from spotal.project.counting import POOL, is_open, shares
from spotal.project.items import numbers_of
from spotal.project.queries import Part, columns, count_of
from spotal.project.records import AuditLabel, Pick, Round, Task
from spotal.project.schema import EventRow, ItemRow, ModelRow, PickRow, RoundRow, latest, standings

if TYPE_CHECKING:
    from spotal.project.settings import Settings

__all__ = ["ROUNDING", "Rounds"]

ROUNDING = 1e-12
"""Relative tolerance of sums of prices against a budget, as for strategies."""
_waits = and_(standings.c.item.is_(None), ~ItemRow.missing)
"""Condition that an item is present and has no answer."""

_PICKS = (
    select(*columns(PickRow, Pick, item=ItemRow.id))
    .join(ItemRow, ItemRow.number == PickRow.item)
    .order_by(PickRow.round, PickRow.rank)
)


class Rounds(Part):
    """The batches so far. ``len`` is their count."""

    def __len__(self) -> int:
        return self._number(select(func.count()).select_from(RoundRow))

    def add(
        self,
        picks: Sequence[Pick] = (),
        *,
        audit: int = 0,
        strategy: str,
        n_labeled: int,
        model: int | None = None,
        about: dict[str, Any] | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> Round:
        """Record a batch: a strategy's picks in order, with ``audit`` random picks spread evenly among them.

        Audit picks are drawn uniformly without replacement from the held-back items that were not drawn before. If
        fewer remain, all of them are drawn. The draw depends on ``random_state`` and the number of the round.

        Parameters
        ----------
        picks : sequence of Pick, whose ``role``, ``round`` and ``rank`` are set here
        audit : int, number of random picks
        strategy : str; n_labeled : int, labels that it used; model : int or None, number of the model that it used
        about : dict of JSON types, such as the selection's diagnostics and provenance
        costs : price of one answer about each pick, by item id; recorded with the pick; needed if the budget is money

        Raises
        ------
        BudgetError
            The answers about these picks, ``overlap`` for each, exceed the remaining budget.
        ProjectError
            There are no picks; a pick is unknown, repeated, held back or was picked before; or the model is unknown.
            Nothing is recorded then.
        """
        settings = self._project.settings
        with self._database.write() as connection:
            number = count_of(connection, RoundRow)
            if model is not None and not connection.execute(select(ModelRow).where(ModelRow.number == model)).first():
                raise ProjectError(f"model must be the number of a recorded one, found {model}; record it first")
            numbers = _free(connection, [pick.item for pick in picks])
            chosen = [(numbers[pick.item], pick, "query") for pick in picks]
            reserve = _reserve(connection, settings.random_state, number)
            drawn = reserve[:audit]
            batch = _spread(chosen, [(item, Pick(name), "audit") for item, name in drawn])
            spends = len(batch) if costs is None else settings.overlap * sum(costs[pick.item] for _, pick, _ in batch)
            if settings.budget is not None:
                _check_budget(connection, settings, spends, has_prices=costs is not None)
            if not batch:
                raise ProjectError("picks must be at least one, found none and nothing to audit; add items")
            now = datetime.now(UTC)
            draw = {"reserve": len(reserve), "drawn": len(drawn), "population": count_of(connection, ItemRow)}
            record = {"number": number, "at": now, "strategy": strategy, "n_labeled": n_labeled, "model": model}
            connection.execute(insert(RoundRow).values(**record, **draw, about=about or {}))
            rows = [
                {"item": item, "round": number, "rank": rank, "role": role, "mass": pick.mass}
                | {"about": pick.about if costs is None else pick.about | {"cost": costs[pick.item]}}
                | {"stands_for": pick.stands_for, "uncertainty": pick.uncertainty}
                for rank, (item, pick, role) in enumerate(batch)
            ]
            connection.execute(insert(PickRow), rows)
        return Round(number, now, strategy, n_labeled, model, len(batch), len(drawn), about or {})

    def all(self) -> list[Round]:
        """Return all rounds in order."""
        query = (
            select(*columns(RoundRow, Round, n_picks=func.count(PickRow.item), n_audit=RoundRow.drawn))
            .join(PickRow, PickRow.round == RoundRow.number)
            .group_by(RoundRow.number)
            .order_by(RoundRow.number)
        )
        return [Round(*row) for row in self._rows(query)]

    def picks(self, number: int | None = None) -> list[Pick]:
        """Return the picks of one round or of all rounds, in order."""
        query = _PICKS if number is None else _PICKS.where(PickRow.round == number)
        return [Pick(*row) for row in self._rows(query)]

    def picks_of(self, items: Iterable[int]) -> list[Pick]:
        """Return the picks of at most a few hundred items, by number, in order."""
        return [Pick(*row) for row in self._rows(_PICKS.where(PickRow.item.in_(list(items))))]

    def batch(self, annotator: str | None = None) -> list[Task]:
        """Return the present tasks: conflicts first, then picks without enough answers by round and rank.

        A tie becomes a conflict after ``overlap`` people have answered. Before that, the others are asked without
        seeing the answers. Missing items are left out.

        Parameters
        ----------
        annotator : str or None, leaves out picks that this annotator has answered; conflicts are always included
        """
        still_open = is_open(self._project.settings.overlap)
        is_conflict = and_(func.coalesce(standings.c.state, "") == "conflict", ~still_open)
        wanted: ColumnElement[bool] = still_open
        if annotator is not None:
            own = select(latest.c.item).where(latest.c.annotator == annotator)
            wanted = and_(wanted, PickRow.item.not_in(own))
        query = (
            select(ItemRow.number, is_conflict.label("conflict"))
            .outerjoin(PickRow, PickRow.item == ItemRow.number)
            .outerjoin(standings, standings.c.item == ItemRow.number)
            .where(~ItemRow.missing, or_(is_conflict, wanted))
            .order_by(is_conflict.desc(), PickRow.round.nulls_last(), PickRow.rank, ItemRow.number)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            numbers = [number for number, _ in rows]
            picks = {pick.item: pick for pick in (Pick(*row) for row in connection.execute(_PICKS))} if rows else {}
        items = self._project.items.at(numbers)
        return [Task(item, picks.get(item.id), bool(row.conflict)) for item, row in zip(items, rows, strict=True)]

    def reserve(self) -> list[str]:
        """Return the ids of held-back items that were not drawn yet, in the order of the next round's draw."""
        with self._database.read() as connection:
            return [name for _, name in _reserve(connection, self._project.settings.random_state, len(self))]

    def taken(self) -> list[int]:
        """Return the numbers of items that have answers or are open picks, ascending, without held-back items."""
        query = (
            select(ItemRow.number)
            .outerjoin(PickRow, PickRow.item == ItemRow.number)
            .outerjoin(standings, standings.c.item == ItemRow.number)
            .where(ItemRow.held_back.is_(None))
            .where(or_(standings.c.voters > 0, and_(_waits, PickRow.item.is_not(None))))
            .order_by(ItemRow.number)
        )
        return [number for (number,) in self._rows(query)]

    def last_audit_event(self) -> int:
        """Return the number of the last event about an audit pick, 0 for none; :meth:`audit` changes with it."""
        query = select(func.coalesce(func.max(EventRow.number), 0)).join(PickRow, PickRow.item == EventRow.item)
        return self._number(query.where(PickRow.role == "audit"))

    def audit(self) -> list[AuditLabel]:
        """Return the answered audit picks with their inclusion probabilities.

        An item is in the sample if it is held back and drawn by one of the rounds since it was added. The probability
        of this is held_back x (1 - product over these rounds of (1 - drawn / reserve)).
        """
        draws = select(RoundRow.population, RoundRow.reserve, RoundRow.drawn).where(RoundRow.drawn > 0)
        answered = (
            select(ItemRow.id, ItemRow.number, standings.c.label, ItemRow.held_back, ItemRow.changed)
            .join(PickRow, PickRow.item == ItemRow.number)
            .join(standings, standings.c.item == ItemRow.number)
            .where(PickRow.role == "audit", standings.c.state.in_(("labeled", "none_of_these")))
            .order_by(ItemRow.number)
        )
        with self._database.read() as connection:
            parts = [(population, drawn / reserve) for population, reserve, drawn in connection.execute(draws)]
            rows = connection.execute(answered).all()
        labels = []
        for name, number, label, held_back, changed in rows:
            missed = prod(1.0 - part for population, part in parts if number < population)
            labels.append(AuditLabel(name, number, label, held_back * (1.0 - missed), changed))
        return labels


def _check_budget(connection: Connection, settings: Settings, spends: float, *, has_prices: bool) -> None:
    """Raise BudgetError if so many picks, or so much money, exceed the remaining budget."""
    assert settings.budget is not None
    used = (
        select(func.coalesce(func.sum(shares(settings)["used"]), 0)).select_from(POOL).where(PickRow.item.is_not(None))
    )
    free = max(0, settings.budget - connection.execute(used).scalar_one())
    free = free if has_prices else free // settings.overlap  # in picks
    if spends > free + ROUNDING * settings.budget:
        raise BudgetError(
            "picks",
            must=f"{'cost' if has_prices else 'be'} at most {free:.15g}, what the budget of {settings.budget} has left",
            found=f"{spends:.15g}",
            remedy="pick fewer or raise budget in spotal.toml",
        )


def _free(connection: Connection, names: list[str]) -> dict[str, int]:
    """Return the numbers of items to pick. Raises ProjectError if one may not be picked."""
    numbers = numbers_of(connection, names)
    if len(numbers) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ProjectError(f"picks must not repeat, found {twice!r} more than once; pick each once")
    held = set(connection.execute(select(ItemRow.number).where(ItemRow.held_back.is_not(None))).scalars())
    earlier = {row.item: row.round for row in connection.execute(select(PickRow.item, PickRow.round))}
    for name, number in numbers.items():
        if number in held:
            raise ProjectError(f"picks must not be held back for the audit, found {name!r}; use items.candidates()")
        if number in earlier:
            raise ProjectError(f"picks must be new, found {name!r} of round {earlier[number]}; use items.candidates()")
    return numbers


def _reserve(connection: Connection, random_state: int, number: int) -> list[tuple[int, str]]:
    """Return held-back items that were not drawn yet, in the order in which round ``number`` draws them."""
    query = (
        select(ItemRow.number, ItemRow.id)
        .outerjoin(PickRow, PickRow.item == ItemRow.number)
        .where(ItemRow.held_back.is_not(None), ~ItemRow.missing, PickRow.item.is_(None))
    )
    items = [(item, name) for item, name in connection.execute(query)]
    return sorted(items, key=lambda row: uniform(random_state, f"audit {number}", row[1]))


def _spread(many: list[Any], few: list[Any]) -> list[Any]:
    """Merge two lists, each in its own order and evenly spread."""
    placed = [
        ((k + 0.5) / len(part), part_number, one)
        for part_number, part in enumerate((many, few))
        for k, one in enumerate(part)
    ]
    return [one for *_, one in sorted(placed, key=lambda place: place[:2])]
