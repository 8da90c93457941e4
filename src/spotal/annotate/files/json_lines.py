"""JSON Lines: an object for each answer, with the keys of the CSV format."""

from __future__ import annotations

import json
from pathlib import Path

from spotal._json import loads
from spotal.annotate.files.base import Content, Format, Reading, Row, row_of, texts_of
from spotal.errors import DataFileError
from spotal.pool._tables import reading as opening

__all__ = ["FORMAT", "rows_of"]


def rows_of(path: Path, reading: Reading) -> list[Row]:
    """Rows of a file; lines without a label are no answers yet."""
    rows = []
    with opening(path), path.open("rb") as file:  # a line ends at "\n" alone, whatever else is in a text
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = loads(line)
            except ValueError as error:
                raise DataFileError(f"{path} is no JSON in line {number} ({error}); correct it") from None
            if not isinstance(record, dict):
                raise DataFileError(f"{path} must hold an object in each line, found {record!r:.40} in line {number}")
            row = row_of(record, f"line {number}", path, reading)
            if row is not None:
                rows.append(row)
    return rows


def _write(content: Content, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for entry in content.entries:
            for said in entry.said:
                record = {"id": entry.item.id, "label": said.label, "kind": said.kind, "annotator": said.annotator}
                record |= {"at": said.at.isoformat(), "source": said.source} | texts_of(content, entry)
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


FORMAT = Format("jsonl", "one object an answer", (".jsonl", ".ndjson"), rows_of, _write)
