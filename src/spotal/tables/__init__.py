"""Reading of text files and tables: all rules for turning bytes into ids, texts and numbers."""

from spotal.tables.opening import listed, reading
from spotal.tables.table import ARROW, JSON, TABLES, Table, found_dialect, read_table
from spotal.tables.text import PLAIN, Dialect, read_lines, read_text

__all__ = [
    "ARROW",
    "JSON",
    "PLAIN",
    "TABLES",
    "Dialect",
    "Table",
    "found_dialect",
    "listed",
    "read_lines",
    "read_table",
    "read_text",
    "reading",
]
