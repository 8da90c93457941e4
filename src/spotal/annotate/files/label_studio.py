"""Label Studio's JSON: a list of tasks, each with its annotations, as its export writes and its import reads it.

Label Studio knows people by e-mail only, and has no "none of these". So an annotation of ours carries the key
``spotal``, who said what, which Label Studio passes over; and its result's ``meta`` says who, which it keeps.
https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spotal.annotate.files.base import KINDS, Content, Entry, Format, Reading, Row, Said, moment
from spotal.errors import DataFileError
from spotal.tables.json_lines import parse_json
from spotal.tables.text import utf8

__all__ = ["FORMAT", "NONE", "load"]

NONE = "None of these"
"""The choice that stands for no class of the project."""
ID_KEY = "spotal_id"
"""Key of a task's data that holds the id of the item."""


def load(path: Path) -> Any:
    """The document in a JSON file. Raises DataFileError."""
    return parse_json(utf8(path), f"{path} is no JSON")


def _read(path: Path, reading: Reading) -> list[Row]:
    tasks = load(path)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataFileError(f"{path} must be a list of Label Studio's tasks, found {type(tasks).__name__}")
    rows = []
    for task in tasks:
        where = f"task {task.get('id', '?')}"
        data, annotations = task.get("data"), task.get("annotations", task.get("completions"))
        if not isinstance(data, dict) or not isinstance(annotations, list):
            raise DataFileError(f"{path} has no data or annotations in {where}; export as JSON, not as JSON-MIN")
        values = tuple(value for value in data.values() if isinstance(value, str))
        ids = tuple(str(data[key]) for key in (ID_KEY, "id") if key in data)
        for annotation in annotations:
            place = f"annotation {annotation.get('id', '?')} of {where}"
            kind, label = _said(annotation, place, path, reading.classes)
            at = moment(annotation.get("updated_at") or annotation.get("created_at"), place, path)
            rows.append(Row(place, kind, label, ids, values, values, _who(annotation), at))
    return rows


def _said(annotation: dict[str, Any], where: str, path: Path, classes: tuple[str, ...]) -> tuple[str, str | None]:
    own = annotation.get("spotal") or {}
    if annotation.get("was_cancelled") or own.get("kind") == "skip":
        return "skip", None
    results = annotation.get("result") or []
    choices = [word for result in results for word in (result.get("value") or {}).get("choices") or []]
    if not results:
        return "skip", None  # submitted without a choice
    if len(choices) != 1:
        raise DataFileError(f"{path} has {len(choices)} choices in {where}; one label an annotation is needed")
    if own.get("kind") in KINDS:
        return own["kind"], choices[0] if own["kind"] == "label" else None
    none = choices[0] == NONE and NONE not in classes
    return ("none_of_these", None) if none else ("label", str(choices[0]))


def _who(annotation: dict[str, Any]) -> str | None:
    user = annotation.get("completed_by")
    for known in (annotation, *((result.get("meta") or {}) for result in annotation.get("result") or [])):
        if "annotator" in (known.get("spotal") or {}):
            return str(known["spotal"]["annotator"])
    if isinstance(user, dict):
        user = user.get("email") or user.get("id")
    return f"Label Studio user {user}" if isinstance(user, int) else user


def _write(content: Content, path: Path) -> None:
    tasks = [_task(content, entry, number) for number, entry in enumerate(content.entries, 1)]
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _task(content: Content, entry: Entry, number: int) -> dict[str, Any]:
    field = "text" if content.kind == "text" else "image"
    data = {field: entry.item.text if content.kind == "text" else entry.item.path, ID_KEY: entry.item.id}
    return {"id": number, "data": data, "annotations": [_annotation(said) for said in entry.said]}


def _annotation(said: Said) -> dict[str, Any]:
    choice = said.label if said.kind == "label" else NONE
    meta = {"spotal": {"annotator": said.annotator}}
    result = {"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [choice]}, "meta": meta}
    at = said.at.isoformat()
    annotation: dict[str, Any] = {
        "result": [] if said.kind == "skip" else [result],
        "was_cancelled": said.kind == "skip",
        "ground_truth": False,
        "created_at": at,
        "updated_at": at,
        "spotal": {"annotator": said.annotator, "kind": said.kind, "source": said.source},
    }
    if "@" in said.annotator:  # Label Studio refuses users that it cannot know
        annotation["completed_by"] = {"email": said.annotator}
    return annotation


FORMAT = Format("label-studio", "Label Studio's JSON", (".json",), _read, _write, kinds=("image", "text"))
