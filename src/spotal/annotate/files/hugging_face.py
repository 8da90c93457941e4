"""Hugging Face ``datasets``: a folder for ``load_from_disk``; an ``imagefolder`` can be read too.

It is written with pyarrow only: an Arrow stream whose schema names the features, and two small JSON files. Each item
has a row with ``id``, ``image`` (the file's bytes) or ``text``, ``label`` (a ClassLabel, null without a label) and
``answers`` (the answer of each annotator). If items may have several classes, ``label`` is a list of them.
https://huggingface.co/docs/datasets/image_dataset
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spotal.annotate.files.base import (
    GUESS_NAMES,
    OWN_ID,
    Content,
    Entry,
    Format,
    Reading,
    Row,
    answered,
    digest_of,
    names_in,
    share,
    word,
)
from spotal.annotate.files.csv_rows import rows_of as csv_rows
from spotal.annotate.files.json_lines import rows_of as json_rows
from spotal.annotate.files.label_studio import load
from spotal.errors import DataFileError
from spotal.images import list_images
from spotal.project.class_sets import joined
from spotal.tables.arrow import ArrowFile, arrow_faults
from spotal.tables.json_lines import parse_json

__all__ = ["FORMAT"]

ARROW = "data-00000-of-00001.arrow"
ABOUT = "Labels of a spotal project"
ROWS = 64
"""Number of items in a record batch; their images are in memory at the same time."""
ANSWER = ("annotator", "kind", "label", "at", "source")


def _read(path: Path, reading: Reading) -> list[Row]:
    if (path / "dataset_dict.json").is_file():
        splits = _listed(path / "dataset_dict.json", "splits")
        return [row for split in splits for row in _saved(path / split, reading)]
    if (path / "state.json").is_file():
        return _saved(path, reading)
    return _image_folder(path, reading)


def _saved(folder: Path, reading: Reading) -> list[Row]:
    """Read the rows of a dataset that ``save_to_disk`` wrote."""
    rows: list[Row] = []
    for name in _listed(folder / "state.json", "_data_files", "filename"):
        source = folder / name
        file = ArrowFile(source)
        names = _class_names(file.schema, reading.label_column or "label", source)
        for batch in file.batches():
            with arrow_faults(source):
                rows += _batch(batch, names, len(rows), source, reading)
    return rows


def _batch(batch: Any, names: list[str] | None, first: int, source: Path, reading: Reading) -> Iterator[Row]:
    def values(name: str) -> list[Any]:
        return list(batch.column(name).to_pylist()) if name in batch.schema.names else [None] * len(batch)

    label_column = reading.label_column or "label"
    if label_column not in batch.schema.names:
        columns = ", ".join(map(repr, batch.schema.names))
        raise DataFileError(f"{source} has no column {label_column!r}, found {columns}; name one by --label-column")
    paths, contents = _field(batch, "path"), _field(batch, "bytes")
    id_column = reading.id_column or (OWN_ID if OWN_ID in batch.schema.names else "id")
    text_column = "text" if "text" in batch.schema.names else reading.text_column
    fields = (values(id_column), values(text_column), values(label_column), values("answers"), values("by"))
    shares = values("confidence")
    for k, (name, text, label, answers, by) in enumerate(zip(*fields, strict=True)):
        file, content = paths[k].as_py(), contents[k].as_py()
        where = f"row {first + k}"
        names_of = (word(value, where, source) for value in (name, file, text))
        ids, ends, texts = (() if value is None else (value,) for value in names_of)
        more: dict[str, Any] = {
            "text": text if isinstance(text, str) and text else None,
            "digest": digest_of(content) if isinstance(content, bytes) else None,
        }
        if answers is not None:
            for one in answers if isinstance(answers, list) else [answers]:
                kind, called, annotator, at = answered(one, where, source, reading)
                yield Row(where, kind, called, ids, ends, texts, annotator, at, **more)
        elif label is not None and label != -1:
            who = str(by or "").strip().casefold()
            guess = who == "model" or label_column in GUESS_NAMES
            by_whom: dict[str, Any] = {"guess": guess, "by_person": who == "person", "probability": share(shares[k])}
            kind = "none_of_these" if reading.many and label == [] else "label"
            chosen = _chosen(label, names, where, source, reading)
            yield Row(where, kind, chosen, ids, ends, texts, **more, **by_whom)


def _field(batch: Any, name: str) -> Any:
    """Return a field of the image column, "path" or "bytes", as an Arrow array; nulls if there is none."""
    import pyarrow as pa

    kind = batch.schema.field("image").type if "image" in batch.schema.names else None
    if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
        return pa.nulls(len(batch))
    return batch.column("image").field(name)


def _chosen(label: Any, names: list[str] | None, where: str, source: Path, reading: Reading) -> str | None:
    """Return the label of a row: its class or classes."""
    if not reading.many:
        return _class(label, names, where, source)
    if names is None:
        return joined(names_in(label, where, source, reading) or ())
    several = label if isinstance(label, list) else [label]
    return joined(name for one in several if (name := _class(one, names, where, source)) is not None)


def _class(label: Any, names: list[str] | None, where: str, source: Path) -> str | None:
    """Return the name of a class; a number is an index into ``names`` unless that is None."""
    if names is None:
        return word(label, where, source)
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(names):
        return names[label]
    raise DataFileError(
        f"{source} has the label {label!r:.40} in {where}, and names for {len(names)} classes; correct it"
    )


def _image_folder(folder: Path, reading: Reading) -> list[Row]:
    """Read a folder for ``load_dataset("imagefolder")``: metadata next to the images, or a sub-folder for each "
    "class."""
    if not folder.is_dir():
        raise DataFileError(f"{folder} is no folder; give one that save_to_disk wrote, or of images")
    rows: list[Row] = []
    for name, read in (("metadata.csv", csv_rows), ("metadata.jsonl", json_rows)):
        for path in sorted(folder.rglob(name)):
            within = path.parent.relative_to(folder)
            for row in read(path, replace(reading, id_column=reading.id_column or "file_name")):
                if not row.ids:
                    raise DataFileError(f"{path} has no file_name in {row.where}; name the image of every label")
                file = (within / row.ids[0]).as_posix()
                where = f"{row.where} of {path.relative_to(folder)}"
                there = path.parent / row.ids[0]
                found = there if os.path.isfile(there) else None  # False for a name that no file can have
                rows.append(replace(row, where=where, ids=(), paths=(file,), file=found))
    if rows:
        return rows
    for path in list_images(folder):
        place = path.relative_to(folder)
        if len(place.parts) < 2:
            raise DataFileError(f"{folder} has {place} outside a folder of its class; sort it, or write a metadata.csv")
        rows.append(Row(str(place), "label", place.parts[-2], (), (place.as_posix(),), file=path))
    return rows


def _write(content: Content, path: Path) -> None:
    import pyarrow as pa

    of = {"image": "image", "text": "text"}.get(content.kind)
    item: dict[str, Any] = {} if of is None else {of: {"_type": "Image"} if of == "image" else _value("string")}
    called = {"names": list(content.classes), "_type": "ClassLabel"}
    features = {
        "id": _value("string"),
        **item,
        "label": {"feature": called, "_type": "List"} if content.many else called,
        "answers": {"feature": {name: _value("string") for name in ANSWER}, "_type": "List"},
    }
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    answers = pa.list_(pa.struct([(name, pa.string()) for name in ANSWER]))
    types = {
        "id": pa.string(),
        "label": pa.list_(pa.int64()) if content.many else pa.int64(),
        "answers": answers,
        "text": pa.string(),
        "image": picture,
    }
    schema = pa.schema(
        [(name, types[name]) for name in features],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    numbers = {name: k for k, name in enumerate(content.classes)}
    digest = hashlib.blake2b(digest_size=8)
    path.mkdir()
    with pa.OSFile(str(path / ARROW), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for start in range(0, len(content.entries), ROWS):
            rows = [_row(content, entry, numbers, of) for entry in content.entries[start : start + ROWS]]
            digest.update(repr(rows).encode())
            stream.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    state = {"_data_files": [{"filename": ARROW}], "_fingerprint": digest.hexdigest(), "_split": None}
    plain: dict[str, Any] = {
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
    }
    (path / "state.json").write_text(json.dumps(state | plain, indent=2) + "\n", encoding="utf-8")
    info = {"citation": "", "description": ABOUT, "features": features, "homepage": ""}
    (path / "dataset_info.json").write_text(json.dumps({**info, "license": ""}, indent=2) + "\n", encoding="utf-8")


def _is_ours(path: Path) -> bool:
    """Return whether an export wrote the folder, and it holds nothing else."""
    if {file.name for file in path.iterdir()} != {ARROW, "state.json", "dataset_info.json"}:
        return False
    info = load(path / "dataset_info.json")
    return isinstance(info, dict) and info.get("description") == ABOUT


def _row(content: Content, entry: Entry, numbers: dict[str, int], of: str | None) -> dict[str, Any]:
    own: Any = [numbers[name] for name in content.names(entry.label)]
    if not content.many:
        own = own[0] if own else None
    elif not own and not entry.is_none:
        own = None
    row: dict[str, Any] = {"id": entry.item.id, "label": own}
    row["answers"] = [
        {name: getattr(vote, name) for name in ANSWER} | {"at": vote.at.isoformat()} for vote in entry.votes
    ]
    if of == "text":
        row["text"] = entry.item.text
    if of == "image":
        file = content.file(entry.item)
        row["image"] = {"bytes": file.read_bytes(), "path": file.name} if file.is_file() else None
    return row


def _value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}


def _class_names(schema: Any, column: str, source: Path) -> list[str] | None:
    """Return the class names of a ClassLabel column; None if the column holds names itself."""
    feature: Any = parse_json(
        (schema.metadata or {}).get(b"huggingface", b"{}"), f"{source} has features that are no JSON"
    )
    for name in ("info", "features", column):
        feature = feature.get(name) if isinstance(feature, dict) else None
    if isinstance(feature, dict) and feature.get("_type") in ("List", "Sequence"):  # of several classes
        feature = feature.get("feature")
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataFileError(f"{source} has a class label without names; save the dataset anew")
    return names


def _listed(path: Path, key: str, inner: str | None = None) -> list[str]:
    """Return a list of texts in a JSON file, or the values of ``inner`` in a list of objects."""
    document = load(path)
    texts = document.get(key) if isinstance(document, dict) else None
    if inner is not None and isinstance(texts, list):
        texts = [element.get(inner) if isinstance(element, dict) else None for element in texts]
    if not isinstance(texts, list) or not all(isinstance(name, str) and "\0" not in name for name in texts):
        what = f"a list {key!r}" + (f" of objects with the key {inner!r}" if inner else " of texts")
        raise DataFileError(f"{path} must have {what}, found none; save the dataset anew")
    return texts


FORMAT = Format("hugging-face", "a folder of Hugging Face datasets", ("",), _read, _write, is_ours=_is_ours)
