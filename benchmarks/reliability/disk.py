"""Full-disk sweep: every command that writes, on a disk that is full after a number of bytes of a file.

The limit is RLIMIT_FSIZE: beyond it, writing fails with an error, as on a full disk. Each command runs in a copy of a
project under each of several limits. It must end with exit 0, or with one sentence and exit 2. Older results must be
unchanged, or complete and new; answers and the user's files must be unchanged. Without the limit, the same command must
then succeed in the same folder.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import content, scratch
from benchmarks.reliability.inputs import DECOYS, INPUTS, add_decoys
from benchmarks.reliability.process import finish, prepare, start

__all__ = ["disk_full"]

LIMITS = (0, 100, 300, 1_000, 4_096, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 500_000)
"""Limits of a file's size, in bytes."""
PROJECT = (
    "init q --pool pool.npy --classes a,b",
    "next p --anyway",
    "train p",
    "predict p --out out.csv",
    "predict p --out out.parquet",
    "report p --out out.html",
    "import more.csv p --add-classes",
    "export out.csv p",
    "export out.jsonl p",
    "export out p --format hugging-face",
    "doctor p --repair",
    "status p",
    "select pool.npy --budget 5 --out out.csv",
)
OTHERS = {
    "image table.parquet": ("embed table.parquet --model tiny:make --workers 0 --out out",),
    "files of a project of images": ("export out.json p --format coco", "export out.json p --format label-studio",
                                     "export out p --format hugging-face", "report p --out out.html"),
    "protocol": ("bench tiny.toml --cache cache --workers 1 --out out", "report run --out out.html",
                 "report run --out out.html --markdown out.md"),
}  # fmt: skip


def disk_full(*, quick: bool = False, folder: Path | None = None) -> dict[str, Any]:
    """Run the sweep; return the numbers of refusals, and the faults."""
    prepare()
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    faults: list[dict[str, Any]] = []
    with scratch(folder) as place:
        bases = {_base(place / "p", _project): PROJECT}
        if not quick:
            bases |= {
                _base(place / str(k), INPUTS[name].build): words for k, (name, words) in enumerate(OTHERS.items())
            }
        for base, commands in bases.items():
            for words in commands:
                for limit in LIMITS[:: 3 if quick else 1]:
                    end, wrong = _try(base, words, limit, place / "case")
                    counts[end] += 1
                    faults += [{"command": words, "limit": limit, "what": what} for what in wrong]
                    for what in wrong:
                        print(f"{words}, {limit} bytes: {what}", file=sys.stderr)
    return {
        "cases": sum(counts.values()),
        "ends": dict(counts),
        "limits": LIMITS,
        "faults": faults,
        "seconds": round(time.monotonic() - begun),
    }


def _project() -> None:
    INPUTS["files of a project of embeddings"].build()
    Path("more.csv").write_text("id,label,annotator\n" + "".join(f"{k},{'abd'[k % 3]},bo\n" for k in range(40)))
    for name in ("out.csv", "out.jsonl", "out.parquet", "out.html"):
        Path(name).write_text("older\n")


def _base(folder: Path, build: Any) -> Path:
    def work() -> int:
        build()
        add_decoys()
        return 0

    folder.mkdir()
    said = folder.with_name(f"{folder.name}.said")
    finish(work, folder, said, "the project for the full-disk sweep cannot be made")
    return folder


def _try(base: Path, words: str, limit: int, place: Path) -> tuple[str, list[str]]:
    """Run one command under one limit; return its end and its faults."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(base, place / "work", symlinks=True)
    work, wrong = place / "work", []
    before, answers = content(work), _answers(place)
    process = start(words, work, None, file_size=limit)  # to a pipe, which has no limit
    if not process.wait(120):
        process.kill()
        return "hang", [f"longer than 120 s: {process.output()[-300:]}"]
    said = process.output()
    lines = said.strip().splitlines()
    code = process.signal or process.code
    if "Traceback" in said or (code not in (0, 2) and not (words.startswith("doctor") and code == 1)):
        wrong.append(f"exit {code}: {said[-300:]}")
    elif code == 2 and not (lines and lines[-1].startswith("Error: ")):
        wrong.append(f"no sentence: {said[-300:]}")
    now = content(work)
    for name, held in before.items():
        if now.get(name) != held and (
            name in DECOYS or not name.startswith(("p/.spotal/", "p/spotal.toml", "q/", "out", "run/", "cache/"))
        ):
            wrong.append(f"a file of the user changed: {name}")
        if code == 2 and name.startswith("out") and now.get(name) != held:
            wrong.append(f"an older result changed although the command failed: {name}")
    unfinished = [name for name in now if name.endswith(".part") and name not in before]
    if unfinished:
        wrong.append(f"left behind: {unfinished}")
    if not set(answers) <= set(_answers(place)):
        wrong.append("answers are lost")
    if code:
        again = start(words, work, place / "said-again")
        again.wait()
        if (again.signal or again.code) not in (0, 1 if words.startswith("doctor") else 0):
            wrong.append(f"with room again: exit {again.signal or again.code}: {again.output()[-300:]}")
    return f"exit {code}", wrong


def _answers(place: Path) -> list[str]:
    """Every answer in the project's database, as text; empty without a project."""
    path = place / "answers.json"

    def work() -> int:
        from spotal.project import Project

        with Project.open("p") as project:
            path.write_text(json.dumps([str(event) for event in project.labels.history()]))
        return 0

    if not (place / "work" / "p").is_dir():
        return []
    finish(work, place / "work", place / "said-answers", "the project cannot be opened after a full disk")
    return list(json.loads(path.read_text()))
