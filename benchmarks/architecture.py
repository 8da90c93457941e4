"""Draw docs/reference/images/architecture.svg: the rooms of spotal in layers, and their imports.

    python -m benchmarks.architecture

Imports are read from the source, also within functions, but not those for types only. The picture omits arrows that
follow from others (``cli`` to ``pool``, through ``project``) and arrows to the two lowest layers.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

__all__ = ["IMPORTS", "MODULES", "PICTURE", "draw", "layers", "room_edges", "room_of"]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "spotal"
PICTURE = ROOT / "docs" / "reference" / "images" / "architecture.svg"
WIDTH, ROW, BOX, HEIGHT, GAP = 860, 62, 96, 28, 14
"""Pixels: width of the picture, height of a layer, size of a box, and gap between two slots of a layer."""
SWEEPS = 24
"""Number of times that each layer is sorted by the mean place of its neighbors, so that few arrows cross."""


class Import(NamedTuple):
    """An import: ``name`` is imported from ``module``; it is empty for the module itself."""

    importer: str
    module: str
    name: str


def _module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts}


def room_of(module: str) -> str:
    """Return the first name below spotal; empty for spotal itself."""
    return module.split(".")[1] if "." in module else ""


def _imports_of(module: str) -> Iterator[Import]:
    """Imports of spotal's modules by a module, without those for types only."""

    def walk(node: ast.AST) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    if alias.name.split(".")[0] == "spotal":
                        yield Import(module, alias.name, "")
            elif isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "spotal":
                for alias in child.names:
                    inner = f"{child.module}.{alias.name}"
                    yield Import(module, inner, "") if inner in MODULES else Import(module, child.module, alias.name)
            yield from walk(child)

    return walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))


IMPORTS = [found for module in MODULES for found in _imports_of(module)]


def layers() -> list[list[str]]:
    """Return the rooms of each layer of the import contract, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def room_edges() -> set[tuple[str, str]]:
    """Return pairs of an importing room and an imported room; spotal itself is left out."""
    pairs = {(room_of(one.importer), room_of(one.module)) for one in IMPORTS}
    return {(one, other) for one, other in pairs if one != other and one and other}


def _reduced(edges: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges that do not follow from other edges; the graph has no cycle."""
    after: dict[str, set[str]] = {}
    for one, other in edges:
        after.setdefault(one, set()).add(other)

    def reaches(start: str, goal: str) -> bool:
        return any(step == goal or reaches(step, goal) for step in after.get(start, ()))

    return sorted(
        (one, other) for one, other in edges if not any(reaches(step, other) for step in after[one] - {other})
    )


def draw() -> str:
    """Draw the picture as SVG, the same text for the same imports."""
    rows: list[list[str]] = [list(layer) for layer in layers()]
    level = {room: k for k, row in enumerate(rows) for room in row}
    base = {room for row in rows[-2:] for room in row}
    ways = []
    for one, other in _reduced(
        {edge for edge in room_edges() if edge[1] not in base}
    ):  # an arrow over several layers has a slot of its own in each
        between = [f"{one}>{other}@{k}" for k in range(level[one] + 1, level[other])]
        for k, slot in enumerate(between, level[one] + 1):
            rows[k].append(slot)
        ways.append([one, *between, other])
    near: dict[str, list[str]] = {}
    for way in ways:
        for here, there in pairwise(way):
            near.setdefault(here, []).append(there)
            near.setdefault(there, []).append(here)
    x = {}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            if sweep:
                row.sort(
                    key=lambda slot: sum(x[other] for other in near.get(slot, [slot])) / len(near.get(slot, [slot]))
                )
            x |= _places(row)
    y = {slot: GAP + k * ROW for k, row in enumerate(rows) for slot in row}
    height = GAP * 2 + (len(rows) - 1) * ROW + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="13" text-anchor="middle">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5b6b7b"/></marker></defs>',
    ]
    for way in ways:
        middle = HEIGHT / 2
        path, here = f"M{x[way[0]]:.0f} {y[way[0]] + HEIGHT}", way[0]
        for there in way[1:]:
            from_y = y[here] + (HEIGHT if here == way[0] else middle)
            to_y = y[there] + (0 if there == way[-1] else middle)
            bend = (to_y - from_y) / 2
            path += f"C{x[here]:.0f} {from_y + bend:.0f} {x[there]:.0f} {to_y - bend:.0f} {x[there]:.0f} {to_y:.0f}"
            here = there
        lines.append(f'<path d="{path}" fill="none" stroke="#5b6b7b" stroke-width="1.2" marker-end="url(#end)"/>')
    for room in level:
        corner = x[room] - BOX / 2
        lines.append(
            f'<rect x="{corner:.0f}" y="{y[room]}" width="{BOX}" height="{HEIGHT}" rx="5" fill="#e8eef6" '
            f'stroke="#35506b"/><text x="{x[room]:.0f}" y="{y[room] + 19}" fill="#10202f">{room}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _places(row: list[str]) -> dict[str, float]:
    """Centers of a layer's slots, side by side in the middle of the picture; an arrow needs less space than a box."""
    widths = [GAP + (8 if "@" in slot else BOX) for slot in row]
    spare = (WIDTH - sum(widths)) / (len(row) + 1)
    centers, at = {}, 0.0
    for slot, width in zip(row, widths, strict=True):
        at += spare
        centers[slot] = at + width / 2
        at += width
    return centers


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"wrote {PICTURE}")
