"""How long jobs will take: from what jobs like them took, else from what is stated here."""

from __future__ import annotations

from collections import defaultdict

from spotal.bench.jobs import Job
from spotal.bench.learners import STEPS, WIDTH
from spotal.bench.store import Store

__all__ = ["Estimator", "default_seconds"]

PROBE_SECONDS = 0.2
"""Of one training of a frozen learner and its test, at 700 labels of 64 features on one core."""
STEP_SECONDS = 0.0075
"""Of one step of 32 images of 32 x 32 through a SmallCNN of width 16 on one core; grows with the width squared."""
RESNET_STEP_SECONDS = 0.7
"""The same through a ResNet18 of width 64."""
ROW_SECONDS = 7e-5
"""Of one image through that SmallCNN, for embeddings and test."""
QUERY_SECONDS = 0.7
"""Of one query in a pool of 10,000 rows, the mean over strategies; grows with the rows."""
POOL = 10_000
TEST = 5_000


def default_seconds(job: Job) -> float:
    """Seconds of a round of which nothing is known but its protocol, on one core of a server of 2024."""
    protocol = job.protocol
    rows = protocol.pool.size or POOL
    query = QUERY_SECONDS * rows / POOL
    kind = protocol.learner.kind
    if kind in ("linear-probe", "random-forest"):
        return PROBE_SECONDS + query
    steps, width = protocol.learner.steps or STEPS[kind], protocol.learner.width or WIDTH[kind]
    if kind == "mlp":
        return 0.001 * steps + query
    if kind == "resnet18":
        return RESNET_STEP_SECONDS * (width / 64) ** 2 * (steps + (rows + TEST) / 100) + query
    wide = max(0.3, (width / 16) ** 2)
    return wide * (STEP_SECONDS * steps + ROW_SECONDS * (rows + (protocol.test_size or TEST))) + query


class Estimator:
    """Seconds that jobs will take, learnt from the finished rounds in a store.

    A round is expected to take as long as the mean of its own strategy's rounds in its protocol, else of any
    strategy's there, else ``default_seconds``.
    """

    def __init__(self, store: Store, jobs: list[Job]) -> None:
        self._store, self._jobs = store, jobs
        self.learn()

    def learn(self) -> None:
        """Read what is known by now."""
        walls = self._store.walls()
        own: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        every: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for job in self._jobs:
            if job.id in walls:
                own[job.protocol.name, job.strategy.label].append(walls[job.id])
                every[job.protocol.name].append(walls[job.id])
        self._own = {key: _mean(found) for key, found in own.items()}
        self._any = {name: _mean(found) for name, found in every.items()}

    def round_seconds(self, job: Job) -> float:
        """Of one round."""
        name = job.protocol.name
        return self._own.get((name, job.strategy.label), self._any.get(name, default_seconds(job)))

    def left(self, counts: dict[str, int], workers: int) -> float:
        """Seconds until all jobs are finished, ``counts`` rounds of each being done, with so many workers."""
        todo = [
            (job.n_rounds - counts.get(job.id, 0)) * self.round_seconds(job)
            for job in self._jobs
            if job.n_rounds > counts.get(job.id, 0)
        ]
        return max(sum(todo) / max(1, workers), max(todo, default=0.0))


def _mean(found: list[tuple[int, float]]) -> float:
    """Seconds of a round, from numbers of rounds and their seconds."""
    return sum(seconds for _, seconds in found) / sum(count for count, _ in found)
