"""The task that all strategies of one protocol and seed share: pool, labels, test part, features, first rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.bench import data as library
from spotal.bench.cache import Cache, fingerprint
from spotal.bench.features import features_of
from spotal.bench.instrumented import DrawingLearner, InstrumentedStrategy
from spotal.bench.learners import make_learner
from spotal.bench.pool_sampler import ShapedPool, drawn
from spotal.bench.protocol import NETWORKS, Protocol
from spotal.bench.shared import SharedLearner
from spotal.datasets import Dataset
from spotal.learner import Learner
from spotal.loop import ActiveLearner
from spotal.loop.oracle import VectorOracle
from spotal.strategies import get

__all__ = ["BenchTask", "prepare"]

_LOOP, _CHOSEN = 10, 11  # streams of random numbers, besides those of pool_sampler


@dataclass(frozen=True)
class BenchTask:
    """A pool to label.

    X, X_test : input of the learner, images or fixed features; y_test : int64 (m,), classes 0 .. n_classes - 1
    initial : the first rows, the number of random first rows, or None
    embeddings : (n, d), features that need no labels, or None
    fingerprint : hash of the data; a continued run checks it
    cache : cache of costly arrays
    """

    protocol: Protocol
    seed: int
    pool: ShapedPool
    X: NDArray[Any]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]
    n_classes: int
    initial: int | NDArray[np.int64] | None
    embeddings: NDArray[np.float32] | None
    fingerprint: str
    cache: Cache

    def loop(self, strategy: InstrumentedStrategy) -> ActiveLearner:
        """Make a new loop. First rows and network seeds do not depend on the strategy."""
        learner = self._learner()
        return ActiveLearner(
            self.X,
            DrawingLearner(learner) if strategy.needs_draws else learner,
            strategy,
            VectorOracle(self.pool.labels),
            batch_size=self.protocol.batch_size,
            initial=self.initial,
            embeddings=self.embeddings,
            X_test=self.X_test,
            y_test=self.y_test,
            random_state=seed_of(self.seed, _LOOP),
        )

    def _learner(self) -> Learner:
        """Make a learner; all strategies share a network's costly training on the first labels."""
        choice = self.protocol.learner
        learner = make_learner(choice, self.X, self.n_classes)
        if choice.kind == "efficientnet-lite0":
            for images in (self.X, self.X_test):
                learner.remember(images, self.cache)  # type: ignore[attr-defined]
        if self.initial is None or choice.kind not in NETWORKS:
            return learner
        recipe = {"choice": asdict(choice), "n_classes": self.n_classes}
        data = (self.X, self.X_test)
        return SharedLearner(learner, self.cache, recipe, first=self.protocol.first, data=data)


def prepare(protocol: Protocol, seed: int, cache: Cache, data: Dataset | None = None) -> BenchTask:
    """Make the task of a seed; costly features come from the cache.

    ``data`` is the protocol's dataset, or None to load it by its name.

    Raises
    ------
    InputError
        The protocol does not fit its dataset. Also what loading the dataset raises.
    """
    data = library.load(protocol.dataset) if data is None else data
    pool, held, y_test = drawn(data, protocol, seed)
    if protocol.learner.is_frozen:
        X, X_test = features_of(data, protocol.embedding, pool, held, seed, cache)
        embeddings: NDArray[np.float32] | None = X
    else:
        X, X_test, embeddings = pool.data(data.X, seed), data.X_test[held], None
        if protocol.embedding.kind != "none":
            embeddings = features_of(data, protocol.embedding, pool, held, seed, cache)[0]
    n_classes = data.n_classes if protocol.classes is None else len(protocol.classes)
    return BenchTask(
        protocol, seed, pool, X, X_test, y_test, n_classes, _initial(protocol, X, embeddings, seed), embeddings,
        fingerprint(X, X_test, y_test, pool.labels), cache,
    )  # fmt: skip


def seed_of(seed: int, purpose: int) -> int:
    """Derive an independent uint32 seed for each purpose."""
    return int(np.random.SeedSequence(seed, spawn_key=(purpose,)).generate_state(1, np.uint32)[0])


def _initial(
    protocol: Protocol, X: NDArray[Any], cold: NDArray[np.float32] | None, seed: int
) -> int | NDArray[np.int64] | None:
    if protocol.initial.kind == "none":
        return None
    count = protocol.initial.count
    assert count is not None
    if protocol.initial.kind == "random":
        return count
    if cold is None:
        from spotal.learner.cold import cold_embeddings

        cold = cold_embeddings(X, seed_of(seed, _CHOSEN))
    assert protocol.initial.by is not None
    return get(protocol.initial.by).query(cold, count, random_state=seed_of(seed, _CHOSEN)).indices
