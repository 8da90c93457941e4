"""COCO for classification: images, categories, and an annotation of a whole image for each label.

Who and when stand in an annotation's ``attributes``; skips and "none of these", which COCO has no place for, under the
key ``spotal`` of the document. https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spotal._images import shape_of
from spotal.annotate.files.base import Content, Format, Reading, Row, moment
from spotal.annotate.files.label_studio import load
from spotal.errors import DataFileError

__all__ = ["FORMAT"]


def _read(path: Path, reading: Reading) -> list[Row]:
    document = load(path)
    try:
        names = {image["id"]: str(image["file_name"]) for image in document["images"]}
        classes = {category["id"]: str(category["name"]) for category in document["categories"]}
        rows = []
        for annotation in document["annotations"]:
            where = f"annotation {annotation['id']}"
            name, label = names[annotation["image_id"]], classes[annotation["category_id"]]
            about = annotation.get("attributes") or {}
            at = moment(about.get("at"), where, path)
            rows.append(Row(where, "label", label, (name,), (name,), (), about.get("annotator"), at))
        for other in document.get("spotal", {}).get("answers", []):
            name, where = names[other["image_id"]], f"answer for image {other['image_id']}"
            at = moment(other["at"], where, path)
            rows.append(Row(where, other["kind"], None, (name,), (name,), (), other["annotator"], at))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFileError(
            f"{path} is no COCO file of images, categories and annotations that belong together ({error!r}); export it "
            "anew"
        ) from None
    return rows


def _write(content: Content, path: Path) -> None:
    numbers = {name: k for k, name in enumerate(content.classes, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for image, entry in enumerate(content.entries, 1):
        images.append({"id": image, "file_name": entry.item.id, **_size(content.file(entry.item))})
        for said in entry.said:
            about = {"annotator": said.annotator, "at": said.at.isoformat(), "source": said.source}
            if said.kind == "label":
                known = {"id": len(annotations) + 1, "image_id": image, "category_id": numbers[said.label or ""]}
                annotations.append({**known, "attributes": about})
            else:
                others.append({"image_id": image, "kind": said.kind, **about})
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
    """Width and height, upright and from the header alone; nothing where the image cannot be read now."""
    try:
        height, width = shape_of(path, path).size
    except DataFileError:
        return {}
    return {"width": width, "height": height}


FORMAT = Format("coco", "COCO with a category for each image", (".json",), _read, _write, kinds=("image",))
