"""The formats by name, and detection of a file's format."""

from __future__ import annotations

from pathlib import Path

from spotal.annotate.files import coco, csv_rows, hugging_face, json_lines, label_studio
from spotal.annotate.files.base import Format
from spotal.errors import InputError
from spotal.tables.configuration import closest

__all__ = ["FORMATS", "format_of", "names"]

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT for module in (csv_rows, json_lines, label_studio, coco, hugging_face)
}


def names() -> list[str]:
    """Return the names of all formats."""
    return list(FORMATS)


def format_of(path: Path, name: str | None, *, written: bool) -> Format:
    """Return the format with this name, or detect it from the path's suffix and, unless ``written``, its content.

    Raises
    ------
    InputError
        The name is unknown, or no name is given and the format cannot be detected.
    """
    if name is not None:
        if name not in FORMATS:
            raise InputError("format", must="be a known one", found=repr(name), remedy=f"{closest(name, FORMATS)}")
        return FORMATS[name]
    if path.is_dir():
        return hugging_face.FORMAT
    matches = [one for one in FORMATS.values() if path.suffix.lower() in one.suffixes]
    if not matches:
        suffixes = ", ".join(dict.fromkeys(suffix for one in FORMATS.values() for suffix in one.suffixes if suffix))
        raise InputError(
            "path",
            must=f"end in one of {suffixes}, or be a folder of Hugging Face datasets",
            found=repr(path.name),
            remedy="or give its format",
        )
    if len(matches) == 1:
        return matches[0]
    if written:
        raise InputError(
            "format",
            must="be given",
            found=f"{path.name}, which may be {' or '.join(one.name for one in matches)}",
            remedy="name one of them",
        )
    return label_studio.FORMAT if isinstance(label_studio.load(path), list) else coco.FORMAT
