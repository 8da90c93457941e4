"""Strategies side by side: the same images, first labels and network seeds for each, so that only the picks differ."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets import Dataset, long_tail
from spotal.errors import BudgetError, InputError
from spotal.loop.events import Event, Round
from spotal.strategies import Strategy, get

if TYPE_CHECKING:
    from spotal.selection import Selection

__all__ = ["Comparison", "ComparisonSettings", "FirstQuery", "Run", "compare", "prepare"]

MOST_POOL = 3_000
MOST_TEST = 2_000
"""Images that are used unless more of the pool are asked for: enough for a first look on a CPU."""
WIDTH = 16
STEPS = 200
"""Channels of the network's first block, and its least number of training steps."""


@dataclass(frozen=True)
class ComparisonSettings:
    """What is done: ``rounds`` queries of ``budget`` images each after a first random batch, over ``seeds`` seeds.

    pool : images to choose from, None for all up to 3,000; imbalance : how many times larger the most frequent class
    is made than the rarest, 1 to leave the data as they are; strategies : names, the baseline first.
    """

    rounds: int = 6
    budget: int = 15
    seeds: int = 6
    pool: int | None = None
    imbalance: float = 1.0
    random_state: int = 0
    strategies: tuple[str, ...] = ("random", "spot")

    @property
    def labels(self) -> list[int]:
        """Labels at which there is a measurement: after the first batch and after each round."""
        return [self.budget * k for k in range(1, self.rounds + 2)]


@dataclass(frozen=True)
class FirstQuery:
    """What a strategy was asked in its first round, and what it answered."""

    pool: NDArray[Any]
    budget: int
    known: dict[str, Any]
    selection: Selection


@dataclass
class Run:
    """One strategy under one seed. ``rows`` are the data's rows that made up the pool, int64 (n,)."""

    strategy: str
    seed: int
    rows: NDArray[np.int64]
    rounds: list[Round] = field(default_factory=list)
    request: FirstQuery | None = None

    @property
    def measured(self) -> list[Round]:
        """Rounds with a trained model, by growing number of labels."""
        return [done for done in self.rounds if done.metrics]

    @property
    def queried(self) -> list[Round]:
        """Rounds whose picks the strategy chose."""
        return [done for done in self.rounds if done.selection is not None]


@dataclass
class Comparison:
    """All runs, with the data and settings they came from, the number of test images, and wall-clock seconds.

    ``on_features`` says whether a linear probe on features was trained, not a network on the images.
    """

    data: Dataset
    settings: ComparisonSettings
    runs: list[Run]
    n_test: int
    seconds: float
    on_features: bool = False

    def of(self, strategy: str) -> list[Run]:
        """The runs of one strategy, by seed."""
        return sorted((run for run in self.runs if run.strategy == strategy), key=lambda run: run.seed)


class Watched:
    """A strategy whose first query is kept."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.name = strategy.name
        self.request: FirstQuery | None = None

    def query(self, pool: NDArray[Any], budget: int, **known: Any) -> Selection:
        """What the strategy answers."""
        selection = self.strategy.query(pool, budget, **known)
        if self.request is None:
            self.request = FirstQuery(pool, budget, known, selection)
        return selection


def prepare(data: Dataset, settings: ComparisonSettings) -> list[NDArray[np.int64]]:
    """The rows of ``data`` that each seed's pool is made of, ascending; int64 (n,) each. O(N) a seed.

    Raises
    ------
    InputError
        The data are not images, ``imbalance`` is below 1, or a pool of no more rows than the labels to be bought is
        left (a BudgetError).
    """
    if not data.is_images:
        raise InputError(
            "data", must="hold images", found=f"features {data.X.shape} in {data.name}", remedy="give images"
        )
    if data.n_classes < 2:
        raise InputError(
            "data", must="have two classes at least", found=f"{data.n_classes} in {data.name}", remedy="add one"
        )
    pools = []
    for seed in range(settings.seeds):
        rows = np.arange(len(data.y))
        if settings.imbalance != 1:
            rows = long_tail(data.y, settings.imbalance, _seed(settings, seed), order="random")
        most = settings.pool or MOST_POOL
        if most < len(rows):
            rows = np.sort(np.random.default_rng(_seed(settings, seed)).permutation(rows)[:most])
        if len(rows) < settings.labels[-1]:
            raise BudgetError(
                "budget",
                f"of {settings.budget} in {settings.rounds} rounds after a first batch needs {settings.labels[-1]} "
                f"images, found {len(rows)} in the pool",
                "lower the budget or the rounds",
            )
        pools.append(rows)
    return pools


def compare(
    data: Dataset,
    settings: ComparisonSettings,
    *,
    pools: list[NDArray[np.int64]] | None = None,
    observer: Callable[[Run, Event], object] | None = None,
    features: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> Comparison:
    """Run every strategy under every seed with a small convolutional network trained from nothing in each round.

    With ``features`` of the images, a linear probe on these is trained instead.

    Under one seed all strategies share pool, first random labels, test part and the seeds of their networks.

    Parameters
    ----------
    data : Dataset of images
    settings : ComparisonSettings
    pools : what ``prepare`` gave for these, or None to prepare now
    observer : called with the run and each event of its loop, in order
    features : (n, d) and (m, d), of the pool and of the test part; None to learn from the images

    Raises
    ------
    InputError
        As :func:`prepare`.

    Notes
    -----
    seeds * strategies * (rounds + 1) trainings, of half a second each for images of 8 x 8 on one core. torch works on
    one thread meanwhile: more of them slow so small a network down on a busy machine.
    """
    from spotal.numeric.threads import one_thread

    pools = prepare(data, settings) if pools is None else pools
    start = time.perf_counter()
    tests = np.arange(len(data.y_test))
    if len(tests) > MOST_TEST:
        tests = np.sort(np.random.default_rng(0).permutation(tests)[:MOST_TEST])
    X, X_test = (data.X, data.X_test) if features is None else features
    X_test, y_test = X_test[tests], data.y_test[tests]
    runs: list[Run] = []
    with one_thread():
        for seed, rows in enumerate(pools):
            for name in settings.strategies:
                run = Run(name, seed, rows)
                _run(run, data, X, settings, X_test, y_test, observer)
                runs.append(run)
    return Comparison(data, settings, runs, len(tests), time.perf_counter() - start, features is not None)


def _run(
    run: Run,
    data: Dataset,
    inputs: NDArray[Any],
    settings: ComparisonSettings,
    X_test: NDArray[Any],
    y_test: NDArray[np.int64],
    observer: Callable[[Run, Event], object] | None,
) -> None:
    from spotal.learner import Learner, TorchLearner
    from spotal.learner.networks import SmallCNN
    from spotal.learner.probe import linear_probe
    from spotal.loop import ActiveLearner
    from spotal.loop.oracle import VectorOracle

    X, y = inputs[run.rows], data.y[run.rows]
    if X.ndim == 4:
        network = SmallCNN(X.shape[3], data.n_classes, WIDTH)
        learner: Learner = TorchLearner(network, data.n_classes, min_steps=STEPS, normalize_from=X)
    else:
        learner = linear_probe(X, data.n_classes)
    watched = Watched(get(run.strategy))
    loop = ActiveLearner(
        X,
        learner,
        watched,
        VectorOracle(y),
        batch_size=settings.budget,
        initial=settings.budget,
        X_test=X_test,
        y_test=y_test,
        max_labels=settings.labels[-1],
        random_state=_seed(settings, run.seed),
        observers=[] if observer is None else [lambda event: observer(run, event)],
    )
    run.rounds = loop.run()
    run.request = watched.request


def _seed(settings: ComparisonSettings, seed: int) -> int:
    sequence = np.random.SeedSequence(settings.random_state, spawn_key=(seed,))
    return int(sequence.generate_state(1, np.uint32)[0])
