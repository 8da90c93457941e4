"""CSV: a line for each answer, ``id,label,kind,annotator,at,source``."""

from __future__ import annotations

import csv
from pathlib import Path

from spotal.annotate.files.base import Content, Format, Reading, Row, row_of, texts_of
from spotal.tables import read_table

__all__ = ["FORMAT", "rows_of"]


def rows_of(path: Path, reading: Reading) -> list[Row]:
    """Rows of a file with a header; lines without a label are no answers yet."""
    table = read_table(path, reading.dialect, empty=True, kind=".csv")
    columns = [table.texts(name, "file", empty=True) for name in table.names]
    rows = []
    for number, cells in enumerate(zip(*columns, strict=True)):
        row = row_of(dict(zip(table.names, cells, strict=True)), table.where(number), path, reading)
        if row is not None:
            rows.append(row)
    return rows


def _write(content: Content, path: Path) -> None:
    names = ["id", "label", "kind", "annotator", "at", "source", *(["text"] if content.kind == "text" else [])]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, names)
        lines.writeheader()
        for entry in content.entries:
            for said in entry.said:
                at = said.at.isoformat()
                record = {"id": entry.item.id, "label": said.label, "kind": said.kind, "annotator": said.annotator}
                lines.writerow(record | {"at": at, "source": said.source} | texts_of(content, entry))


FORMAT = Format("csv", "one line an answer", (".csv", ".tsv"), rows_of, _write)
