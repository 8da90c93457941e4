"""Queries: what all readers of the database share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable, bindparam, func, select

from spotal.numeric.arrays import blocks

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from spotal.project.project import Project
    from spotal.project.schema import Base

__all__ = ["MANY", "SOME", "Part", "columns", "count_of", "in_parts"]

MANY = 500
"""Maximum number of values in one query."""
SOME: Any = bindparam("some", expanding=True)
"""Parameter for the values of :func:`in_parts`."""


class Part:
    """The records of one kind in a project's database."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._database = project.database

    def _rows(self, query: Executable) -> Sequence[Any]:
        """Return the rows of a query, in a transaction of its own."""
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _number(self, query: Executable) -> int:
        """Return the only number of a query, in a transaction of its own."""
        return int(self._rows(query)[0][0])


def in_parts(connection: Connection, query: Executable, values: Sequence[Any]) -> Iterator[Any]:
    """Yield the rows of a query about :data:`SOME` of the values, at most ``MANY`` at a time."""
    for part in blocks(len(values), MANY):
        yield from connection.execute(query, {"some": values[part]})


def columns(table: type[Base], record: type[DataclassInstance], **others: Any) -> list[Any]:
    """Return a table's columns in the order of a record's fields; ``others`` are no columns of the table."""
    return [others[name] if name in others else getattr(table, name) for name in record.__dataclass_fields__]


def count_of(connection: Connection, table: type[Base]) -> int:
    """Return the number of rows of a table."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
