"""Rounds of active learning on real images, by strategy; a small network is trained from scratch in each round."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from benchmarks.evidence.common import RESULTS, ROOT, origin, spread
from joblib import Memory

from spotal import SPOT, ActiveLearner
from spotal.datasets import load, long_tail
from spotal.learner import TorchLearner
from spotal.learner.networks import SmallCNN
from spotal.loop.oracle import VectorOracle
from spotal.strategies import Strategy, get

DATASETS = ("fashion-mnist", "cifar10")
SHAPES = {"balanced": 1, "100:1": 100}
STRATEGIES = ("spot", "spot-paper", "random", "margin", "entropy", "coreset")
POOL, TEST, BATCH, LABELS, SEEDS = 10_000, 5_000, 200, 1_200, 5
WIDTH, STEPS = 16, 500
"""Width of the network, and minimum number of optimizer steps of a training; fits two cores."""


def strategy(name: str) -> Strategy:
    """Return the strategy of a name, with its default settings."""
    return SPOT() if name == "spot" else SPOT.paper() if name == "spot-paper" else get(name)


def measure(dataset: str, shape: str, name: str, seed: int, quick: bool, commit: str) -> list[dict[str, Any]]:
    """Measure one learning curve. Pool, test part, networks' seeds and random first batches depend on the seed only.

    ``commit`` is part of a finished curve's cache key and of its records.
    """
    pool, test, batch, labels = (300, 200, 20, 60) if quick else (POOL, TEST, BATCH, LABELS)
    rng = np.random.default_rng([seed, 7])
    data = load(dataset)
    rows = np.arange(len(data.y))
    if SHAPES[shape] > 1:
        rows = long_tail(data.y, SHAPES[shape], random_state=seed)
    rows = rng.permutation(rows)[:pool]
    held = rng.permutation(len(data.y_test))[:test]
    network = SmallCNN(data.X.shape[3], data.n_classes, 4 if quick else WIDTH)
    learner = TorchLearner(network, data.n_classes, min_steps=20 if quick else STEPS, normalize_from=data.X[rows])
    loop = ActiveLearner(
        data.X[rows],
        learner,
        strategy(name),
        VectorOracle(data.y[rows]),
        batch_size=batch,
        X_test=data.X_test[held],
        y_test=data.y_test[held],
        max_labels=labels,
        random_state=seed,
    )
    return [
        {
            "dataset": dataset,
            "shape": shape,
            "strategy": name,
            "seed": seed,
            "commit": commit,
            "n_labeled": done.n_labeled,
            "query_seconds": done.timings.get("query", 0.0),
            **done.metrics,
        }
        for done in loop.run()
        if done.metrics
    ]


def run(*, quick: bool = False, workers: int = 2, strategies: list[str] | None = None) -> dict[str, Any]:
    """Return all records; ``quick`` uses digits and tiny sizes. Finished curves are stored in build/ and reused.

    With ``strategies``, only these are run; the results keep the records of the others.
    """
    if strategies:
        unknown = sorted(set(strategies) - set(STRATEGIES))
        if unknown:
            raise SystemExit(f"unknown strategy {', '.join(unknown)}; choose from {', '.join(STRATEGIES)}")
    wanted = strategies or list(STRATEGIES)
    begun = origin(range(1 if quick else SEEDS))
    datasets, shapes = (("digits",), ("balanced",)) if quick else (DATASETS, tuple(SHAPES))
    once = measure if quick else Memory(ROOT / "build" / "evidence-loop", verbose=0).cache(measure)
    jobs = [
        (dataset, shape, name, seed, quick, begun["commit"])
        for seed in begun["seeds"]
        for dataset in datasets
        for shape in shapes
        for name in wanted
    ]
    records = [record for curve in spread(once, jobs, workers) for record in curve]
    before = RESULTS / "loop.json"
    if not quick and before.exists():
        old = json.loads(before.read_text())
        others = [record for record in old["records"] if record["strategy"] not in wanted]
        records += [{"commit": old["origin"]["commit"]} | record for record in others]
    records.sort(
        key=lambda r: (datasets.index(r["dataset"]), shapes.index(r["shape"]), STRATEGIES.index(r["strategy"]))
    )
    return {
        "origin": begun,
        "settings": {"pool": POOL, "test": TEST, "batch": BATCH, "labels": LABELS, "width": WIDTH, "steps": STEPS},
        "records": records,
    }
