"""Estimates of the time that jobs take, from finished rounds or from the constants below."""

from __future__ import annotations

from collections import defaultdict

from spotal.bench.jobs import Job
from spotal.bench.learners import STEPS, WIDTH
from spotal.bench.store import Store

__all__ = ["Estimator", "default_seconds"]

PROBE_SECONDS = 0.2
"""One training and test of a learner on fixed features: 700 labels, 64 features, one core."""
STEP_SECONDS = 0.0075
"""One step of a SmallCNN of width 16: 32 images of 32 x 32, one core. Grows with the width squared."""
RESNET_STEP_SECONDS = 0.7
"""The same for a ResNet18 of width 64."""
ROW_SECONDS = 7e-5
"""One image through that SmallCNN, to embed or to test it."""
LITE0_STEP_SECONDS = 0.1
"""One step of fine-tuning EfficientNet-Lite0: 16 images of 96 x 96, one core."""
LITE0_ROW_SECONDS = 0.002
"""One image through its trained blocks."""
QUERY_SECONDS = 0.7
"""One query in a pool of 10,000 rows, the mean over strategies. Grows with the rows."""
POOL = 10_000
TEST = 5_000


def default_seconds(job: Job) -> float:
    """Estimate the seconds of a round from its protocol alone, on one core of a server of 2024."""
    protocol = job.protocol
    rows = protocol.pool.size or POOL
    query = QUERY_SECONDS * rows / POOL
    kind = protocol.learner.kind
    if kind in ("linear-probe", "random-forest"):
        return PROBE_SECONDS + query
    steps, tested = protocol.learner.steps or STEPS[kind], protocol.test_size or TEST
    if kind == "mlp":
        return 0.001 * steps + query
    if kind == "efficientnet-lite0":
        return LITE0_STEP_SECONDS * steps + LITE0_ROW_SECONDS * (rows + tested) + query
    width = protocol.learner.width or WIDTH[kind]
    if kind == "resnet18":
        return RESNET_STEP_SECONDS * (width / 64) ** 2 * (steps + (rows + TEST) / 100) + query
    wide = max(0.3, (width / 16) ** 2)
    return wide * (STEP_SECONDS * steps + ROW_SECONDS * (rows + tested)) + query


class Estimator:
    """Estimator of the seconds that jobs will take.

    A round's estimate is the mean of the finished rounds of its protocol and strategy; without any, the mean of all
    rounds of its protocol; without any, ``default_seconds``.
    """

    def __init__(self, store: Store, jobs: list[Job]) -> None:
        self._store, self._jobs = store, jobs
        self.learn()

    def learn(self) -> None:
        """Read the finished rounds from the store."""
        walls = self._store.walls()
        own: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        every: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for job in self._jobs:
            if job.id in walls:
                own[job.protocol.name, job.strategy.label].append(walls[job.id])
                every[job.protocol.name].append(walls[job.id])
        self._own = {key: _mean(rounds) for key, rounds in own.items()}
        self._any = {name: _mean(rounds) for name, rounds in every.items()}

    def round_seconds(self, job: Job) -> float:
        """Estimate the seconds of one round."""
        name = job.protocol.name
        return self._own.get((name, job.strategy.label), self._any.get(name, default_seconds(job)))

    def remaining(self, counts: dict[str, int], workers: int) -> float:
        """Estimate the seconds until all jobs are finished. ``counts`` maps a job to the number of its rounds done."""
        todo = [
            (job.n_rounds - counts.get(job.id, 0)) * self.round_seconds(job)
            for job in self._jobs
            if job.n_rounds > counts.get(job.id, 0)
        ]
        return max(sum(todo) / max(1, workers), max(todo, default=0.0))


def _mean(rounds: list[tuple[int, float]]) -> float:
    """Mean seconds of a round, from pairs of number of rounds and total seconds."""
    return sum(seconds for _, seconds in rounds) / sum(count for count, _ in rounds)
