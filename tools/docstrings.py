"""Griffe extension that adapts docstrings for the site.

Types come from signatures. The text after a parameter's colon (shapes, units) becomes the start of its description.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:func|class|meth|mod|attr|data):`~?([\w.]+)`")
PARAMETER = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.*)$")
TYPE = re.compile(r"^(int|float|bool|str|Path)( or None)?(, optional)?(, |\.?$)")


class Docstrings(griffe.Extension):
    """Griffe extension that rewrites docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of any module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(lambda role: _link(obj, role[1]), parameters(obj.docstring.value))


def parameters(text: str) -> str:
    """Move the text after the colon in lines of the section Parameters into the description below."""
    lines: list[str] = []
    inside = False
    rows = text.split("\n")
    for number, line in enumerate(rows):
        below = rows[number + 1] if number + 1 < len(rows) else ""
        if below.startswith("---"):
            inside = line.strip() in ("Parameters", "Attributes", "Other Parameters")
        match = PARAMETER.match(line) if inside else None
        if match is None:
            lines.append(line)
        else:
            about = TYPE.sub("", match[2])
            more = below.startswith(" ") and about and not about.endswith((".", ":", ";"))
            lines += [match[1], f"    {about}{'.' * bool(more)}"]
    return "\n".join(lines)


def _link(obj: griffe.Object, name: str) -> str:
    """Link a name of spotal if the site has it, else return the name."""
    path = name
    if not name.startswith("spotal."):
        first, _, rest = name.partition(".")
        try:
            path = obj.resolve(first) + ("." + rest if rest else "")
        except griffe.NameResolutionError:
            return f"`{name}`"
    shown = name.removeprefix("spotal.").rsplit(".", 1)[-1] if name.startswith("spotal.") else name
    return f'<autoref identifier="{path}" optional><code>{shown}</code></autoref>'
