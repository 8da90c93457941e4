"""Pull: turns annotations of Label Studio into events of the project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from spotal.annotate.base import Pulled
from spotal.annotate.label_studio.pages import CONTENT, ITEM, PAGE, moment, pages
from spotal.annotate.same_text import is_same_text
from spotal.project import Answer, Event, Item, Project
from spotal.project.labels import MOST_CHARACTERS

if TYPE_CHECKING:
    from spotal.annotate.label_studio.client import Client
    from spotal.annotate.label_studio.config import Labeling
    from spotal.annotate.label_studio.link import Link

__all__ = ["SOURCE", "pull"]

SOURCE = "label-studio"
OVERLAP = timedelta(seconds=60)
"""A pull reads again so long before the last change, since a change can become visible with a delay."""


def pull(
    client: Client, project: Project, link: Link, labeling: Labeling, *, everything: bool = False, size: int = PAGE
) -> tuple[Pulled, str]:
    """Record the changes since ``link.seen``, a page of tasks per transaction. Return the report and the new ``seen``.

    An annotator's answer to a task is the newest annotation. It is recorded if it differs from the last event of the
    same annotator and task, so an interrupted pull can be repeated. A deleted annotation withdraws the answer, a
    canceled one is a skip. A deleted task or project changes nothing.

    An answer is recorded with the content of its task. If the item's content has changed, the answer is for the only
    item with that content; without such an item it is recorded and set aside. Older versions of spotal made tasks
    without a content; such a task is left out if its text is not the item's.
    """
    since = None if everything or not link.seen else moment(link.seen) - OVERLAP
    seen = "" if since is None else link.seen
    report, people = Pulled(), _People(client)
    for page in pages(client, link.project, since=since, size=size):
        answers: list[Answer] = []
        for task in page:
            item = _item(project, task["data"] or {})
            if item is None:
                report.strangers += 1
                continue
            content = task["data"].get(CONTENT)
            shown = item.text if content is not None else task["data"].get(labeling.key)
            if isinstance(shown, str) and item.text is not None and not is_same_text(shown, item.text):
                report.unread.append(f"task {task['id']} shows another text than item {item.id!r} has")
                continue
            history = project.labels.history(item.id)
            prefix = f"{link.key}/{task['id']}/"
            events = [event for event in history if (event.external_id or "").startswith(prefix)]
            changes = _answers(task, item.id, prefix, events, labeling, project.settings.classes, people, report)
            if content is not None:
                changes = [replace(answer, content=content) for answer in changes]
                report.set_aside += len(changes) * (content != item.content)
            answers += changes
        project.labels.record_all(answers)
        seen = max([seen, *(moment(task["updated_at"]).isoformat(timespec="microseconds") for task in page)])
    return report, seen


def _item(project: Project, data: dict[str, Any]) -> Item | None:
    """Return the item of a task: by its id, or by its content if the content of that item has changed."""
    name, content = data.get(ITEM), data.get(CONTENT)
    item = project.items.get(name) if isinstance(name, str) and name in project.items else None
    if not isinstance(content, str) or name is None or (item is not None and item.content == content):
        return item
    same = project.items.of_content(content)
    return same[0] if len(same) == 1 else item


class _People:
    """The e-mail addresses of Label Studio's users, loaded when first needed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names: dict[int, str] | None = None

    def name(self, annotation: dict[str, Any]) -> str:
        """Return the name of the person who made an annotation; a deleted user is named by number."""
        who = annotation.get("completed_by")
        number = who.get("id") if isinstance(who, dict) else who
        if number is None:
            return "Label Studio user"
        if self._names is None:
            with self._client.asking("the users"):
                users = self._client.sdk.users.list()
                self._names = {int(user.id or 0): user.email for user in users if user.email}
        return self._names.get(int(number), f"Label Studio user {number}")[:MOST_CHARACTERS]


def _answers(
    task: dict[str, Any],
    item: str,
    prefix: str,
    events: list[Event],
    labeling: Labeling,
    classes: Iterable[str],
    people: _People,
    report: Pulled,
) -> list[Answer]:
    """Return the answers to record, so that the last event of each annotator agrees with the task."""
    newest: dict[str, Answer | None] = {}
    times = Counter((event.external_id, _plain(event.external_version)) for event in events if event.kind != "withdraw")
    for annotation in sorted(task.get("annotations") or [], key=lambda one: moment(one["updated_at"])):
        who, at = people.name(annotation), moment(annotation["updated_at"])
        meaning = labeling.read(annotation, tuple(classes))
        if isinstance(meaning, str):
            report.unread.append(f"annotation {annotation['id']} of task {task['id']} {meaning}")
            newest[who] = None
            continue
        external, version = f"{prefix}{annotation['id']}", at.isoformat(timespec="microseconds")
        newest[who] = Answer(item, who, *meaning, SOURCE, external, version, at)
    last = {event.annotator: event for event in events}
    answers = []
    for who, answer in newest.items():
        before = last.get(who)
        if answer is None or (before is not None and _same(before, answer)):
            continue
        again = times[answer.external_id, answer.external_version]
        if again:  # the same answer is the newest again, since a later one was deleted
            answer = replace(answer, external_version=f"{answer.external_version} again {again}")
        answers.append(answer)
        report.new += before is None
        report.changed += before is not None
        report.skipped += answer.kind == "skip"
        report.none_of_these += answer.kind == "none_of_these"
    for who, before in last.items():
        if newest.get(who) is None and before.kind != "withdraw":
            version = f"{before.external_version} withdrawn"
            at = datetime.now(UTC)
            answers.append(Answer(item, who, "withdraw", None, SOURCE, before.external_id, version, at, before.content))
            report.withdrawn += 1
    return answers


def _same(event: Event, answer: Answer) -> bool:
    recorded = (event.external_id, _plain(event.external_version), event.kind, event.label)
    return recorded == (answer.external_id, answer.external_version, answer.kind, answer.label)


def _plain(version: str) -> str:
    return version.partition(" ")[0]
