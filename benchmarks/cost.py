"""Cost of SPOT, Uncertainty Herding and k-center in one run; writes docs/evidence/cost.md.

    python -m benchmarks.cost

Fashion-MNIST's 60,000 images by the features in benchmarks/features, a batch of 1,000: without labels, and with 1,000
labels and a linear probe's probabilities. Strategies take turns, so that other load affects all of them. Each is
repeated 5 times, or until its calls have taken half a minute.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.evidence.common import ROOT, origin
from sklearn.linear_model import LogisticRegression

from spotal.bench import data, protocol_library
from spotal.bench.cache import Cache
from spotal.bench.features import dataset_features
from spotal.strategies import get

BATCH = 1_000
STRATEGIES = {"spot": "SPOT()", "uherding": "Uncertainty Herding", "coreset": "k-center"}
REPEATS, PATIENCE = 5, 30.0
AIM = 20


def main() -> None:
    """Measure, and write the page."""
    points, context = pool()
    for name in STRATEGIES:  # compile loops before the measurement
        get(name).query(points[:2_000], 20, random_state=0)
    runs_of = {("cold", name): [] for name in STRATEGIES} | {("known", name): [] for name in STRATEGIES}
    for _ in range(REPEATS):
        for (state, name), runs in runs_of.items():
            if sum(run["seconds"] for run in runs) < PATIENCE:
                runs.append(timed(name, points, context if state == "known" else {}))
                print(state, name, *(f"{key} {runs[-1][key]:.3g}" for key in ("seconds", "processor")), flush=True)
    page = ROOT / "docs" / "evidence" / "cost.md"
    page.write_text(text(points, runs_of), encoding="utf-8")
    print(f"wrote {page}")


def pool() -> tuple[np.ndarray, dict[str, Any]]:
    """Return features float32 (60,000, d), and labeled rows, labels and probabilities after 1,000 random labels."""
    protocol = protocol_library.load("fashion-balanced-probe")
    images = data.load(protocol.dataset)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder), [ROOT / "benchmarks" / "features"])
        points = dataset_features(images, protocol.embedding, cache)[0].astype(np.float32)
    labeled = np.sort(np.random.default_rng(0).permutation(len(points))[:BATCH])
    scaled = points / points.std()
    probe = LogisticRegression(max_iter=500).fit(scaled[labeled], images.y[labeled])
    odds = probe.predict_proba(scaled).astype(np.float32)
    return points, {"labeled": labeled, "labels": images.y[labeled], "probabilities": odds}


def timed(name: str, points: np.ndarray, context: dict[str, Any]) -> dict[str, Any]:
    """Measure one query: wall-clock seconds, processor seconds over all threads, and seconds of its parts."""
    start, used = time.perf_counter(), time.process_time()
    chosen = get(name).query(points, BATCH, random_state=0, **context)
    return {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - used,
        "parts": {key: value for key, value in chosen.timings.items() if key != "total"},
    }


def text(points: np.ndarray, runs_of: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    """Return the page."""
    made = origin([0])
    machine = made["machine"]
    middle = {
        key: {what: statistics.median(run[what] for run in runs) for what in ("seconds", "processor")}
        for key, runs in runs_of.items()
    }
    load = os.getloadavg()[0]
    lines = [
        "# Cost compared with other strategies",
        "",
        f"Written by `python -m benchmarks.cost` at commit {made['commit'][:12]} on {made['date']}: {machine['cpu']}, "
        f"{machine['cores']} cores, {torch.get_num_threads()} threads, load {load:.0f} at the end.",
        "",
        f"Each strategy selects a batch of {BATCH:,} from {len(points):,} rows of {points.shape[1]} numbers "
        "(Fashion-MNIST, embedded). All strategies run in one process and take turns. *Cold*: there are no labels. "
        "*With labels*: 1,000 random rows are labeled, and the probabilities of a linear probe are given. **s** is "
        "wall-clock time in seconds. **CPU s** is processor time in seconds, summed over all threads. Both are "
        f"medians. The last column divides both by SPOT's. The aim is a ratio of {AIM}.",
        "",
        "|  | strategy | runs | s | CPU s | / SPOT (clock / CPU) |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for (state, name), runs in runs_of.items():
        own, spot = middle[state, name], middle[state, "spot"]
        ratio = " / ".join(f"{own[what] / spot[what]:.1f}" for what in ("seconds", "processor"))
        title = "cold" if state == "cold" else "with labels"
        lines.append(
            f"| {title} | {STRATEGIES[name]} | {len(runs)} | {own['seconds']:.3g} | {own['processor']:.3g} | {ratio} |"
        )
    for state, title in (("cold", "cold"), ("known", "with labels")):
        parts = [run["parts"] for run in runs_of[state, "spot"]]
        shares = {key: statistics.median(part[key] for part in parts) for key in parts[0]}
        listed = ", ".join(f"{key} {value:.2g}" for key, value in sorted(shares.items(), key=lambda item: -item[1]))
        lines += ["", f"Parts of SPOT, {title}, median wall-clock seconds: {listed}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
