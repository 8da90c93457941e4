"""JSON Lines: one object per answer, with the keys of the CSV format.

If items may have several classes, ``label`` is a list of them.
"""

from __future__ import annotations

import json
from pathlib import Path

from spotal.annotate.files.base import Content, Format, Reading, Row, records_of, row_of
from spotal.tables.json_lines import read_objects

__all__ = ["FORMAT", "rows_of"]


def rows_of(path: Path, reading: Reading) -> list[Row]:
    """Read the answers of a file; lines without a label are skipped."""
    rows = []
    for record, line in zip(*read_objects(path, reading.dialect), strict=True):
        row = row_of(record, f"line {line}", path, reading)
        if row is not None:
            rows.append(row)
    return rows


def _write(content: Content, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records_of(content):
            if content.many and record["kind"] != "skip":
                record["label"] = list(content.names(record["label"]))
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


FORMAT = Format("jsonl", "one object per answer", (".jsonl", ".ndjson"), rows_of, _write)
