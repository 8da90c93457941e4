"""Fuzz: mutated files for every command that reads one, each case in a separate process.

A valid input is made once. Each case copies it, mutates one file, and runs the commands in a forked process, so that
crashes and hangs are counted. A case passes if each command ends with exit 0, or with one sentence and exit 2 (doctor:
1 if it finds something), and changes no file of the user. A case's name is its input and seed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import random
import re
import resource
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import content, scratch
from benchmarks.reliability.inputs import DECOYS, INPUTS, Input, add_decoys
from benchmarks.reliability.mutations import MUTATIONS
from benchmarks.reliability.process import Forked, finish, freeze, prepare, run_main
from benchmarks.reliability.structures import structured

__all__ = ["again", "fuzz", "replay"]

SECONDS = 120
"""Seconds after which a case counts as hanging."""
MEMORY = 6 << 30
"""Bytes that a case may use besides the process's own memory."""


def fuzz(
    count: int, *, first: int = 0, only: str = "", jobs: int = 1, minutes: float = 600, folder: Path | None = None
) -> dict[str, Any]:
    """Run ``count`` cases, or as many as fit into ``minutes``, over the inputs whose name contains ``only``."""
    prepare()
    names = [name for name in INPUTS if only in name]
    begun = time.monotonic()
    with scratch(folder) as place:
        bases = {name: _base(INPUTS[name], place / "bases" / str(k)) for k, name in enumerate(names)}
        freeze()
        plan = [(names[k % len(names)], first + k // len(names)) for k in range(count)]
        results = _pool(plan, bases, place, jobs, begun + 60 * minutes)
    ends = Counter(end for case in results for end in case["ends"])
    failures = [failure for case in results for failure in case["failures"]]
    return {
        "cases": len(results),
        "inputs": len(names),
        "first_seed": first,
        "commands": sum(ends.values()),
        "ends": dict(ends),
        "failures": failures,
        "by_kind": dict(Counter(failure["kind"] for failure in failures)),
        "seconds": round(time.monotonic() - begun),
    }


def replay(name: str, seed: int, folder: Path | None = None) -> dict[str, Any]:
    """Run one case again and return all its output."""
    prepare()
    with scratch(folder) as place:
        base = _base(INPUTS[name], place / "base")
        run = _Case(name, seed, base, place / "case")
        run.start()
        verdict = run.wait()
        said = [path.read_text(errors="replace") for path in sorted((place / "case").glob("said-*"))]
        return verdict | {"mutation": run.about(), "said": said}


def again(failures: list[dict[str, Any]]) -> dict[str, Any]:
    """Run failed cases again; return their number, and the failures."""
    cases = list(dict.fromkeys(failure["case"] for failure in failures))
    results = [replay(name, int(seed)) for name, _, seed in (case.rpartition(":") for case in cases)]
    return {"cases": len(cases), "failures": [failure for one in results for failure in one["failures"]]}


def _base(one: Input, folder: Path) -> Path:
    """Make the valid input in a separate process. Its commands must succeed; their imports are repeated here."""
    listing = folder.with_name(f"{folder.name}.modules")

    def work() -> int:
        one.build()
        add_decoys()
        trial = shutil.copytree(folder, folder.with_name(f"{folder.name}.trial"), symlinks=True)
        os.chdir(trial)
        codes = {words: run_main(words) for words in one.commands}
        listing.write_text("\n".join(sys.modules))
        return 1 if any(code and not words.startswith("doctor") for words, code in codes.items()) else 0

    folder.mkdir(parents=True)
    said = folder.with_name(f"{folder.name}.said")
    finish(work, folder, said, f"the valid input {one.name!r} cannot be made or used")
    for name in listing.read_text().splitlines():
        if name not in sys.modules and not name.startswith(("__", "tiny")):
            with contextlib.suppress(Exception):  # modules that only their own package can import
                importlib.import_module(name)
    return folder


def _pool(
    plan: list[tuple[str, int]], bases: dict[str, Path], place: Path, jobs: int, end: float
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    running: list[_Case] = []
    waiting = list(reversed(plan))
    while waiting or running:
        if time.monotonic() > end:
            waiting.clear()
        while waiting and len(running) < jobs:
            name, seed = waiting.pop()
            running.append(
                _Case(name, seed, bases[name], place / f"case-{len(results) + len(running)}-{time.time_ns()}")
            )
            running[-1].start()
        time.sleep(0.005)
        for case in [case for case in running if case.done()]:
            running.remove(case)
            results.append(case.wait())
            shutil.rmtree(case.folder, ignore_errors=True)
            for failure in results[-1]["failures"]:
                print(f"{failure['kind']}: {failure['case']}: {failure['command']}: {failure['what']}", file=sys.stderr)
            if len(results) % 50 == 0:
                print(f"{len(results)} of {len(plan)}", file=sys.stderr)
    return results


class _Case:
    """A process that mutates a copy of a valid input and runs its commands."""

    def __init__(self, name: str, seed: int, base: Path, folder: Path) -> None:
        self.name, self.seed, self.base, self.folder = name, seed, base, folder
        self.commands = _commands(name, seed)

    def start(self) -> None:
        shutil.copytree(self.base, self.folder / "user", symlinks=True)
        self.process = Forked(self._run, self.folder / "user", self.folder / "said")

    def done(self) -> bool:
        """Return whether the process has ended; kill it if it hangs."""
        if not self.process.done() and time.monotonic() - self.process.begun > SECONDS:
            (self.folder / "hangs").touch()
            self.process.kill()
        return self.process.done()

    def wait(self) -> dict[str, Any]:
        """Wait for the end, and return the result."""
        while not self.done():
            time.sleep(0.005)
        ends, failures = [], []

        def fail(kind: str, words: str, what: str) -> None:
            case = f"{self.name}:{self.seed}"
            failures.append({"case": case, "kind": kind, "command": words, "mutation": self.about(), "what": what})

        for k, words in enumerate(self.commands):
            said = self.folder / f"said-{k}"
            if not said.exists():
                break
            code = self.folder / f"code-{k}"
            if code.exists():
                end = code.read_text()
                kind, what = _verdict(words, end, said.read_text(errors="replace"))
            elif (self.folder / "hangs").exists():
                end, kind, what = "hangs", "hang", f"longer than {SECONDS} s"
            else:
                end, kind = "crash", "crash"
                what = f"{self.process.signal or self.process.code}: {said.read_text(errors='replace')[-300:]}"
            ends.append(end)
            if kind:
                fail(kind, words, what)
        if not (self.folder / "before.json").exists():
            raise SystemExit(f"the case {self.name}:{self.seed} cannot be made:\n{self.process.output()}")
        before = json.loads((self.folder / "before.json").read_text())
        now = content(self.folder / "user")
        harmed = [name for name, held in before.items() if now.get(name) != held and not _may_change(name)]
        if harmed:
            fail("harm", "", f"files of the user changed: {harmed}")
        return {"ends": ends, "failures": failures}

    def about(self) -> str:
        path = self.folder / "mutation"
        return path.read_text() if path.exists() else ""

    def _run(self) -> int:
        _mutate(self.name, self.seed, self.folder / "mutation")
        (self.folder / "before.json").write_text(json.dumps(content(Path())))
        size = Path("/proc/self/statm")  # only Linux has it and enforces the limit
        if size.exists():
            most = int(size.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        for k, words in enumerate(self.commands):
            with (self.folder / f"said-{k}").open("w") as said:
                for number in (1, 2):
                    os.dup2(said.fileno(), number)
                faulthandler.enable(said)
                code = run_main(words)
                faulthandler.disable()
            (self.folder / f"code-{k}").write_text(str(code))
        return 0


def _commands(name: str, seed: int) -> list[str]:
    """The commands of a case: at most four of the input's, selected by its seed, in their order."""
    words = INPUTS[name].commands
    return [
        words[k] for k in sorted(random.Random(f"commands:{name}:{seed}").sample(range(len(words)), min(4, len(words))))
    ]


def _mutate(name: str, seed: int, note: Path) -> None:
    """Mutate one file below the current folder; the same seed gives the same mutation."""
    rng = random.Random(f"{name}:{seed}")
    decoys = {Path(decoy) for decoy in DECOYS}
    paths = (path for path in Path().glob(INPUTS[name].target) if path.is_file() and path not in decoys)
    files = sorted(paths, key=lambda path: (path.suffix, path.stat().st_size, path))  # some names are random
    path = rng.choice(files)
    data = path.read_bytes()
    change = structured(path.name)
    if change is not None and rng.random() < 0.5:
        ways = ["structure"]
        with contextlib.suppress(ValueError, OSError, IndexError):  # not a valid file of its kind
            data = change(data, rng)
    else:
        ways = rng.choices(list(MUTATIONS), k=rng.choice((1, 1, 1, 2, 3)))
        for way in ways:
            data = MUTATIONS[way](bytearray(data), rng)
    note.write_text(f"{path}: {', '.join(ways)}")
    path.write_bytes(data)


def _verdict(words: str, code: str, said: str) -> tuple[str, str]:
    """The fault in a command's end, empty if there is none."""
    if "Traceback (most recent call last)" in said or code not in ("0", "2", "1" if words.startswith("doctor") else ""):
        places = re.findall(r'File "[^"]*/spotal/([^"]+)", line (\d+), in (\w+)', said)
        where = " < ".join(f"{file}:{line} {name}" for file, line, name in places[:-3:-1])
        last = next(
            (line for line in reversed(said.splitlines()) if re.match(r"[\w.]+(Error|Exception|Exit)?:? ", line)), ""
        )
        return "traceback", f"exit {code}: {last[:200]} [{where}]"
    lines = said.strip().splitlines()
    if code == "2" and not (lines and lines[-1].startswith("Error: ")):
        return "no sentence", f"exit 2: {' / '.join(lines[-3:])[:300]}"
    if "\x1b" in said:
        return "escape", repr(said[max(0, said.index("\x1b") - 50) :][:120])
    noise = next(
        (line for line in lines if re.search(r"(?<!Spotal)Warning: ", line) and not line.startswith("Warn")), ""
    )
    return ("noise", noise[:200]) if noise else ("", "")


def _may_change(name: str) -> bool:
    """Whether commands may write there: their outputs, and a project's own files."""
    own = ("p/.spotal/", "p/spotal.toml", "p/report.html", "q/", "run/", "cache/", "pool/", "out")
    return name not in DECOYS and name.startswith(own)
