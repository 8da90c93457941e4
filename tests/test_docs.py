"""The pages: every link within the repository leads to a file and a heading that are there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spotal.project import Data, Project, Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def headings(page):
    """Their anchors."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}


def links(page):
    """Links within the repository; the site's own build checks those to pages that it makes from the source."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", text)
        if not re.match(r"[a-z]+:|.*\b(python/|commands.md)", link)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_every_picture_is_shown():
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert set(DOCS.rglob("images/*")) <= shown


def test_the_table_of_the_evidence_is_that_of_the_benchmarks():
    sections = (DOCS / "evidence" / "encoders.md").read_text(encoding="utf-8").split("\n## ")[1:]
    found = [re.findall(r"^\| ([\w-]+) \| ([\d.]+) \[", section, re.MULTILINE) for section in sections]
    cells = [{name: float(mean) for name, mean in rows} for rows in found if rows]
    table = (DOCS / "evidence" / "index.md").read_text(encoding="utf-8").split("| best peer |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\w.*?) \| (.*) \|$", table, re.MULTILINE)
    assert len(rows) == 4
    ahead = np.mean([cell["spot"] - cell["random"] for cell in cells])
    ahead_of_best = [np.mean([cell["spot"] - cell[name] for cell in cells]) for name in cells[0] if name != "spot"]
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    front = " ".join(front.split())
    best = f"{min(ahead_of_best):.1f}".lstrip("0")
    assert f"is {best} points of balanced accuracy ahead of the best of {len(ahead_of_best)} other strategies" in front
    assert f"and {ahead:.1f} ahead of random" in front
    suite = (DOCS / "evidence" / "suite.md").read_text(encoding="utf-8")
    ranks = re.findall(r"^\| ([\w-]+) \| [\d.]+ \|$", suite, re.MULTILINE)
    assert ranks[:2] == ["uherding", "spot"]
    means = re.findall(r"^\| (uherding|spot) \| ([\d.]+) \[", suite, re.MULTILINE)
    own, peer = (np.mean([float(mean) for name, mean in means if name == one]) for one in ("spot", "uherding"))
    lead = f"{own - peer:.1f}".lstrip("0")
    tasks = len(re.findall("^`suite-", suite, re.MULTILINE))
    assert f"On {tasks} more tasks it is {lead} ahead of the best of {len(ranks) - 1} others" in front
    for (pool, figures), cell in zip(rows, cells, strict=True):
        own, best, herding, chance = figures.replace("*", "").split(" | ")
        mean, _, who = best.partition(" ")
        peers = {name: value for name, value in cell.items() if name not in ("spot", "spot-paper", "random")}
        assert [float(own), float(herding), float(chance)] == [cell[name] for name in ("spot", "uherding", "random")]
        name = {"Uncertainty Herding": "uherding"}.get(who, who.lower().replace(" ", "-"))
        assert float(mean) == max(peers.values()) == peers[name], pool
        assert figures.startswith("**") == (float(own) > float(mean)), pool


def test_the_python_of_the_page_on_projects_runs_as_written(tmp_path, monkeypatch, capsys):
    """In a folder with the project that the page begins with, its images sorted by class."""
    text = (DOCS / "guides" / "project.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    classes = ("gull", "tern", "other")
    for k in range(60):
        path = Path("photos", classes[k % 3], f"{k}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 40 + 80 * (k % 3) + k % 7, np.uint8)).save(path)
    Project.create("birds", Settings(Data("../photos"), classes)).close()
    exec(compile(code, "docs/guides/project.md", "exec"), {})
    assert re.fullmatch(r"\('gull', 0\.\d+\)\n", capsys.readouterr().out)


def test_the_python_of_the_first_page_runs_as_written(tmp_path, monkeypatch):
    """One block after the other, as a reader would paste them, in an empty folder; walks/test_notebook.py has more."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    picks = names["more"].indices
    assert len(picks) == len(names["labels"]) == len(set(picks.tolist()))
    assert not set(picks) & set(names.get("first", names.get("picks")).indices)
