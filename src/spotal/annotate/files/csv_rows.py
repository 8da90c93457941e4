"""CSV: a line for each answer, ``id,label,kind,annotator,at,source``."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

from spotal._formulas import escape_formula, unescape_formula
from spotal.annotate.files.base import Content, Format, Reading, Row, row_of, texts_of
from spotal.errors import DataFileError
from spotal.pool._tables import reading as opening

__all__ = ["FORMAT", "rows_of"]


def rows_of(path: Path, reading: Reading) -> list[Row]:
    """Rows of a file with a header; lines without a label are no answers yet."""
    csv.field_size_limit(sys.maxsize)  # texts may be long
    rows = []
    with opening(path), path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, strict=True)
        try:
            if not lines.fieldnames:
                raise DataFileError(f"{path} is empty; its first line must name the columns, such as id,label")
            for record in lines:
                where = f"line {lines.line_num}"
                if None in record or None in record.values():
                    raise DataFileError(
                        f"{path} has more or fewer fields in {where} than in its header; quote texts with commas"
                    )
                shown = {name: unescape_formula(value) for name, value in record.items()}
                row = row_of(shown, where, path, reading)
                if row is not None:
                    rows.append(_as_written(row, record, shown, reading))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataFileError(f"{path} is no CSV in UTF-8 ({error}, line {lines.line_num}); write it anew") from None
    return rows


def _as_written(row: Row, record: dict[str, str], shown: dict[str, str], reading: Reading) -> Row:
    """A row of a table whose quotes before formulas may be its own: ids and classes that have them are found too."""
    if record == shown:
        return row
    literal = {shown[name]: value for name, value in record.items()}
    ids = tuple(dict.fromkeys(name for one in row.ids for name in (one, literal.get(one, one))))
    label = literal.get(row.label, row.label) if row.label is not None else None
    taken = label if row.label not in reading.classes and label in reading.classes else row.label
    return replace(row, ids=ids, label=taken)


def _write(content: Content, path: Path) -> None:
    names = ["id", "label", "kind", "annotator", "at", "source", *(["text"] if content.kind == "text" else [])]
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, names)
        lines.writeheader()
        for entry in content.entries:
            for said in entry.said:
                at = said.at.isoformat()
                record = {"id": entry.item.id, "label": said.label, "kind": said.kind, "annotator": said.annotator}
                record |= {"at": at, "source": said.source} | texts_of(content, entry)
                escaped = {name: escape_formula(value) if value else value for name, value in record.items()}
                lines.writerow(escaped if content.escape_formulas else record)


FORMAT = Format("csv", "one line an answer", (".csv",), rows_of, _write)
