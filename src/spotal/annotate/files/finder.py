"""Finder: finds the item of a row of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from spotal.annotate.files.base import Row
from spotal.project import Item

__all__ = ["Finder", "spellings"]

UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""Prefix that Label Studio adds to the name of an uploaded file."""


class Finder:
    """An index of items by id, images also by path or address, and texts also by their text.

    The item of a path is the one whose id is the longest ending of the path, or the only one whose id ends in the path.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._ids: set[str] = set()
        self._files: dict[str, list[str]] = {}
        self._texts: dict[str, list[str]] = {}
        for item in items:
            self._ids.add(item.id)
            if item.path is not None:
                self._files.setdefault(PurePosixPath(item.path).name, []).append(item.id)
            if item.text is not None:
                self._texts.setdefault(item.text, []).append(item.id)

    def find(self, row: Row) -> str | None:
        """Return the id of a row's item; None if there is none or more than one."""
        by_id = next((name for name in row.ids if name in self._ids), None)
        if by_id is not None:
            return by_id
        if self._files:
            by_path = next((name for path in row.paths for name in self.by_path(path)), None)
            if by_path is not None:
                return by_path
        same = [name for text in row.texts for name in self._texts.get(text, [])]
        return same[0] if len(same) == 1 else None

    def by_path(self, path: str) -> Iterator[str]:
        """Yield the ids of items for a path or address, the most likely first."""
        for spelled in spellings(path):
            parts = PurePosixPath(spelled).parts
            endings = ("/".join(parts[k:]).lstrip("/") for k in range(len(parts)))
            yield from (ending for ending in endings if ending in self._ids)
            if parts:
                longer = [name for name in self._files.get(parts[-1], []) if name.endswith(f"/{spelled.lstrip('/')}")]
                yield from longer if len(longer) == 1 else ()


def spellings(path: str) -> Iterator[str]:
    """Yield a path unchanged, as the path of an address, and without Label Studio's prefix of an upload."""
    path = path.replace("\\", "/") if re.match(r"^[A-Za-z]:\\", path) else path
    yield path
    parts = urlsplit(path) if "://" in path or path.startswith("/data/") else None
    inner = parse_qs(parts.query).get("d", [parts.path])[0] if parts is not None else path
    for spelled in dict.fromkeys((inner, unquote(inner))):
        yield spelled
        head, _, name = spelled.rpartition("/")
        if UPLOADED.match(name):
            yield f"{head}/{UPLOADED.sub('', name)}".lstrip("/")
