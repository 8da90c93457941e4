"""Prices of answers and limits on groups. Their files are read again for each batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spotal.constraints.rounds import RoundLimits
from spotal.errors import DataFileError, InputError, ProjectError
from spotal.project.arrivals import is_blank
from spotal.project.settings import LimitSettings, Settings

if TYPE_CHECKING:
    from spotal.project.project import Project
    from spotal.project.records import Found

__all__ = ["check", "limits_of", "read_prices"]


Rows = Mapping[str, "int | None"]
"""Item ids with their present rows in the table."""


def check(settings: Settings, folder: Path, found: Iterable[Found]) -> None:
    """Check that the strategy supports limits and that the files of limits cover the items.

    Raises ProjectError for the strategy, and as :func:`read_prices`.
    """
    from spotal.strategies import get

    if settings.limits == LimitSettings():
        return
    refusal = get(settings.strategy)._refusal()
    if refusal is not None:
        raise ProjectError(f"strategy must keep to the limits on cost and groups, but {refusal}")
    items, blank = {}, []
    for thing in found:
        if is_blank(thing):
            blank.append(thing.id)
        else:
            items[thing.id] = thing.row
    if settings.limits.cost is not None:
        read_prices(settings, folder, items, blank)
    if settings.limits.groups is not None:
        _values(settings, folder, settings.limits.groups, "group", items, items, blank)


def read_prices(settings: Settings, folder: Path, items: Rows, others: Iterable[str] = ()) -> dict[str, float]:
    """Return the price of an answer about each item, by id, from the file in the settings.

    Parameters
    ----------
    items : ids of the items that need a price, with their present rows or None; a file without ids is read by row
    others : ids that the file may also have: missing items and empty texts

    Raises
    ------
    DataFileError
        The file is missing or corrupt.
    InputError
        A column or an item is missing, an id is unknown, or a price is not a positive number.
    """
    file = settings.limits.cost
    assert file is not None
    prices = {}
    for name, value in _values(settings, folder, file, "cost", items, items, others).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < np.inf:
            raise InputError(
                "cost", must="be a positive number for each item", found=f"{value!r} for {name!r} in {file}"
            )
        prices[name] = float(value)
    return prices


def limits_of(project: Project, items: list[str], labeled: set[str], prices: dict[str, float] | None) -> RoundLimits:
    """Return the limits for a query among ``items``, in which those in ``labeled`` are labeled.

    Open picks and items without a class also count against the limit of their group. Skipped and held-back items do
    not. Raises as :func:`read_prices`.
    """
    settings, folder = project.settings, project.folder
    # labeled items may be missing from the data and from these files
    cost = None if prices is None else np.asarray([prices.get(name, 1.0) for name in items])
    file, most = settings.limits.groups, settings.limits.max_per_group
    if file is None or most is None:
        return RoundLimits(cost)
    rows = {item.id: item.row for item in project.items}
    needed = [name for name in items if name not in labeled]
    groups = _values(settings, folder, file, "group", rows, needed, project.arrived.empty)
    number: dict[Any, int] = {}
    group = np.asarray([number.setdefault(groups.get(name, (name,)), len(number)) for name in items], np.int64)
    others = [item.id for item in project.items.at(project.rounds.taken()) if item.id not in labeled]
    inside = [number[groups[name]] for name in others if name in groups and groups[name] in number]
    taken = np.bincount(np.asarray(inside, np.int64), minlength=len(number))
    return RoundLimits(cost, group, np.maximum(most - taken, 0)[group])


def _values(
    settings: Settings, folder: Path, file: str, name: str, rows: Rows, needed: Iterable[str], others: Iterable[str]
) -> dict[str, Any]:
    """Return all values in a file by item id. In a file without ids, items are identified by row.

    Raises InputError if a ``needed`` item is missing, or the file has an item that is not in ``rows`` or ``others``.
    """
    from spotal.tables import TABLES, read_table

    source = Path(os.path.normpath(folder / os.path.expanduser(file)))
    if source.suffix.lower() not in TABLES:
        raise DataFileError(
            f"{source} must be a table, {', '.join(TABLES)}, with the columns id and {name}; convert it"
        )
    table = read_table(source, settings.data.dialect)
    values = table.numbers(name, name).tolist() if name == "cost" else table.texts(name, name)
    key = next((key for key in (settings.data.id_column, "id", "row") if key in table.names), None)
    if key in (None, "row"):
        ids = range(len(values)) if key is None else table.ids(key, "id_column")
        by_row = dict(zip(map(str, ids), values, strict=True))
        allowed = {*map(str, rows.values()), *others}
        unknown = next((row for row in by_row if row not in allowed), None)
        if unknown is not None:
            raise InputError(
                name,
                must="be given for the rows of the data",
                found=f"row {unknown} in {source}",
                remedy="give the items' ids in a column id, or one line for each row",
            )
        by_id = {item: by_row[str(row)] for item, row in rows.items() if str(row) in by_row}
    else:
        by_id = {str(item): value for item, value in zip(table.ids(key, "id_column"), values, strict=True)}
        allowed = {*rows, *others}
        foreign = [item for item in by_id if item not in allowed]
        if foreign:
            raise InputError(
                name,
                must="be given for items of the project",
                found=f"{len(foreign):,} others in {source}, the first {foreign[0]!r}",
                remedy="correct the ids or remove these lines",
            )
    missing = next((item for item in needed if item not in by_id), None)
    if missing is not None:
        raise InputError(
            name, must="be given for every item", found=f"none for {missing!r} in {source}", remedy="add it"
        )
    return by_id
