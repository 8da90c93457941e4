"""COCO for classification: images, categories, and an annotation of the whole image for each class.

The person and the time are in an annotation's ``attributes``. COCO has no place for skips and "none of these"; they are
under the document's key ``spotal``. https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spotal.annotate.files.base import KINDS, Content, Format, Reading, Row, moment, share, table_in, word
from spotal.annotate.files.label_studio import load
from spotal.errors import DataFileError
from spotal.images import shape_of
from spotal.project.class_sets import joined

__all__ = ["FORMAT"]


def _read(path: Path, reading: Reading) -> list[Row]:
    document = table_in(load(path), "its content", "the document", path, may_lack=False)
    try:
        names = {image["id"]: str(image["file_name"]) for image in document["images"]}
        classes = {category["id"]: str(category["name"]) for category in document["categories"]}
        rows = list(_labels(document, names, classes, path))
        return [*(_together(rows) if reading.many else rows), *_others(document, names, path)]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFileError(
            f"{path} is no valid COCO file of images, categories and annotations ({error!r:.100}); export it anew"
        ) from None


def _labels(document: dict[str, Any], names: dict[Any, str], classes: dict[Any, str], path: Path) -> Iterator[Row]:
    """Yield the labels. An annotation with a score is a model's guess, as in COCO's format of results."""
    for annotation in document["annotations"]:
        where = f"annotation {annotation['id']!s:.40}"
        name, label = names[annotation["image_id"]], classes[annotation["category_id"]]
        about = table_in(annotation.get("attributes"), "attributes", where, path)
        who = word(about.get("annotator"), where, path, "an annotator")
        at = moment(about.get("at"), where, path)
        by = str(about.get("by", "")).strip().casefold()
        score = annotation.get("score", about.get("score"))
        guess: dict[str, Any] = {
            "guess": by == "model" or score is not None,
            "probability": share(score),
            "by_person": by == "person",
        }
        yield Row(where, "label", label, (name,), (name,), (), who, at, **guess)


def _together(rows: list[Row]) -> Iterator[Row]:
    """Yield one row with all classes for each image and annotator, and one for guesses."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.ids, row.annotator, row.guess, row.by_person), []).append(row)
    for own in groups.values():
        times = [row.at for row in own if row.at is not None]
        shares = [row.probability for row in own if row.probability is not None]
        label = joined(row.label for row in own if row.label is not None)
        yield replace(own[0], label=label, at=max(times, default=None), probability=min(shares, default=None))


def _others(document: dict[str, Any], names: dict[Any, str], path: Path) -> Iterator[Row]:
    """Yield the skips and "none of these"."""
    for other in table_in(document.get("spotal"), "spotal", "the document", path).get("answers", []):
        name, where = names[other["image_id"]], f"answer for image {other['image_id']!s:.40}"
        if other["kind"] not in KINDS[1:]:
            raise DataFileError(f"{path} has kind {other['kind']!r:.40} in {where}; it may be {', '.join(KINDS[1:])}")
        who = word(other["annotator"], where, path, "an annotator")
        yield Row(where, other["kind"], None, (name,), (name,), (), who, moment(other["at"], where, path))


def _write(content: Content, path: Path) -> None:
    numbers = {name: k for k, name in enumerate(content.classes, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for image, entry in enumerate(content.entries, 1):
        images.append({"id": image, "file_name": entry.item.id, **_size(content.file(entry.item))})
        for vote in entry.votes:
            about = {"annotator": vote.annotator, "at": vote.at.isoformat(), "source": vote.source}
            if vote.kind == "label":
                annotations += [
                    {"id": k, "image_id": image, "category_id": numbers[name], "attributes": about}
                    for k, name in enumerate(content.names(vote.label), len(annotations) + 1)
                ]
            else:
                others.append({"image_id": image, "kind": vote.kind, **about})
    document = {
        "info": {"description": "Labels of a spotal project"},
        "licenses": [],
        "images": images,
        "categories": [{"id": k, "name": name, "supercategory": ""} for name, k in numbers.items()],
        "annotations": annotations,
        "spotal": {"answers": others},
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _size(path: Path) -> dict[str, int]:
    """Return width and height of the upright image, from its header; nothing if it cannot be read."""
    try:
        height, width = shape_of(path, path).size
    except DataFileError:
        return {}
    return {"width": width, "height": height}


FORMAT = Format("coco", "COCO with a category for each image", (".json",), _read, _write, kinds=("image",))
