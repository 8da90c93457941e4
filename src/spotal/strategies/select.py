"""The one-call form: choose rows of a pool by a strategy's name."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spotal.errors import InputError
from spotal.numeric.seeds import Seed
from spotal.pool.base import PoolLike
from spotal.selection.base import Selection
from spotal.strategies import Strategy, get

__all__ = ["select"]


def select(
    pool: PoolLike,
    budget: float,
    strategy: str | Strategy = "spot",
    *,
    labeled: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    probabilities: ArrayLike | None = None,
    mass: ArrayLike | None = None,
    cost: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    max_per_group: ArrayLike | None = None,
    random_state: Seed = None,
    engine: str | None = None,
    device: str | None = None,
    max_memory: int | str | None = None,
) -> Selection:
    """Choose ``budget`` unlabeled rows of ``pool``, or for that much money, by a strategy given by name or made before.

    ``pool`` may be an array or tensor, and, to be read a batch at a time: a path, glob or URI
    (:func:`spotal.pool.open_pool`), batches that come one by one (:func:`spotal.pool.spool`), or a pool opened
    beforehand. ``device`` is where batches are worked on, "auto", "cpu" or "cuda"; None leaves them where they are.
    ``engine`` is "local" or "ray", which the strategy must know (:attr:`Strategy.engines`); None is the one in use
    (:func:`spotal.engine.using`). ``max_memory``, bytes or
    "4GB", is kept to by reading fewer rows at a time, the pool in memory not counted; InputError, before any pass,
    where that is not enough, with cost, and for another strategy than "spot".

    Other arguments, result and errors: :meth:`spotal.strategies.Strategy.query`; and InputError for a strategy that is
    unknown or none.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> pool = np.random.default_rng(0).normal(size=(1000, 16))
    >>> picks = spotal.select(pool, 10, random_state=0)
    >>> len(picks.indices), round(float(picks.cell_mass.sum()), 6)
    (10, 1.0)
    """
    from spotal.engine import using
    from spotal.numeric.sizes import size_of
    from spotal.pool import as_pool, on_device
    from spotal.strategies.memory import within

    chosen = strategy if isinstance(strategy, Strategy) else get(strategy)
    chosen.check_engine(engine)
    most = None if max_memory is None else size_of(max_memory)
    if most is not None and cost is not None:
        raise InputError("max_memory", "is for a budget of rows, found cost too", "leave one of them out")
    pool = as_pool(pool)
    if device is not None:
        pool = on_device(pool, device)
    shape = len(pool), pool.dim
    of = {
        "labeled": 0 if labeled is None else int(np.size(labeled)),
        "limited": groups is not None or max_per_group is not None,
        "known": mass is not None or probabilities is not None,
        "classes": 0 if probabilities is None else int(np.prod(np.shape(probabilities)[1:])),
    }
    with using(engine), within(most, shape, budget, chosen, **of):
        return chosen.query(
            pool,
            budget,
            labeled=labeled,
            labels=labels,
            probabilities=probabilities,
            mass=mass,
            cost=cost,
            groups=groups,
            max_per_group=max_per_group,
            random_state=random_state,
        )
