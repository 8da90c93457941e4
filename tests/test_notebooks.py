"""The notebooks of docs/notebooks run from an empty folder, and show what they did when they were written."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHANGES = re.compile(r"base64,[^\"]+")
"""Pictures differ with the versions of their libraries."""


def run(code, names):
    """Run a cell; what it shows is its last expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def shown(value):
    """What Jupyter would show of it, by kind."""
    kinds = {"text/html": "_repr_html_", "image/png": "_repr_png_"}
    found = {kind: getattr(value, method, lambda: None)() for kind, method in kinds.items()}
    return {kind: content for kind, content in found.items() if content is not None} or {"text/plain": repr(value)}


def test_there_is_one_of_each():
    assert [path.stem for path in NOTEBOOKS] == ["active_learner", "select"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_shows_what_is_kept(path, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    for cell in cells:
        value = run("".join(cell["source"]), names)
        (kept,) = [output["data"] for output in cell["outputs"]]
        now = shown(value)
        assert set(now) <= set(kept)
        if "image/png" in now:
            assert now["image/png"].startswith(b"\x89PNG")
        elif "text/html" in now and type(value).__module__.startswith("spotal"):
            before = "".join(kept["text/html"])
            assert CHANGES.sub("", now["text/html"]) == CHANGES.sub("", before)
        else:
            assert value is not None
