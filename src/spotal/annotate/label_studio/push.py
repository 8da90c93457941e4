"""Push: turns the batch into tasks of Label Studio, in the same order and with the model's guesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spotal.annotate.base import Guesses, Pushed
from spotal.annotate.label_studio.client import ONCE, Client
from spotal.annotate.label_studio.config import NONE, Labeling
from spotal.annotate.label_studio.images import image_urls
from spotal.annotate.label_studio.pages import CONTENT, ITEM, pages
from spotal.annotate.same_text import is_same_text
from spotal.numeric.arrays import blocks
from spotal.project.class_sets import parted
from spotal.project.schema import FORMER

if TYPE_CHECKING:
    from spotal.annotate.label_studio.link import Link
    from spotal.project import Item, Project, Task

__all__ = ["TITLE", "choose_version", "prediction", "push"]

VERSION = "spotal "
"""Prefix of the versions of spotal's guesses; other versions in the project are not changed."""
TITLE = "spotal"
"""Name of spotal's ML backend in Label Studio."""
AT_ONCE = 100
Key = tuple[str, str | None]
"""Id and content of a task's item."""
FIELDS = (
    "id", "data", "is_labeled", "overlap", "total_annotations", "cancelled_annotations", "predictions_model_versions"
)  # fmt: skip


def push(client: Client, project: Project, link: Link, labeling: Labeling, guesses: Guesses) -> Pushed:
    """Add the missing tasks of ``project.rounds.batch()`` to Label Studio, in this order.

    A task is identified by the item's id and content in its data. So a repeated push adds no task twice, and an item
    with a changed content gets a new task. A task without annotations is closed if its item was answered elsewhere, and
    reopened if the item waits for an answer again. Items in conflict are shown to one more person. Items of the audit
    have no guess, since a guess would influence the people whose answers measure the model.
    """
    batch = {(task.item.id, task.item.content): task for task in project.rounds.batch()}
    items = {task.item.id: task.item for task in batch.values()}
    remotes, doubles = _existing(client, link.project, items, labeling.key)
    for remote in doubles:
        with client.asking(f"task {remote['id']}"):
            client.sdk.tasks.delete(str(remote["id"]))
    new = [task for key, task in batch.items() if key not in remotes]
    existing = [(remotes[key], task) for key, task in batch.items() if key in remotes]
    shown = 0
    for part in blocks(len(new), AT_ONCE):
        shown += _add(client, project, link, labeling, guesses, new[part])
    shown += _refresh(client, link, labeling, guesses, existing)
    if shown:
        choose_version(client, link, guesses.version)
    reopened = 0
    for remote, task in existing:
        if remote["is_labeled"] and (task.conflict or not remote["total_annotations"]):
            _queue(client, remote, again=True)
            reopened += 1
    closed = [
        remote
        for key, remote in remotes.items()
        if key not in batch
        and not (remote["is_labeled"] or remote["total_annotations"] or remote["cancelled_annotations"])
    ]
    for remote in closed:
        _queue(client, remote, again=False)
    return Pushed(len(new), len(existing), shown, reopened, len(closed))


def prediction(labeling: Labeling, guesses: Guesses, number: int) -> dict[str, Any] | None:
    """Return the guess about an item as a prediction of Label Studio; None without a guess or without such a choice."""
    guess = guesses.of(number)
    if guess is None or not set(parted(guess[0], labeling.many) or (NONE,)) <= set(labeling.choices):
        return None
    return {"model_version": guesses.version, "score": guess[1], "result": labeling.result(guess[0])}


def _key(data: dict[str, Any], items: dict[str, Item], shown: str) -> Key:
    """Return the id and content of a task's item.

    A task of an older version of spotal has no content. It gets the content of the item in ``items``, unless it shows
    another text under the key ``shown``.
    """
    name, content = data[ITEM], data.get(CONTENT)
    item = items.get(name) if content is None else None
    if item is not None and (item.text is None or is_same_text(str(data.get(shown)), item.text)):
        content = item.content
    return name, content


def _existing(
    client: Client, remote: int, items: dict[str, Item], shown: str
) -> tuple[dict[Key, dict[str, Any]], list[dict[str, Any]]]:
    """Return spotal's tasks by item; and duplicates without annotations, as after a request that timed out."""
    remotes: dict[Key, dict[str, Any]] = {}
    doubles = []
    for page in pages(client, remote, only=FIELDS, size=500):
        for task in page:
            data = task["data"] or {}
            if data.get(ITEM) is None:
                continue
            key = _key(data, items, shown)
            other = remotes.setdefault(key, task)
            if other is task:
                continue
            if task.get("total_annotations") and not other.get("total_annotations"):
                remotes[key], task = task, other
            if not task.get("total_annotations"):
                doubles.append(task)
    return remotes, doubles


def _add(
    client: Client, project: Project, link: Link, labeling: Labeling, guesses: Guesses, tasks: Sequence[Task]
) -> int:
    """Add tasks, and return the number of them with a guess."""
    items = [task.item for task in tasks]
    if project.settings.data.kind == "image":
        shown = image_urls(client, project, link.project, items, link.images)
    else:
        shown = [item.text or "" for item in items]
    request: list[Any] = []
    for task, value in zip(tasks, shown, strict=True):
        data: dict[str, Any] = {labeling.key: value, ITEM: task.item.id}
        if not task.item.content.startswith(FORMER):
            data[CONTENT] = task.item.content
        if task.pick is not None:
            data["spotal_round"] = task.pick.round
        guess = _guess(labeling, guesses, task)
        request.append({"data": data, "predictions": [] if guess is None else [guess]})
    with client.asking(f"new tasks in project {link.project}"):
        client.sdk.projects.import_tasks(link.project, request=request, request_options=ONCE)
    return sum(bool(task["predictions"]) for task in request)


def _refresh(
    client: Client, link: Link, labeling: Labeling, guesses: Guesses, existing: list[tuple[dict[str, Any], Task]]
) -> int:
    """Add newer guesses to existing tasks, and return their number."""
    request: list[Any] = []
    for remote, task in existing:
        versions = (remote.get("predictions_model_versions") or "").split(",")
        guess = _guess(labeling, guesses, task)
        if guess is not None and guesses.version not in (version.strip() for version in versions):
            request.append({"task": remote["id"], **guess})
    for part in blocks(len(request), AT_ONCE):
        with client.asking(f"predictions in project {link.project}"):
            client.sdk.projects.import_predictions(link.project, request=request[part], request_options=ONCE)
    return len(request)


def _queue(client: Client, remote: dict[str, Any], *, again: bool) -> None:
    """Show a task to one more person (``again``), or to nobody."""
    change: dict[str, Any] = {"is_labeled": not again}
    if again:
        change["overlap"] = max(remote["overlap"] or 1, (remote["total_annotations"] or 0) + 1)
    with client.asking(f"task {remote['id']}"):
        client.sdk.tasks.update(str(remote["id"]), **change)


def choose_version(client: Client, link: Link, version: str) -> None:
    """Let Label Studio show this version of the guesses, unless a running model or other guesses are selected there."""
    with client.asking(f"project {link.project}"):
        chosen = client.sdk.projects.get(link.project).model_version or ""
        if chosen == TITLE:
            models = client.sdk.ml.list(project=link.project)
            if any(model.title == TITLE and model.readable_state == "Connected" for model in models):
                return
        elif chosen == version or (chosen and not chosen.startswith(VERSION)):
            return
        client.sdk.projects.update(link.project, model_version=version)


def _guess(labeling: Labeling, guesses: Guesses, task: Task) -> dict[str, Any] | None:
    if task.item.held_back:
        return None
    return prediction(labeling, guesses, task.item.number)
