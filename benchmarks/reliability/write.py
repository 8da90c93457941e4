"""Writer of docs/evidence/reliability.md from the results of the parts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.reliability.common import RESULTS, ROOT

__all__ = ["write"]

PARTS = ("kill", "runs", "load", "fuzz", "disk")
HEAD = """# Reliability

This page shows what spotal does when it is killed, when the disk is full, when files are damaged, and when fifty people
label at the same time. One command measures every figure. It uses only scratch folders and the loopback interface:

    python -m benchmarks.reliability [kill] [runs] [load] [fuzz] [disk] [--quick]

`--quick` takes some minutes and does not write results. Each case of the part `fuzz` has a name, `INPUT:SEED`.
`python -m benchmarks.reliability --replay INPUT:SEED` runs it again. Each part writes its results to
`benchmarks/reliability/results/PART.json`, and this page is made from these files. `--add --first-seed N` adds kills or
mutations with other seeds to earlier results.
"""

PEERS = (
    (
        "SQLite, [How To Corrupt An SQLite Database File](https://www.sqlite.org/howtocorrupt.html)",
        '"If an application crash, or an operating-system crash, or even a power failure occurs in the middle of a '
        "transaction, the partially written transaction should be automatically rolled back the next time the "
        'database file is accessed."',
        "Answers are SQLite transactions. The kill loop measures application crashes; power failures are not "
        "simulated.",
    ),
    (
        "SQLite, [How SQLite Is Tested](https://www.sqlite.org/testing.html)",
        "Tests of out-of-memory, input/output errors, crashes, power loss and malformed databases, fuzzing, and 100 "
        "% branch coverage.",
        "Kills, full disks and mutated files, for the whole program. Failing allocations and power loss are not "
        "simulated. No test coverage is promised.",
    ),
    (
        "Jupyter, [Security in the Jupyter notebook "
        "server](https://github.com/jupyter/notebook/blob/4.4.1/docs/source/security.rst)",
        '"notebook 4.3 introduces token-based authentication that is on by default"',
        "See [The labeling page](../guides/labeling-page.md).",
    ),
    (
        "Datasette, [Settings](https://docs.datasette.io/en/stable/settings.html)",
        '"By default, queries have a time limit of one second."',
        "The aim of the load test is a 99th percentile below 500 ms for saving an answer.",
    ),
    (
        "Label Studio, [Set up the database](https://labelstud.io/guide/storedata.html)",
        '"The SQLite database might work well for projects with tens of thousands of labeling tasks, as long as you '
        'don\'t plan on using complex filters in the data manager and other complex multi-user pipelines."; "if you '
        "import data while labeling is being performed, labeling tasks can take more than 10 seconds to load and "
        "annotations can take more than 10 seconds to perform. If you want to label more than 100,000 tasks with 5 or "
        'more concurrent users, consider using PostgreSQL or another database with Label Studio."',
        "50 people at the same time on one SQLite database, with the figures above. Imports at the same time are not "
        "measured.",
    ),
)
"""Project and page, its statement, and what is measured here."""

BESIDE = """## Statements of other projects

The sentences are from the documentation of each project. The projects make different promises, and none of them
publishes figures like those above for its program. So the table compares aims, not results.
"""


def write(results: Path = RESULTS, page: Path = ROOT / "docs" / "evidence" / "reliability.md") -> None:
    """Write the page; it names the parts that have not been run."""
    parts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))}
    lines = [HEAD, "## Aims", "", "| aim | measured | met |", "| --- | --- | --- |", *_aims(parts), ""]
    left_out = [name for name in PARTS if name not in parts]
    if left_out:
        lines += [f"Not run: {', '.join(left_out)}.", ""]
    for name, section in zip(PARTS, (_kill, _runs, _load, _fuzz, _disk), strict=True):
        if name in parts:
            lines += [*section(parts[name]), "", _where(parts[name]), ""]
    lines += [BESIDE, "| project | statement in its documentation | spotal |", "| --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in PEERS]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {page}")


def _aims(results: dict[str, Any]) -> list[str]:
    rows = []
    if kill := results.get("kill"):
        lost, harmed, faults = (len(kill[key]) for key in ("lost", "harmed", "faults"))
        measured = f"{kill['kills']:,} kills: {lost} answers lost, {harmed} user files changed, {faults} faults"
        rows.append(("1,000 kills: no label lost", measured, kill["kills"] >= 1_000 and not lost + harmed + faults))
    if fuzz := results.get("fuzz"):
        kinds = fuzz["by_kind"]
        few = "" if fuzz["cases"] >= 10_000 else " in the available time"
        said = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "no traceback, crash, hang or harm"
        if "again" in fuzz:
            said += f"; {len(fuzz['again']['failures'])} when these cases were run again after the fixes"
        aim = "10,000 mutations: no traceback, no user file changed"
        rows.append((aim, f"{fuzz['cases']:,} mutations{few}: {said}", fuzz["cases"] >= 10_000 and not kinds))
    if runs := results.get("runs"):
        measured = f"{runs['kills']} kills, {'identical results' if runs['same'] else 'different results'}"
        rows.append(("killed benchmark runs end with the same results", measured, not runs["faults"]))
    if load := results.get("load"):
        for run in (run for run in load["runs"] if not run["think_s"]):
            rate, p99 = run["labels_per_s"], run["post_ms"].get("p99", float("nan"))
            fine = load["people"] >= 50 and rate >= 200 and p99 < 500 and not run["lost"]
            aim = f"{load['people']} people, batch {run['batch']:,}: 200 labels/s, p99 below 500 ms, none lost"
            rows.append((aim, f"{rate:,.0f} labels/s, p99 {p99:,.0f} ms, {run['lost']} lost", fine))
    if disk := results.get("disk"):
        faults = len(disk["faults"])
        rows.append(("a full disk damages nothing", f"{disk['cases']} cases, {faults} faults", not faults))
    return [f"| {aim} | {measured} | {'yes' if fine else '**no**'} |" for aim, measured, fine in rows]


def _kill(part: dict[str, Any]) -> list[str]:
    commands = ", ".join(f"{name} {count}" for name, count in sorted(part["by_command"].items()))
    return [
        "## Kills",
        "",
        f"Random commands on one project are stopped by SIGKILL at random times: {commands}. While the labeling page "
        "is running, three people label. An answer counts as acknowledged when its POST has returned, and an imported "
        "row when the command has ended. After each kill the database is opened, and all acknowledged answers are "
        "compared with it. The user's files are compared by their hashes. Some of them are decoys inside and next to "
        "the project.",
        "",
        f"There were {part['kills']:,} kills. {part['acknowledged']:,} answers were acknowledged, "
        f"{part['of_the_page']:,} of them on the page. In {part['comparisons']:,} comparisons, {len(part['lost'])} "
        f"answers were lost. {len(part['harmed'])} user files were changed. {len(part['faults'])} commands could not "
        f"continue after a kill. {len(part['left'])} times a killed command left an unfinished, hidden file next to "
        "its output, because a killed process cannot remove it.",
        *_faults(part["faults"] + part["lost"] + part["harmed"]),
    ]


def _runs(part: dict[str, Any]) -> list[str]:
    same = "identical to" if part["same"] else "**different from**"
    return [
        "## Killed benchmark runs",
        "",
        f"`spotal bench` was killed {part['kills']} times within {part['rounds']} rounds, and then run until it "
        f"finished. The results are {same} the results of a run without kills.",
        *_faults(part["faults"]),
    ]


def _load(part: dict[str, Any]) -> list[str]:
    lines = [
        "## Load",
        "",
        f"{part['people']} people label on one page with {part['items']:,} images. Each person has a separate "
        "connection and sends the same requests as the page: get the state, send an answer, get the changes. Clients "
        "and server run on the same machine. At the end the server is killed, and every acknowledged answer is "
        "looked up in the database.",
        "",
        "| batch | thinking | labels/s | POST p50 | POST p99 | state p50 | state p99 | answers | lost | other load |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in part["runs"]:
        post, state = run["post_ms"], run["state_ms"]
        lines.append(
            f"| {run['batch']:,} | {run['think_s']:g} s | {run['labels_per_s']:,.1f} | {post.get('p50', 0):,.0f} ms | "
            f"{post.get('p99', 0):,.0f} ms | {state.get('p50', 0):,.0f} ms | {state.get('p99', 0):,.0f} ms | "
            f"{run['answers']:,} | {run['lost']} | {_cores(run.get('cores_of_others'))} |"
        )
    lines += [
        "",
        'p50 and p99 are the median and the 99th percentile of the response times. "Thinking" is the pause of a '
        'person between two answers. "Other load" is the number of cores that other programs used at the same time. '
        "All people open the page at the same time, and each first receives 200 items. In the rows with thinking, "
        "these first requests determine the p99 of the state.",
    ]
    return lines + _faults([error for run in part["runs"] for error in run["errors"]])


def _cores(number: float | None) -> str:
    return "unknown" if number is None else f"{number:.1f}"


def _fuzz(part: dict[str, Any]) -> list[str]:
    ends = ", ".join(f"{end} ({count:,} times)" for end, count in sorted(part["ends"].items()))
    return [
        "## Mutated files",
        "",
        f"There are {part['cases']:,} cases and {part['inputs']} inputs: pools in every format, files of "
        "costs, masses and groups, texts, images, label files of every format, settings, databases, and the files of "
        "projects, protocols and results. Each case changes one file of a valid input: flipped bits, removed parts, "
        "copied parts, unusual tokens, another encoding, or a change that keeps the format valid. Then it runs the "
        "commands that read this file. A command must end with exit code 0, or with one sentence and exit code 2. "
        '`doctor` may also end with exit code 1, which means that it found a problem. "Noise" is a warning of a '
        "library in the output; it counts as a failure.",
        "",
        f"{part['commands']:,} commands were run. Their exit codes: {ends}.",
        *_faults(_by_place(part["failures"])),
        *_again(part),
    ]


def _again(part: dict[str, Any]) -> list[str]:
    """A sentence about the failed cases that were run again."""
    if "again" not in part:
        return []
    again = part["again"]
    failures = again["failures"]
    said = f"The {again['cases']} failed cases were run again at commit {again['commit']}: {len(failures)} fail."
    return ["", said, *_faults(_by_place(failures))]


def _by_place(failures: list[dict[str, Any]]) -> list[str]:
    """Group failures of the same kind and place in the source; show the first of each."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in failures:
        place = re.search(r"\[[^\[\]]*\]$", one["what"])
        groups.setdefault(f"{one['kind']} {place[0] if place else one['what']}", []).append(one)
    times = {1: "once"}
    return [
        f"{times.get(len(ones), f'{len(ones)} times')}: `{ones[0]['case']}`, {ones[0]['command'].strip()}: "
        f"{ones[0]['kind']}, {_short(ones[0]['what'])}"
        for ones in groups.values()
    ]


def _short(what: str) -> str:
    """A message without mutated content and without paths of packages."""
    return re.sub(r"(\w|[^\w\s])\1{20,}", r"\1...", re.sub(r"\S*site-packages/", "", what))


def _disk(part: dict[str, Any]) -> list[str]:
    ends = ", ".join(f"{end.removeprefix('exit ')} ({count:,} times)" for end, count in sorted(part["ends"].items()))
    least, most = part["limits"][0], part["limits"][-1]
    return [
        "## Full disks",
        "",
        f"Every command that writes files is run with a limit on the size of files, from {least:,} to {most:,} bytes. "
        "An older result must stay, or be replaced by a complete new one. Answers and the user's files must stay. "
        "Without the limit, the same command must then succeed.",
        "",
        f"There were {part['cases']} cases and {len(part['faults'])} faults. Exit codes: {ends}.",
        *_faults([f"`{one['command']}`, {one['limit']:,} bytes: {one['what']}" for one in part["faults"]]),
    ]


def _faults(faults: list[str]) -> list[str]:
    """The first twenty, one a line."""
    more = [f"- and {len(faults) - 20} more"] if len(faults) > 20 else []
    return ["", *(f"- {' '.join(fault.split())[:300]}" for fault in faults[:20]), *more] if faults else []


def _where(part: dict[str, Any]) -> str:
    seconds = sum(run["seconds"] for run in part["runs"]) if "runs" in part else part["seconds"]
    seed = part.get("seed", part.get("first_seed"))
    seeds = "" if seed is None else f", first seed {seed}"
    return f"Commit {part['commit']}, {part['date']}{seeds}, {seconds:,.0f} s on {part['machine']}."
