"""Label Studio's JSON: a list of tasks with their annotations, for its export and import.

Label Studio names people by e-mail only and has no "none of these". So annotations that spotal writes have the key
``spotal`` with the person and the answer, which Label Studio ignores, and the person in the result's ``meta``, which it
keeps. https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spotal.annotate.files.base import (
    KINDS,
    OWN_CONTENT,
    OWN_ID,
    Content,
    Entry,
    Format,
    Reading,
    Row,
    Vote,
    list_in,
    moment,
    share,
    table_in,
    word,
)
from spotal.errors import DataFileError
from spotal.project.class_sets import joined
from spotal.tables.json_lines import parse_json
from spotal.tables.text import utf8

__all__ = ["FORMAT", "NONE", "load"]

NONE = "None of these"
"""The choice for no class of the project."""


def load(path: Path) -> object:
    """Return the document in a JSON file. Raises DataFileError."""
    return parse_json(utf8(path), f"{path} is no JSON")


def _read(path: Path, reading: Reading) -> list[Row]:
    tasks = load(path)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataFileError(f"{path} must be a list of Label Studio's tasks, found {type(tasks).__name__}")
    rows: list[Row] = []
    for task in tasks:
        where = f"task {task.get('id', '?')!s:.40}"
        if not isinstance(task.get("data"), dict) or not isinstance(_annotations(task), list):
            raise DataFileError(f"{path} has no data or annotations in {where}; export as JSON, not as JSON-MIN")
        rows += _rows(task, where, path, reading)
    return rows


def _annotations(task: dict[str, Any]) -> Any:
    """Return the annotations of a task; none if it has only predictions."""
    return task.get("annotations", task.get("completions", [] if "predictions" in task else None))


def _rows(task: dict[str, Any], where: str, path: Path, reading: Reading) -> Iterator[Row]:
    data = task["data"]
    own = data.get(OWN_ID)
    name = word(own if own is not None else data.get("id"), where, path, "an id")
    content = word(data.get(OWN_CONTENT), where, path, "a content")
    values = tuple(v for key, v in data.items() if isinstance(v, str) and key not in (OWN_ID, OWN_CONTENT))
    text = next((data[key] for key in ("text", reading.text_column) if isinstance(data.get(key), str)), None)

    def row(kind: str, label: str | None, place: str, **more: Any) -> Row:
        return Row(
            place, kind, label, () if name is None else (name,), values, values, text=text, content=content, **more
        )

    for annotation in _annotations(task):
        place = f"an annotation of {where}"
        about = table_in(annotation, "an annotation", where, path, may_lack=False)
        place = f"annotation {about.get('id', '?')!s:.40} of {where}"
        kind, label = _answer(about, place, path, reading)
        at = moment(about.get("updated_at") or about.get("created_at"), place, path)
        yield row(kind, label, place, annotator=_who(about, place, path), at=at)
    for number, guessed in enumerate(list_in(task.get("predictions"), "predictions", where, path), 1):
        if isinstance(guessed, int):  # the id of a prediction that is not in the file
            continue
        place = f"prediction {number} of {where}"
        about = table_in(guessed, "a prediction", where, path, may_lack=False)
        choices = _choices(about, place, path)
        is_class = NONE not in choices or NONE in reading.classes
        if choices and is_class and (reading.many or len(choices) == 1):
            yield row(
                "label",
                joined(choices) if reading.many else choices[0],
                place,
                guess=True,
                probability=share(about.get("score")),
            )


def _choices(annotation: dict[str, Any], where: str, path: Path) -> list[str]:
    choices = []
    for result in list_in(annotation.get("result"), "a result", where, path):
        value = table_in(table_in(result, "a result", where, path, may_lack=False).get("value"), "a value", where, path)
        choices += [word(one, where, path, "a choice") for one in list_in(value.get("choices"), "choices", where, path)]
    return [choice for choice in choices if choice is not None]


def _answer(annotation: dict[str, Any], where: str, path: Path, reading: Reading) -> tuple[str, str | None]:
    own = table_in(annotation.get("spotal"), "spotal", where, path)
    if annotation.get("was_cancelled") or own.get("kind") == "skip":
        return "skip", None
    choices = _choices(annotation, where, path)
    if not annotation.get("result"):
        return "skip", None  # submitted without a choice
    if len(choices) != 1 and not (reading.many and choices):
        raise DataFileError(f"{path} has {len(choices)} choices in {where}; one label per annotation is needed")
    label = joined(choices) if reading.many else choices[0]
    if own.get("kind") in KINDS:
        return own["kind"], label if own["kind"] == "label" else None
    none = NONE in choices and NONE not in reading.classes
    if none and len(choices) > 1:
        raise DataFileError(f"{path} has {NONE!r} beside a class in {where}; keep one of them")
    return ("none_of_these", None) if none else ("label", label)


def _who(annotation: dict[str, Any], where: str, path: Path) -> str | None:
    results = list_in(annotation.get("result"), "a result", where, path)
    metas = [
        table_in(table_in(one, "a result", where, path, may_lack=False).get("meta"), "meta", where, path)
        for one in results
    ]
    for table in (annotation, *metas):
        own = table_in(table.get("spotal"), "spotal", where, path)
        if "annotator" in own:
            return word(own["annotator"], where, path, "an annotator")
    user = annotation.get("completed_by")
    if isinstance(user, dict):
        user = user.get("email") or user.get("id")
    name = word(user, where, path, "an annotator")
    return f"Label Studio user {name}" if isinstance(user, int) else name


def _write(content: Content, path: Path) -> None:
    tasks = [_task(content, entry, number) for number, entry in enumerate(content.entries, 1)]
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _task(content: Content, entry: Entry, number: int) -> dict[str, Any]:
    field = "text" if content.kind == "text" else "image"
    data = {field: entry.item.text if content.kind == "text" else entry.item.path, OWN_ID: entry.item.id}
    return {"id": number, "data": data, "annotations": [_annotation(vote, content) for vote in entry.votes]}


def _annotation(vote: Vote, content: Content) -> dict[str, Any]:
    choices = list(content.names(vote.label)) if vote.kind == "label" else [NONE]
    meta = {"spotal": {"annotator": vote.annotator}}
    result = {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": choices}, "meta": meta}
    at = vote.at.isoformat()
    annotation: dict[str, Any] = {
        "result": [] if vote.kind == "skip" else [result],
        "was_cancelled": vote.kind == "skip",
        "ground_truth": False,
        "created_at": at,
        "updated_at": at,
        "spotal": {"annotator": vote.annotator, "kind": vote.kind, "source": vote.source},
    }
    if "@" in vote.annotator:  # Label Studio refuses users without an e-mail address
        annotation["completed_by"] = {"email": vote.annotator}
    return annotation


FORMAT = Format(
    "label-studio", "Label Studio's JSON", (".json",), _read, _write, kinds=("image", "text"), keeps_guesses_apart=True
)
