"""Protocol and run of ``spotal demo``: SPOT and random picking on images."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spotal.bench.cache import Cache
from spotal.bench.demo.query_map import FirstQuery, first_query
from spotal.bench.jobs import Job, plan
from spotal.bench.pool_sampler import ShapedPool, shape_pool
from spotal.bench.protocol import Embedding, Initial, LearnerChoice, PoolShape, Protocol, StrategyChoice
from spotal.bench.results import Cell, read
from spotal.bench.store import Store
from spotal.bench.workers import run
from spotal.datasets import Dataset
from spotal.errors import BudgetError, InputError
from spotal.loop.events import Event, RoundFinished

__all__ = ["BASE", "OWN", "Demo", "DemoSettings", "demo_protocol", "run_demo"]

BASE, OWN = "random", "spot"
MOST_POOL = 3_000
MOST_TEST = 2_000
"""Default maximum number of images: enough for a first impression on a CPU."""
WIDTH = 16
STEPS = 200
"""Channels of the network's first block, and its minimum number of training steps."""
SEEDS_APART = 100_000
"""Distance between the first seeds of two random states, so that they share no seed."""


@dataclass(frozen=True)
class DemoSettings:
    """Settings of a demo: ``rounds`` queries of ``budget`` images each, after a first random batch.

    seeds : number of repetitions
    pool : number of images to select from, None for all up to 3,000
    imbalance : size of the largest class divided by the size of the smallest; 1 leaves the data unchanged
    steps : minimum number of training steps of a network, None for 200
    """

    rounds: int = 6
    budget: int = 15
    seeds: int = 6
    pool: int | None = None
    imbalance: float = 1.0
    random_state: int = 0
    steps: int | None = None


@dataclass(frozen=True)
class Demo:
    """The results of a demo.

    pools : the pool of each seed; cell : curves by strategy and seed
    rounds : records of all rounds by strategy and seed, as :meth:`~spotal.bench.store.Store.rounds` returns them
    query : SPOT's query in round 1 of the first seed
    shares : share of the mass in each pick's cell, by strategy and round of the first seed
    seconds : wall-clock time of the run
    """

    data: Dataset
    settings: DemoSettings
    protocol: Protocol
    pools: list[ShapedPool]
    cell: Cell
    rounds: dict[tuple[str, int], list[dict[str, Any]]]
    query: FirstQuery
    shares: dict[tuple[str, int], list[float]]
    seconds: float

    @property
    def on_features(self) -> bool:
        """True for a linear probe on features, False for a network on images."""
        return self.protocol.learner.is_frozen

    @property
    def n_test(self) -> int:
        """Number of test images of each seed."""
        return min(MOST_TEST, len(self.data.y_test))


def demo_protocol(
    data: Dataset, settings: DemoSettings, on_features: bool = False
) -> tuple[Protocol, list[ShapedPool]]:
    """Make the protocol of a demo, and the pool of each of its seeds.

    The learner is a linear probe on features if ``on_features``, else a network on images.

    Raises
    ------
    InputError
        The data are not images of two classes or more.
    BudgetError
        A pool has fewer rows than labels are asked for.
    """
    if not data.is_images:
        raise InputError(
            "data", must="hold images", found=f"features {data.X.shape} in {data.name}", remedy="give images"
        )
    if data.n_classes < 2:
        raise InputError(
            "data", must="have two classes at least", found=f"{data.n_classes} in {data.name}", remedy="add one"
        )
    size = min(settings.pool or MOST_POOL, len(data.y))
    _check_size(size, settings)
    shape = PoolShape(size)
    if settings.imbalance > 1:
        shape = PoolShape(size, "thinned", settings.imbalance, "random")
    protocol = Protocol(
        "demo",
        LearnerChoice("linear-probe") if on_features else LearnerChoice("small-cnn", settings.steps or STEPS, WIDTH),
        dataset=data.name,
        batch_size=settings.budget,
        rounds=settings.rounds,
        seeds=settings.seeds,
        first_seed=SEEDS_APART * settings.random_state,
        test_size=MOST_TEST,
        strategies=(StrategyChoice(BASE, BASE), StrategyChoice(OWN, OWN)),
        pool=shape,
        embedding=Embedding("as-is" if on_features else "none"),
        initial=Initial("random", settings.budget),
    )
    pools = [shape_pool(data, protocol.pool, None, seed) for seed in protocol.all_seeds]
    _check_size(min(len(pool.rows) for pool in pools), settings)
    return protocol, pools


def run_demo(
    data: Dataset,
    settings: DemoSettings,
    *,
    observer: Callable[[Job, Event], object] | None = None,
    features: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> Demo:
    """Run both strategies with every seed, and train a small convolutional network from scratch in each round.

    With ``features`` of the images, a linear probe on them is trained instead. For each seed, both strategies share the
    pool, the first random labels, the test images and the seeds of their networks. Results are stored in a temporary
    folder.

    Parameters
    ----------
    observer : called with the job and each event of its loop, in order
    features : (n, d) and (m, d), of the pool and of the test part; None to learn from the images

    Raises
    ------
    InputError
        See :func:`demo_protocol`.
    OutputError
        The temporary folder cannot be written.

    Notes
    -----
    There are 2 * seeds * (rounds + 1) trainings, of half a second each for images of 8 x 8 on one core. One thread does
    all work: more threads slow such a small network down on a busy machine.
    """
    protocol, pools = demo_protocol(data, settings, features is not None)
    inputs = data if features is None else replace(data, X=features[0], X_test=features[1])
    shares: dict[tuple[str, int], list[float]] = {}

    def watch(job: Job, event: Event) -> None:
        if job.seed == protocol.first_seed and isinstance(event, RoundFinished) and event.round.selection is not None:
            shares[job.strategy.label, event.round.number] = event.round.selection.cell_mass.tolist()
        if observer is not None:
            observer(job, event)

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="spotal-demo-") as folder:
        cache = Cache(Path(folder, "cache"))
        run([protocol], Path(folder), cache=cache, observer=watch, data={data.name: inputs})
        jobs = plan([protocol])
        query = first_query(next(job for job in jobs if job.strategy.label == OWN), cache, inputs)
        with Store(Path(folder)) as store:
            rounds = {(job.strategy.label, job.seed): store.rounds(job) for job in jobs}
            (cell,) = read(store)
    return Demo(data, settings, protocol, pools, cell, rounds, query, shares, time.perf_counter() - start)


def _check_size(size: int, settings: DemoSettings) -> None:
    needed = settings.budget * (settings.rounds + 1)
    if size < needed:
        raise BudgetError(
            "budget",
            f"of {settings.budget} in {settings.rounds} rounds after a first batch needs {needed} images, found {size} "
            "in the pool",
            "lower the budget or the rounds",
        )
