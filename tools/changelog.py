"""Tidy CHANGELOG.md: remove repeated headings and entries under [Unreleased].

python -m tools.changelog

Merging branches by union repeats them.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "CHANGELOG.md"
SECTION = "## [Unreleased]\n"
ORDER = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def tidy(text: str) -> str:
    """Merge repeated headings of the section Unreleased, in the order of Keep a Changelog. Entries keep their order."""
    before, rest = text.split(SECTION, 1)
    released = re.search(r"^## ", rest, re.MULTILINE)
    end = released.start() if released else len(rest)
    entries: dict[str, list[str]] = {}
    parts = re.split(r"^### (.*)\n", rest[:end], flags=re.MULTILINE)
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        bullets = re.split(r"^(?=- )", part.strip("\n") + "\n", flags=re.MULTILINE)
        entries.setdefault(name, []).extend(entry.strip("\n") for entry in bullets if entry.strip())
    names = sorted(entries, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    made = [f"\n### {name}\n\n" + "\n".join(dict.fromkeys(entries[name])) + "\n" for name in names]
    return before + SECTION + "".join(made) + ("\n" + rest[end:] if released else "")


if __name__ == "__main__":
    PAGE.write_text(tidy(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
