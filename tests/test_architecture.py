"""The house: its rooms, which way imports point, and that no file of a room is private and used in another."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "spotal"
MOST_ROOMS = 28


class Import(NamedTuple):
    """``name`` is what is imported from the module; ``deferred`` in a function."""

    importer: str
    module: str
    name: str
    deferred: bool


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if "migrations" not in path.parts}


def room_of(module: str) -> str:
    """The first name below spotal; empty for spotal itself."""
    return module.split(".")[1] if "." in module else ""


def imports_of(module: str) -> Iterator[Import]:
    """Imports of spotal by a module; those for types alone are left out."""

    def walk(node: ast.AST, deferred: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    if alias.name.split(".")[0] == "spotal":
                        yield Import(module, alias.name, "", deferred)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module} has a relative import in line {child.lineno}"
                if child.module and child.module.split(".")[0] == "spotal":
                    for alias in child.names:
                        inner = f"{child.module}.{alias.name}"
                        found = (inner, "") if inner in MODULES else (child.module, alias.name)
                        yield Import(module, *found, deferred)
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, deferred or is_function)

    return walk(ast.parse(MODULES[module].read_text(encoding="utf-8")), False)


IMPORTS = [found for module in MODULES for found in imports_of(module)]


def test_there_are_few_rooms():
    rooms = {room_of(module) for module in MODULES} - {""}
    assert len(rooms) <= MOST_ROOMS


def test_every_room_has_its_place_in_the_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    named = [room.strip() for layer in layers for room in layer.split("|")]
    assert sorted(named) == sorted({room_of(module) for module in MODULES} - {""})


def test_what_is_private_stays_in_its_room():
    across = [
        found
        for found in IMPORTS
        if room_of(found.importer) != room_of(found.module)
        for name in (*found.module.split("."), found.name)
        if name.startswith("_") and not name.endswith("__")
    ]
    assert across == []


def test_no_files_import_each_other_in_a_circle():
    """Neither when they are loaded nor later, from within functions. A package's own names are not counted."""
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
        if found.module in MODULES:
            edges[found.importer].add(found.module)
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> None:
        if module in trail:
            pytest.fail("a circle: " + " -> ".join([*trail[trail.index(module) :], module]))
        if module not in done:
            for other in sorted(edges[module]):
                visit(other, [*trail, module])
            done.add(module)

    for module in MODULES:
        visit(module, [])
