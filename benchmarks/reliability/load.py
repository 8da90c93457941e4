"""Load test: many people on one labeling page, by its HTTP protocol; every acknowledged answer is counted.

Each person keeps a connection open, asks for the state, answers the first open item, and asks for changes, as the page
does. The clients run in separate processes on the server's cores.
"""

from __future__ import annotations

import json
import random
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.reliability.client import Client, address_of
from benchmarks.reliability.common import Others, command, scratch
from benchmarks.reliability.process import Forked, finish, prepare, start

__all__ = ["load_test"]

CLASSES = ("a", "b", "c", "d")
PER_PROCESS = 25
"""Number of people in one process."""


def load_test(
    *, people: int = 50, batches: tuple[int, ...] = (200, 2_700), seconds: float = 30, items: int = 3_000,
    folder: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run each batch size without and with think time; return rates, times and lost answers."""
    prepare()
    runs = []
    with scratch(folder) as place:
        for batch in batches:
            for think in (0.0, 2.0):
                work = place / f"{batch}-{think:g}"
                work.mkdir()
                make = partial(_make, items, batch, people)
                finish(make, work, place / "said-made", "the project of the load test cannot be made")
                runs.append(_run(work, place, people, batch, think, seconds))
    return {"people": people, "items": items, "runs": runs, "lost": sum(run["lost"] for run in runs)}


def _make(items: int, batch: int, people: int) -> int:
    """Make small images, and a batch of them that everybody may answer."""
    from PIL import Image

    rng = np.random.default_rng(0)
    Path("photos").mkdir()
    for k, pixels in enumerate(rng.integers(0, 256, (items, 8, 8, 3), dtype=np.uint8)):
        Image.fromarray(pixels).save(f"photos/{k:05}.png")
    names = ",".join(CLASSES)
    command(f"init p --images photos --classes {names} --batch {batch} --overlap {people} --strategy random")
    command("next p")
    return 0


def _run(work: Path, place: Path, people: int, batch: int, think: float, seconds: float) -> dict[str, Any]:
    server = start("label p --port 0 --no-browser", work, place / "said-server")
    address = address_of(server)
    if not address:
        raise SystemExit(f"the page cannot be served:\n{server.output()}")
    others = Others()
    files = [place / f"told-{k}.json" for k in range(-(-people // PER_PROCESS))]
    clients = []
    for k, path in enumerate(files):
        names = [f"person-{n:02}" for n in range(k * PER_PROCESS, min(people, (k + 1) * PER_PROCESS))]
        work_of = lambda names=names, path=path: _people(address, names, think, seconds, path)  # noqa: E731
        clients.append(Forked(work_of, work, path.with_suffix(".said")))
    for client in clients:
        client.wait()
    server.kill()  # the last answers may still be in the file system's cache: none may be lost
    busy = others.cores()
    results = [json.loads(path.read_text()) for path in files if path.exists()]
    if len(results) < len(files) or any(client.status for client in clients):
        raise SystemExit("a client failed:\n" + "\n".join(client.output() for client in clients))
    posts, states = (np.array([t for one in results for t in one[name]]) * 1000 for name in ("posts", "states"))
    acknowledged = {key: value for one in results for key, value in one["answers"].items()}
    stored = _stored(work, place)
    return {
        "batch": batch,
        "think_s": think,
        "seconds": seconds,
        "cores_of_others": busy,
        "answers": len(acknowledged),
        "labels_per_s": round(len(acknowledged) / seconds, 1),
        "post_ms": _figures(posts),
        "state_ms": _figures(states),
        "errors": [error for one in results for error in one["errors"]][:10],
        "lost": sum(stored.get(key) != value for key, value in acknowledged.items()),
    }


def _figures(times: Any) -> dict[str, float]:
    return {f"p{share:g}": round(float(np.percentile(times, share)), 1) for share in (50, 99)} if len(times) else {}


def _people(address: str, names: list[str], think: float, seconds: float, path: Path) -> int:
    """Run people in this process, a thread each."""
    results: dict[str, Any] = {"posts": [], "states": [], "answers": {}, "errors": []}
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=_person, args=(address, name, think, end, results)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path.write_text(json.dumps(results))
    return 0


def _person(address: str, name: str, think: float, end: float, results: dict[str, Any]) -> None:
    rng = random.Random(name)
    try:
        client = Client(address, name)
        while time.monotonic() < end:
            begun = time.monotonic()
            client.state()
            results["states"].append(time.monotonic() - begun)
            if not client.open:
                return
            if think:
                time.sleep(rng.expovariate(1 / think))
            said = client.make(client.open[0], rng.choice(CLASSES))
            begun = time.monotonic()
            client.send([said])
            results["posts"].append(time.monotonic() - begun)
            results["answers"][said["id"]] = [said["item"], name, said["label"]]
    except Exception as error:
        results["errors"].append(f"{name}: {error!r}")


def _stored(work: Path, place: Path) -> dict[str, Any]:
    """The answers in the database by their ids."""
    path = place / "stored.json"

    def read() -> int:
        from spotal.project import Project

        with Project.open("p") as project:
            numbers = {item.id: item.number for item in project.items}
            answers = {e.external_id: [numbers[e.item], e.annotator, e.label] for e in project.labels.history()}
        path.write_text(json.dumps(answers))
        return 0

    finish(read, work, place / "said-stored", "the project of the load test cannot be read")
    return dict(json.loads(path.read_text()))
