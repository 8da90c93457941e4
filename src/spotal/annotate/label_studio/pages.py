"""Pages: reads the tasks of a Label Studio project page by page, all of them or only changed ones."""

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
"""Key of a task's data for the item's id."""
CONTENT = OWN_CONTENT
"""Key of a task's data for the item's content at the time of the push."""
PAGE = 100
"""Number of tasks in a page."""


def pages(
    client: Client, project: int, *, since: datetime | None = None, only: tuple[str, ...] = (), size: int = PAGE
) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of tasks as dicts, in the order of their ids.

    Each page starts after the last id of the previous page, so that no task is missed if others are added, deleted or
    changed meanwhile.

    Parameters
    ----------
    since : datetime or None, read only tasks that changed since, by the server's clock
    only : tuple of str, the fields to read; empty for all, annotations and predictions included
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
            tasks = [task.model_dump(warnings=False) for task in page.items or []]
        if not tasks:
            return
        yield tasks
        last = tasks[-1]["id"]


def moment(value: str | datetime) -> datetime:
    """Return a time of the server in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC)


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
