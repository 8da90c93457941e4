"""Parts of the reliability measurements: people who answer as the page does, and the page that tells the figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from benchmarks.reliability.client import HELD, Client
from benchmarks.reliability.common import added
from benchmarks.reliability.write import PARTS, write

from spotal.project import Audit, Data, Pick, Project, Settings

ITEMS = HELD + 30
CLASSES = ("red", "green")


@pytest.fixture
def address(tmp_path):
    """Of a page with a batch that is larger than what it holds at once."""
    lines = [json.dumps({"id": f"t{k}", "text": f"text {k}"}) for k in range(ITEMS)]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    settings = Settings(Data("../texts.jsonl", "text"), CLASSES, audit=Audit(0.0), overlap=2)
    with Project.create(tmp_path / "p", settings) as project:
        project.rounds.add([Pick(f"t{k}") for k in range(ITEMS)], strategy="random", n_labeled=0)
    command = [sys.executable, "-c", "from spotal.cli.main import main; main()", "label", "p", "--port", "0"]
    told = {**os.environ, "COLUMNS": "200"}
    process = subprocess.Popen(
        [*command, "--no-browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=told,
    )
    try:
        assert process.stdout is not None
        yield next(found[1] for line in process.stdout if (found := re.search(r"Label at (http://\S+)", line)))
    finally:
        process.kill()
        process.communicate()


def test_people_go_on_until_nothing_waits_for_them(address):
    ann, bob = (Client(address, name) for name in ("ann", "bob"))
    for person in (ann, bob):
        person.state()
        assert len(person.open) == HELD
    for person in (ann, bob):
        answered = []
        while person.open:
            some = person.open[:40]
            person.send([person.make(number, "red") for number in some])
            answered += some
            person.state()
        assert answered == list(range(ITEMS))
    ann.state()
    assert not ann.open
    ann.close()
    bob.close()


def result(**more):
    return {"commit": "abc", "date": "2026-01-01", "machine": "one", "seconds": 5, "faults": []} | more


def test_the_page_says_what_was_missed_and_what_was_not_run(tmp_path):
    failure = {
        "case": "pool.npy:3",
        "command": "select pool.npy",
        "kind": "traceback",
        "what": "exit 1",
        "mutation": "",
    }
    fuzz = result(cases=4_000, inputs=5, first_seed=0, commands=9_000, ends={"0": 9_000}, failures=[failure])
    fuzz |= {"by_kind": {"traceback": 1}, "again": {"commit": "def", "cases": 1, "failures": []}}
    kill = result(
        kills=1_000, lost=[], harmed=[], left=[], acknowledged=7, of_the_page=5, comparisons=9, by_command={"next": 1}
    )
    for name, found in (("fuzz", fuzz), ("kill", kill)):
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    write(tmp_path, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    met, missed = (next(line for line in page.splitlines() if word in line) for word in ("1,000 kills", "10,000 mutat"))
    assert met.endswith("| yes |")
    assert "4,000 mutations in the available time: traceback 1; 0 when these cases were run again" in missed
    assert missed.endswith("| **no** |")
    assert "once: `pool.npy:3`, select pool.npy: traceback, exit 1" in page
    assert "The 1 failed cases were run again at commit def: 0 fail." in page
    assert page.count("## Mutated files") == 1
    assert f"Not run: {', '.join(name for name in PARTS if name not in ('fuzz', 'kill'))}." in page


def test_results_of_two_runs_are_added():
    first = result(part="kill", kills=3, seed=0, by_command={"next": 1}, lost=["a"])
    second = result(part="kill", kills=4, seed=1, by_command={"next": 2, "init": 5}, lost=["b"]) | {"commit": "def"}
    both = added(first, second)
    assert (both["kills"], both["seconds"], both["lost"]) == (7, 10, ["a", "b"])
    assert both["by_command"] == {"next": 3, "init": 5}
    assert (both["commit"], both["seed"], both["part"]) == ("abc and def", "0 and 1", "kill")
