"""Pages: all tasks of a Label Studio project, or those that changed, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from spotal.annotate.files.base import OWN_CONTENT, OWN_ID

if TYPE_CHECKING:
    from spotal.annotate.label_studio.client import Client

__all__ = ["CONTENT", "ITEM", "PAGE", "moment", "pages"]

ITEM = OWN_ID
"""The key of a task's data that names our item."""
CONTENT = OWN_CONTENT
"""The key of a task's data that holds the content of our item when it was pushed."""
PAGE = 100
"""Tasks of one page."""


def pages(
    client: Client, project: int, *, since: datetime | None = None, only: tuple[str, ...] = (), size: int = PAGE
) -> Iterator[list[dict[str, Any]]]:
    """Tasks as dicts, in the order of their ids.

    Each page begins after the last id of the one before: tasks that come, go or change meanwhile hide no other.

    Parameters
    ----------
    since : datetime or None, leaves out tasks that have not changed since, by the server's clock
    only : tuple of str, the fields wanted; empty for all, annotations and predictions among them
    """
    last = 0
    while True:
        filters: list[dict[str, Any]] = [_filter("id", "greater", "Number", last)]
        if since is not None:
            text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            filters.append(_filter("updated_at", "greater_or_equal", "Datetime", text))
        query = {"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": filters}}
        with client.asking(f"the tasks of project {project}"):
            page = client.sdk.tasks.list(
                project=project,
                page=1,
                page_size=size,
                query=json.dumps(query),
                fields="all",
                include=",".join(only) or None,
            )
            found = [task.model_dump(warnings=False) for task in page.items or []]
        if not found:
            return
        yield found
        last = found[-1]["id"]


def moment(value: str | datetime) -> datetime:
    """A time of the server, in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC)


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
