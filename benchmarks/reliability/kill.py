"""Kill loop: a project's commands are killed at random moments; after each, all acknowledged answers are counted.

The ledger has acknowledged answers: those on the labeling page whose POST returned, and the rows of a file whose
``spotal import`` ended with exit 0. After each SIGKILL, each answer of the ledger is compared with the database, and
the user's files are hashed. In some steps the answers are first compared with the journal.
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from benchmarks.reliability.client import Client, Refused, address_of
from benchmarks.reliability.common import command, content, scratch
from benchmarks.reliability.inputs import DECOYS, add_decoys
from benchmarks.reliability.process import Forked, finish, prepare, start

__all__ = ["kill_loop"]

ITEMS, DIM, CLASSES = 3_000, 8, ("a", "b", "c")
ANNOTATORS = ("ann", "bo", "cy")
WEIGHTS = {
    "label": 8,
    "next": 3,
    "train": 3,
    "import": 3,
    "export": 2,
    "predict": 2,
    "report": 1,
    "doctor": 1,
    "init": 1,
}
"""Relative frequency of each command."""
LEFT = re.compile(r"\.out[^/]*\.[0-9a-f]{8}\.part")
"""An unfinished file beside an output. A new one of a killed command does no harm, and is counted."""
THOUGHT = 0.02
"""Seconds that a person needs for an answer."""
EVERY = 10
"""Number of steps between two checks of the journal."""
FAILURE = "a step of the kill loop failed"
EXPECTED = re.compile(r"no model|needs labels|two classes|no item is left|budget is spent|nothing to choose")
"""Messages with which a command may refuse its work."""
OWN = ("p/.spotal/", "q/", "out", "p/spotal.toml")
"""Files that commands may write here; all others belong to the user."""


@dataclass
class Ledger:
    """Acknowledged answers: those of the page by their id, and imported rows by item and annotator."""

    page: dict[str, tuple[int, str, str | None]] = field(default_factory=dict)
    rows: dict[tuple[str, str], str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def kill_loop(kills: int, seed: int = 0, *, minutes: float = 600, folder: Path | None = None) -> dict[str, Any]:
    """Run random commands until ``kills`` were killed or time is up; return counts of answers, and faults."""
    prepare()
    rng = random.Random(f"kill:{seed}")
    begun = time.monotonic()
    with scratch(folder) as place:
        work = place / "work"
        work.mkdir()
        finish(_make, work, place / "said-work", FAILURE)
        run = _Loop(work, place, rng)
        while run.killed < kills and time.monotonic() < begun + 60 * minutes:
            run.step()
        run.settle()
        return {
            "kills": run.killed,
            "seed": seed,
            "by_command": dict(run.by_command),
            "completed": dict(run.completed),
            "acknowledged": len(run.ledger.page) + len(run.ledger.rows),
            "of_the_page": len(run.ledger.page),
            "comparisons": run.compared,
            "lost": run.lost,
            "harmed": run.harmed,
            "left": run.unfinished,
            "faults": run.faults,
            "seconds": round(time.monotonic() - begun),
        }


def _make() -> int:
    import numpy as np

    rng = np.random.default_rng(0)
    np.save("pool.npy", (3 * np.eye(3, DIM)[np.arange(ITEMS) % 3] + rng.normal(size=(ITEMS, DIM))).astype(np.float32))
    command(f"init p --pool pool.npy --classes {','.join(CLASSES)} --batch 300 --overlap 2")
    command("next p")
    add_decoys()
    return 0


class _Loop:
    def __init__(self, work: Path, place: Path, rng: random.Random) -> None:
        self.work, self.place, self.rng = work, place, rng
        self.ledger = Ledger()
        self.killed = self.compared = self.number = 0
        self.by_command: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()
        self.lost: list[str] = []
        self.harmed: list[str] = []
        self.unfinished: list[str] = []
        self.faults: list[str] = []
        self.typical = dict.fromkeys(WEIGHTS, 1.5)  # seconds of each command
        self.user = self._user()

    def step(self) -> None:
        """Start a command and kill it at a random moment, unless it ends before."""
        self.number += 1
        name = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        rows = self._write_rows() if name == "import" else {}
        words = {
            "label": "label p --port 0 --no-browser",
            "next": "next p --anyway",
            "import": f"import rows-{self.number}.csv p",
            "export": "export out.csv p --format csv",
            "predict": "predict p --out out-predictions.csv",
            "report": "report p --out out.html",
            "init": "init q --pool pool.npy --classes a,b",
        }.get(name, f"{name} p")
        process = start(words, self.work, self.place / "said")
        moment = self.rng.random() * self.typical[name] * 1.1
        people = self._people(process) if name == "label" and self.rng.random() < 0.9 else []
        process.wait(moment)
        killed = process.kill()
        for thread in people:
            thread.join()
        self.killed += killed
        if killed:
            self.by_command[name] += 1
            if moment > self.typical[name] and name != "label":  # it is slower than expected: reach its last steps too
                self.typical[name] *= 1.5
        else:
            self.completed[name] += 1
            self.typical[name] = 0.7 * self.typical[name] + 0.3 * (time.monotonic() - process.begun)
            self._check_end(name, process)
            if process.code == 0:
                self.ledger.rows |= rows
        if name == "init":
            shutil.rmtree(self.work / "q", ignore_errors=True) if not killed else self._again()
        self._compare(f"{self.number} {words}")
        if self.killed and self.killed % 50 == 0 and killed:
            print(f"{self.killed} kills, {len(self.ledger.page) + len(self.ledger.rows)} answers", file=sys.stderr)

    def settle(self) -> None:
        """Check that every command works after the last kill."""
        for words in ("doctor p --repair", "next p --anyway", "train p", "predict p --out out-predictions.csv",
                      "export out.csv p --format csv", "report p --out out.html", "doctor p", "status p"):  # fmt: skip
            process = start(words, self.work, self.place / "said")
            process.wait()
            if process.code:
                self.faults.append(f"at the end {words}: exit {process.code}: {process.output()[-300:]}")
        self._compare("the end")

    def _again(self) -> None:
        """Check that a killed init was complete, or can be repeated in the same folder."""
        process = start("init q --pool pool.npy --classes a,b", self.work, self.place / "said")
        process.wait()
        if process.code and "is a spotal project already" not in process.output().replace("\n", " "):
            other = start("status q", self.work, self.place / "said-status")
            other.wait()
            if other.code:
                self.faults.append(f"{self.number} init after a killed init: {process.output()[-300:]}")
        shutil.rmtree(self.work / "q", ignore_errors=True)

    def _check_end(self, name: str, process: Forked) -> None:
        """Check that a command that was not killed has done its work."""
        said = process.output()
        fine = {0, 1} if name == "doctor" else {0}  # doctor exits 1 if a kill left something to repair
        if name == "label" or "Traceback" in said or (process.code not in fine and not EXPECTED.search(said)):
            self.faults.append(f"{self.number} {name}: exit {process.code} {process.signal}: {said[-400:]}")

    def _people(self, server: Forked) -> list[threading.Thread]:
        """Start three people who answer until the server ends."""
        address = address_of(server)
        if not address:
            return []
        threads = [
            threading.Thread(target=self._annotate, args=(address, name, self.rng.random())) for name in ANNOTATORS
        ]
        for thread in threads:
            thread.start()
        return threads

    def _annotate(self, address: str, annotator: str, seed: float) -> None:
        rng = random.Random(seed)
        try:
            client = Client(address, annotator, timeout=20)
            while True:
                client.state()
                most = rng.choice((1, 5, 30))
                for number in client.open[:most] or rng.sample(range(ITEMS), most):  # or change earlier answers
                    time.sleep(rng.expovariate(1 / THOUGHT))
                    kind = rng.choices(("label", "skip", "none_of_these"), (8, 1, 1))[0]
                    said = client.make(number, rng.choice(CLASSES) if kind == "label" else None, kind)
                    client.send([said])
                    self.ledger.page[said["id"]] = (said["item"], annotator, said.get("label"))
        except Refused as error:
            self.ledger.refused.append(str(error))
        except (OSError, HTTPException, ValueError):
            return  # the server has ended: the ledger has acknowledged answers only

    def _write_rows(self) -> dict[tuple[str, str], str]:
        """Write a file of labels by an annotator who does not use the page."""
        annotator = f"file-{self.number}"
        rows = {(str(k), annotator): self.rng.choice(CLASSES) for k in self.rng.sample(range(ITEMS), 40)}
        with (self.work / f"rows-{self.number}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("id", "annotator", "label"), *((*key, label) for key, label in rows.items())])
        self.user = self._user()
        return rows

    def _user(self) -> dict[str, str]:
        return content(self.work, lambda name: name in DECOYS or not name.startswith(OWN))

    def _compare(self, when: str) -> None:
        """Look up every answer of the ledger, and hash the user's files."""
        now = self._user()
        for name in self.user.keys() | now.keys():
            if name not in self.user and LEFT.fullmatch(name):
                self.unfinished.append(f"{when}: {name}")
            elif self.user.get(name) != now.get(name):
                self.harmed.append(f"{when}: {name}")
        self.user = now
        path = self.place / "history.json"
        with_journal = when == "the end" or self.number % EVERY == 0
        finish(lambda: _history(path, with_journal), self.work, self.place / "said-work", FAILURE)
        page, rows, lines = json.loads(path.read_text())
        if with_journal:
            gone = self.ledger.page.keys() - set(lines)
            self.lost += [f"{when}: answer {key} is not in the journal" for key in sorted(gone)]
        for key, said in self.ledger.page.items():
            if page.get(key) != list(said):
                self.lost.append(f"{when}: answer {key} {said}, found {page.get(key)}")
        imported = {(item, annotator): label for item, annotator, label in rows}
        for one, label in self.ledger.rows.items():
            if imported.get(one) != label:
                self.lost.append(f"{when}: imported {one} {label}, found {imported.get(one)}")
        self.compared += len(self.ledger.page) + len(self.ledger.rows)
        broken = [path.name for path in self.work.glob("out*.csv") if not _is_whole(path)]
        if broken:
            self.faults.append(f"{when}: half a file at {broken}")


def _history(path: Path, with_journal: bool) -> int:
    """Write the answers of the page by their id and the imported rows of the database, and the ids in the journal."""
    from spotal.project import Project
    from spotal.project.journal import read
    from spotal.project.places import DATABASE, JOURNAL

    # before the project is opened, which adds missing answers to the journal
    lines = [line.get("external_id") for line in read(Path("p", JOURNAL)).values()] if with_journal else []
    with Project.open("p"), closing(sqlite3.connect(Path("p", DATABASE))) as database:
        query = "SELECT item, annotator, label, external_id, id FROM events JOIN items i ON i.number = item "
        query += "WHERE source = ?"
        page = {key: (item, who, label) for item, who, label, key, _ in database.execute(query, ["page"])}
        rows = [(name, who, label) for _, who, label, _, name in database.execute(query, ["import"])]
    path.write_text(json.dumps([page, rows, lines]))
    return 0


def _is_whole(path: Path) -> bool:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    return path.read_bytes().endswith(b"\n") and len({len(row) for row in rows}) == 1
