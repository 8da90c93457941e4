"""Merge repeated headings and entries under [Unreleased] in CHANGELOG.md. Git's union merges repeat them.

python -m tools.changelog
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "CHANGELOG.md"
SECTION = "## [Unreleased]\n"
ORDER = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def tidy(text: str) -> str:
    """Merge the headings of the section Unreleased, in the order of Keep a Changelog; entries keep their order."""
    before, rest = text.split(SECTION, 1)
    released = re.search(r"^## ", rest, re.MULTILINE)
    end = released.start() if released else len(rest)
    entries: dict[str, list[str]] = {}
    parts = re.split(r"^### (.*)\n", rest[:end], flags=re.MULTILINE)
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        items = re.split(r"^(?=- )", part.strip("\n") + "\n", flags=re.MULTILINE)
        entries.setdefault(name, []).extend(item.strip("\n") for item in items if item.strip())
    names = sorted(entries, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    sections = [f"\n### {name}\n\n" + "\n".join(dict.fromkeys(entries[name])) + "\n" for name in names]
    return before + SECTION + "".join(sections) + ("\n" + rest[end:] if released else "")


if __name__ == "__main__":
    PAGE.write_text(tidy(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
