"""Somebody who works in notebooks: those of docs/notebooks and the Python of the pages, cell by cell.

What the cells show is what is kept in the notebooks, and shows in a real browser."""

from __future__ import annotations

import ast
import json
import re

import pytest
from tests.walks.steps import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PAGES = [ROOT / "README.md", ROOT / "docs" / "start" / "python.md"]
CHANGES = re.compile(r"base64,[^\"]+")
"""Pictures differ with the versions of their libraries."""
HTML, PICTURE = "text/html", "image/png"


def run(code, names):
    """Run a cell; what it shows is its last expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def shown(value):
    """What Jupyter would show of it, by kind."""
    kinds = {HTML: "_repr_html_", PICTURE: "_repr_png_"}
    found = {kind: getattr(value, method, lambda: None)() for kind, method in kinds.items()}
    return {kind: content for kind, content in found.items() if content is not None} or {"text/plain": repr(value)}


def cells(path):
    """The code of a notebook, or of a page that is pasted into one, and the outputs that are kept of each."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        found = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        return [("".join(cell["source"]), cell["outputs"]) for cell in found]
    return [(code, None) for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


@pytest.fixture(scope="module", params=[*NOTEBOOKS, *PAGES], ids=lambda path: path.stem)
def done(request, tmp_path_factory):
    """Path, kept outputs, values and names once the cells have run one after the other in an empty folder."""
    pytest.importorskip("pandas")
    path, names = request.param, {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(path.stem))
        values = [run(code, names) for code, _ in cells(path)]
        yield path, [kept for _, kept in cells(path)], values, names


def test_there_is_one_of_each():
    assert [path.stem for path in NOTEBOOKS] == ["active_learner", "select"]


def test_the_cells_show_what_is_kept(done):
    path, outputs, values, names = done
    if path.suffix == ".md":
        picks = names["more"].indices
        assert len(picks) == len(names["labels"]) == len(set(picks.tolist()))
        assert not set(picks) & set(names.get("first", names.get("picks")).indices)
        return
    assert len(values) > 5
    for value, kept in zip(values, outputs, strict=True):
        (kept,) = [output["data"] for output in kept]
        now = shown(value)
        assert set(now) <= set(kept)
        if PICTURE in now:
            assert now[PICTURE].startswith(b"\x89PNG")
        elif HTML in now and type(value).__module__.startswith("spotal"):
            assert CHANGES.sub("", now[HTML]) == CHANGES.sub("", "".join(kept[HTML]))
        else:
            assert value is not None


def test_the_outputs_show_in_a_browser(done, browser):
    path, _, values, names = done
    outputs = [shown(value) for value in values]
    if path.suffix == ".md":  # a reader looks at what there is then
        outputs += [shown(names[name]) for name in ("picks", "more", "loop") if name in names]
    found = [one[HTML] for one in outputs if HTML in one]
    assert found
    for output in outputs:
        assert output.get(PICTURE, b"\x89PNG").startswith(b"\x89PNG")

    for width in (1000, 480):
        page, errors = browser.new_page(viewport={"width": width, "height": 800}), []
        page.on("pageerror", lambda error, errors=errors: errors.append(error))
        for html in found:
            page.set_content(f"<body><div id='output' style='overflow-x: auto'>{html}</div></body>")
            assert page.inner_text("#output").strip()
            assert page.locator("#output").bounding_box()["height"] > 20
            for picture in page.locator("#output img").all():
                picture.evaluate("image => image.decode()")
        page.close()
        assert errors == []
