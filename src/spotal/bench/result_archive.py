"""Finished jobs as small files that can be kept in a repository: one for each protocol, read back into any run.

Compressed JSON, the same bytes for the same results.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spotal.bench.jobs import Job, plan
from spotal.bench.protocol import Protocol
from spotal.bench.store import Store
from spotal.errors import DataFileError
from spotal.loop.oracle import SKIPPED
from spotal.storage.files import atomic_path
from spotal.tables.json_lines import parse_json

__all__ = ["adopt", "keep"]

SUFFIX = ".json.gz"
_ROW = ("round", "asked", "labeled", "metrics", "picks", "figures", "seconds", "memory", "origin")


def keep(store: Store, protocols: list[Protocol], folder: str | os.PathLike[str]) -> list[Path]:
    """Write the finished jobs of each protocol to ``folder/<protocol>.json.gz``; jobs that the file has stay in it.

    Raises
    ------
    OutputError
        A file cannot be written.
    DataFileError
        A file that is there is no such file.
    """
    finished, written = store.finished(), []
    for protocol in protocols:
        path = Path(folder) / f"{protocol.name}{SUFFIX}"
        known = _read(path)["jobs"] if path.is_file() else {}
        for job in plan([protocol]):
            if job.id in finished:
                known[job.id] = _job(store, job)
        if not known:
            continue
        used = {done[_ROW.index("origin")] for job in known.values() for done in job["rounds"]}
        origins = {**(_read(path)["origins"] if path.is_file() else {}), **store.origins()}
        document = {
            "format": 1,
            "protocol": protocol.table(),
            "columns": _ROW,
            "origins": {name: origins[name] for name in sorted(used) if name in origins},
            "jobs": dict(sorted(known.items())),
        }
        with atomic_path(path) as part:
            part.write_bytes(gzip.compress(_lines(document).encode(), 9, mtime=0))
        written.append(path)
    return written


def adopt(
    store: Store, protocols: list[Protocol], folder: str | os.PathLike[str], *, without: Iterable[str] = ()
) -> int:
    """Take finished jobs of these protocols that a store lacks from the files in a folder; how many there were.

    A job is known by the hash of all that its numbers depend on: one whose protocol or strategy's parameters were
    changed since is not taken, nor one of a strategy whose label is in ``without``. Raises
    DataFileError for a file that is none that ``keep`` wrote.
    """
    left_out = set(without)
    wanted = {job.id: job for job in plan(protocols) if job.strategy.label not in left_out}
    have, taken = store.finished(), 0
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        document = _read(path)
        names = {old: store.origin(content) for old, content in document["origins"].items()}
        for name, found in document["jobs"].items():
            if name not in wanted or name in have:
                continue
            records = [dict(zip(_ROW, row, strict=True)) for row in found["rounds"]]
            state = _state(found, records)
            for number, record in enumerate(records):
                cost = {
                    "seconds": record["seconds"],
                    "memory": record["memory"],
                    "origin": names.get(record["origin"], ""),
                }
                last = number == len(records) - 1
                store.save_round(wanted[name], found["data"], state, record, cost, finished=last)
            taken += 1
    return taken


def _job(store: Store, job: Job) -> dict[str, Any]:
    state, data = store.kept(job)
    rounds = store.rounds(job)
    for done in rounds:
        done["seconds"] = {name: float(f"{seconds:.4g}") for name, seconds in done["seconds"].items()}
    answers = dict(zip(state["labeled"], state["labels"], strict=True))
    return {
        "strategy": job.strategy.label,
        "seed": job.seed,
        "data": data,
        "random_state": state["random_state"],
        "n_rows": state["n_rows"],
        "closed": state["closed"],
        "answers": [answers.get(row, SKIPPED) for done in rounds for row in done["picks"]],
        "rounds": [[done[name] for name in _ROW] for done in rounds],
    }


def _state(found: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """The loop's state, which the picks and the answers to them make up."""
    asked = [row for record in records for row in record["picks"]]
    pairs = list(zip(asked, found["answers"], strict=True))
    return {
        "format": 1,
        "random_state": found["random_state"],
        "n_rows": found["n_rows"],
        "labeled": [row for row, label in pairs if label != SKIPPED],
        "labels": [label for _, label in pairs if label != SKIPPED],
        "skipped": [row for row, label in pairs if label == SKIPPED],
        "closed": found["closed"],
        "rounds": [
            {
                "number": record["round"],
                "n_labeled": record["labeled"],
                "picks": record["picks"],
                "metrics": record["metrics"],
                "timings": {},
            }
            for record in records
        ],
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = parse_json(gzip.decompress(path.read_bytes()), f"{path} is no JSON")
        if document["format"] != 1 or tuple(document["columns"]) != _ROW:
            raise KeyError("format")
        return {"origins": dict(document["origins"]), "jobs": dict(document["jobs"])}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataFileError(
            f"{path} is no file of kept benchmark results ({type(error).__name__}: {error}); remove it or give another "
            "folder"
        ) from None


def _lines(document: dict[str, Any]) -> str:
    """JSON with one job a line, so that a changed job is a changed line."""
    head = {name: value for name, value in document.items() if name != "jobs"}
    text = json.dumps(head, indent=1, sort_keys=True)[:-2]
    jobs = [
        f"  {json.dumps(k)}: {json.dumps(v, sort_keys=True, separators=(',', ':'))}"
        for k, v in document["jobs"].items()
    ]
    return text + ',\n "jobs": {\n' + ",\n".join(jobs) + "\n }\n}\n"
