"""The house: its rooms, which way imports point, and that no file of a room is private and used in another."""

from __future__ import annotations

import pytest
from benchmarks.architecture import IMPORTS, MODULES, PICTURE, draw, layers, room_of

MOST_ROOMS = 28
ROOMS = {room_of(module) for module in MODULES} - {""}


def test_there_are_few_rooms():
    assert len(ROOMS) <= MOST_ROOMS


def test_every_room_has_its_place_in_the_contract():
    assert sorted(room for layer in layers() for room in layer) == sorted(ROOMS)


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
    """Neither when they are loaded nor later, from within functions."""
    edges: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in IMPORTS:
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


def test_the_picture_is_of_the_imports_as_they_are():
    assert PICTURE.read_text(encoding="utf-8") == draw(), "run python -m benchmarks.architecture"
