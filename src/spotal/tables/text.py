"""Text files. The encoding is given by the byte-order mark, else by the caller, else UTF-8. It is never guessed."""

from __future__ import annotations

import codecs
import csv
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from spotal.errors import DataFileError, FormatNote, InputError
from spotal.tables.opening import reading

__all__ = ["PLAIN", "Dialect", "note", "read_lines", "read_text", "utf8"]

csv.field_size_limit(sys.maxsize)  # texts may be long

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks and their encodings."""


@dataclass(frozen=True)
class Dialect:
    """Format of text files and CSV tables: encoding and delimiter.

    Attributes
    ----------
    encoding : str or None
        An encoding of Python, for files without a byte-order mark; None for UTF-8.
    delimiter : str or None
        The character between the columns of a CSV, used for files whose first line has it. None detects comma,
        semicolon, tab or bar.

    Raises
    ------
    InputError
        The encoding is unknown, or the delimiter is invalid.
    """

    encoding: str | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codec = codecs.lookup(self.encoding)
            except (LookupError, ValueError):
                codec = None
            if codec is None or not getattr(codec, "_is_text_encoding", True):
                raise InputError(
                    "encoding",
                    must="be a known one, such as utf-8, cp1252, latin-1, utf-16 or shift_jis",
                    found=repr(self.encoding),
                    remedy="correct it",
                )
        if self.delimiter is not None:
            mark = {"\\t": "\t", "tab": "\t"}.get(self.delimiter, self.delimiter)
            if len(mark) != 1 or mark in '"\r\n' or mark.isalnum() or not mark.isascii():
                raise InputError(
                    "delimiter",
                    must="be one character such as , ; | or tab",
                    found=repr(self.delimiter),
                    remedy="correct it",
                )
            object.__setattr__(self, "delimiter", mark)


PLAIN = Dialect()
"""UTF-8 or the encoding of the byte-order mark; the delimiter is detected."""


def note(text: str) -> None:
    """Warn that a file was read in a special way."""
    warnings.warn(text, FormatNote, stacklevel=2)


def utf8(path: Path, dialect: Dialect = PLAIN) -> bytes:
    """Return the content of a text file as UTF-8 without a byte-order mark.

    The encoding is given by the byte-order mark, else by ``dialect.encoding``, else UTF-8.

    Raises
    ------
    DataFileError
        The file is missing, unreadable or not text in that encoding; the error names the line.
    """
    with reading(path):
        content = path.read_bytes()
    mark, encoding = next(((mark, name) for mark, name in MARKS if content.startswith(mark)), (b"", ""))
    is_special = encoding not in ("", "utf-8")
    if encoding == "utf-8":
        content = content[len(mark) :]
    encoding = encoding or dialect.encoding or "utf-8"
    if codecs.lookup(encoding).name == "utf-8" and content.isascii():
        plain = content
    else:
        try:
            plain = content.decode(encoding).encode()
        except (UnicodeError, ValueError) as error:
            raise DataFileError(_refusal(path, content, encoding, error)) from None
    start = plain[:4096]
    if start.count(0) > len(start) // 4:
        raise DataFileError(
            f"{path} is full of NUL characters, as text in UTF-16 without a mark does; name its encoding, such as "
            "--encoding utf-16-le, or write it as UTF-8"
        )
    if is_special:
        note(f"{path} is read as {encoding.upper()}, by its byte-order mark")
    return plain


def _refusal(path: Path, content: bytes, encoding: str, error: Exception) -> str:
    """Return the message for a file that is not text in its encoding."""
    remedy = "name its encoding, such as --encoding cp1252, or write it as UTF-8"
    if isinstance(error, UnicodeDecodeError):
        line = len(content[: error.start].splitlines()) or 1
        if content[: error.start].endswith((b"\n", b"\r")):
            line += 1
        if encoding.startswith(("utf-16", "utf-32")):
            line = content[: error.start].decode(encoding, errors="replace").count("\n") + 1
        problem = f"byte 0x{content[error.start]:02x}" if error.start < len(content) else "its end"
        return f"{path} is not {encoding.upper()} in line {line} (found {problem}); {remedy}"
    return f"{path} cannot be read as {encoding.upper()} (it holds characters that no text has); {remedy}"


def read_text(path: Path, dialect: Dialect = PLAIN) -> str:
    """Return the text of a file. Raises DataFileError as :func:`utf8`."""
    return utf8(path, dialect).decode()


def read_lines(path: Path, dialect: Dialect = PLAIN) -> list[str]:
    """Return the non-empty lines of a text file, stripped. Raises DataFileError, also if there are none."""
    entries = [line.strip() for line in read_text(path, dialect).splitlines() if line.strip()]
    if not entries:
        raise DataFileError(f"{path} is empty; write one entry a line")
    return entries
