"""Somebody who works in notebooks: the pages' Python, cell by cell, and what the cells show, in a real browser."""

from __future__ import annotations

import json
import re

import pytest
from tests.test_notebooks import NOTEBOOKS, run, shown
from tests.walks.steps import ROOT

HTML, PICTURE = "text/html", "image/png"


def cells(path):
    """The code of a notebook, or of a page that is pasted into one."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(
    "path", [*NOTEBOOKS, ROOT / "README.md", ROOT / "docs" / "start" / "python.md"], ids=lambda path: path.stem
)
def test_the_cells_run_one_after_the_other_and_their_outputs_show(path, browser, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    outputs = [shown(run(code, names)) for code in cells(path)]
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
