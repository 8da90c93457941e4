"""CSV: one line per answer, ``id,label,kind,annotator,at,source``.

If items may have several classes, ``label`` holds their names separated by ``|``.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from spotal.annotate.files.base import Content, Format, Reading, Row, records_of, row_of
from spotal.tables import read_table
from spotal.tables.formulas import escape_formula, unescape_formula

__all__ = ["FORMAT", "rows_of"]


def rows_of(path: Path, reading: Reading) -> list[Row]:
    """Read the answers of a file with a header; lines without a label are skipped."""
    table = read_table(path, reading.dialect, empty=True, kind=".csv")
    columns = [table.texts(name, "file", empty=True) for name in table.names]
    rows = []
    for number, cells in enumerate(zip(*columns, strict=True)):
        record = dict(zip(table.names, cells, strict=True))
        shown = {name: unescape_formula(value) for name, value in record.items()}
        row = row_of(shown, table.where(number), path, reading)
        if row is not None:
            rows.append(_as_written(row, record, shown, reading))
    return rows


def _as_written(row: Row, record: dict[str, str], shown: dict[str, str], reading: Reading) -> Row:
    """Allow ids and classes that begin with the quote which was removed as the escape of a formula."""
    if record == shown:
        return row
    literal = {shown[name]: value for name, value in record.items()}
    ids = tuple(dict.fromkeys(name for one in row.ids for name in (one, literal.get(one, one))))
    label = literal.get(row.label, row.label) if row.label is not None else None
    is_literal = row.label not in reading.classes and label in reading.classes
    return replace(row, ids=ids, label=label if is_literal else row.label)


def _write(content: Content, path: Path) -> None:
    names = ["id", "label", "kind", "annotator", "at", "source", *(["text"] if content.kind == "text" else [])]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, names)
        lines.writeheader()
        for record in records_of(content):
            escaped = {name: escape_formula(value) if value else value for name, value in record.items()}
            lines.writerow(escaped if content.escape_formulas else record)


FORMAT = Format("csv", "one line per answer", (".csv", ".tsv"), rows_of, _write)
