"""JSON Lines: one object per answer, with the keys of the CSV format.

If items may have several classes, ``label`` is a list of them.
"""

from __future__ import annotations

import json
from pathlib import Path

from spotal.annotate.files.base import Content, Format, Reading, Row, row_of, texts_of
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
        for entry in content.entries:
            for vote in entry.votes:
                label = list(content.names(vote.label)) if content.many and vote.kind != "skip" else vote.label
                record = {"id": entry.item.id, "label": label, "kind": vote.kind, "annotator": vote.annotator}
                record |= {"at": vote.at.isoformat(), "source": vote.source} | texts_of(content, entry)
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


FORMAT = Format("jsonl", "one object per answer", (".jsonl", ".ndjson"), rows_of, _write)
