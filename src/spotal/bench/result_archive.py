"""Archive of finished jobs: one small file for each protocol, for a repository, which any run can read.

The files are compressed JSON, with the same bytes for the same results.
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
    """Add the finished jobs of each protocol to ``folder/<protocol>.json.gz``.

    Raises
    ------
    OutputError
        A file cannot be written.
    DataFileError
        An existing file of that name is not such an archive.
    """
    finished, written = store.finished(), []
    for protocol in protocols:
        path = Path(folder) / f"{protocol.name}{SUFFIX}"
        archive = _read(path) if path.is_file() else {"jobs": {}, "origins": {}}
        jobs = archive["jobs"] | {job.id: _job(store, job) for job in plan([protocol]) if job.id in finished}
        if not jobs:
            continue
        used = {done[_ROW.index("origin")] for job in jobs.values() for done in job["rounds"]}
        origins = archive["origins"] | store.origins()
        document = {
            "format": 1,
            "protocol": protocol.table(),
            "columns": _ROW,
            "origins": {name: origins[name] for name in sorted(used) if name in origins},
            "jobs": dict(sorted(jobs.items())),
        }
        with atomic_path(path) as part:
            part.write_bytes(gzip.compress(_lines(document).encode(), 9, mtime=0))
        written.append(path)
    return written


def adopt(
    store: Store, protocols: list[Protocol], folder: str | os.PathLike[str], *, without: Iterable[str] = ()
) -> int:
    """Copy finished jobs of these protocols from the files in a folder to a store that lacks them.

    Jobs are identified by their id, so jobs of an older version of a protocol or strategy are not copied. Strategies
    whose label is in ``without`` are left out. Returns the number of jobs copied. Raises DataFileError for a file that
    ``keep`` did not write.
    """
    left_out = set(without)
    wanted = {job.id: job for job in plan(protocols) if job.strategy.label not in left_out}
    have, taken = store.finished(), 0
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        document = _read(path)
        names = {old: store.origin(content) for old, content in document["origins"].items()}
        for job, archived in document["jobs"].items():
            if job not in wanted or job in have:
                continue
            records = [dict(zip(_ROW, row, strict=True)) for row in archived["rounds"]]
            state = _state(archived, records)
            for number, record in enumerate(records, 1):
                cost = {name: record[name] for name in ("seconds", "memory")}
                cost["origin"] = names.get(record["origin"], "")
                last = number == len(records)
                store.save_round(wanted[job], archived["data"], state, record, cost, finished=last)
            taken += 1
    return taken


def _job(store: Store, job: Job) -> dict[str, Any]:
    state, data = store.kept(job)
    assert state is not None  # the job is finished
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


def _state(archived: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """Rebuild the loop's state from the picks and the answers."""
    asked = [row for record in records for row in record["picks"]]
    pairs = list(zip(asked, archived["answers"], strict=True))
    return {
        "format": 1,
        "random_state": archived["random_state"],
        "n_rows": archived["n_rows"],
        "labeled": [row for row, label in pairs if label != SKIPPED],
        "labels": [label for _, label in pairs if label != SKIPPED],
        "skipped": [row for row, label in pairs if label == SKIPPED],
        "closed": archived["closed"],
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
            f"{path} is no archive of benchmark results ({type(error).__name__}: {error}); remove it or give another "
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
