"""The examples in docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if " >>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_examples_of(path):
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    found = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


WITHOUT = {"choose_model": "asks a hub", "train_embedder": "takes minutes"}
"""Public functions without an example, and the reason."""
INNER = {"images", "numeric", "storage", "tables", "web"}
"""Rooms that serve the program itself."""


@pytest.mark.parametrize("room", sorted({path.parent.name for path in SOURCE.glob("spotal/*/__init__.py")} - INNER))
def test_each_public_function_has_an_example(room):
    module = import_module(f"spotal.{room}")
    functions = [name for name in getattr(module, "__all__", ()) if inspect.isfunction(getattr(module, name))]
    missing = [name for name in functions if ">>>" not in (inspect.getdoc(getattr(module, name)) or "")]
    assert set(missing) <= set(WITHOUT)
