"""``spotal.select``: select rows of a pool with one call."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spotal.errors import InputError
from spotal.numeric.seeds import Seed, as_seed
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
    engine: Literal["local", "ray"] | str | None = None,
    device: Literal["auto", "cpu", "cuda"] | str | None = None,
    max_memory: int | str | None = None,
    column: str | None = None,
    classes: ArrayLike | None = None,
) -> Selection:
    """Select unlabeled rows of a pool with a strategy.

    Parameters
    ----------
    pool : the n rows to choose from, one of

        - an array or torch tensor (n, d) of finite numbers: features or embeddings, of any float or integer type
        - a scipy sparse matrix (n, d), such as TF-IDF. It stays sparse: a truncated SVD, fitted on at most 20,000 rows,
          reduces rows to 128 numbers (:func:`spotal.pool.sparse.reduced`)
        - a pandas or polars DataFrame of numbers. Its index is returned as ``Selection.index``. Other arguments are
          matched by position; an argument whose index has the same names in another order is refused
        - a torch ``Dataset`` whose items are vectors, or tuples or dicts that contain one
        - a Hugging Face ``datasets.Dataset``. Its vectors are in ``column``, or else in ``embedding``, ``embeddings``
          or ``X``, or else in all columns of numbers
        - a path, glob or URI of .npy, .parquet, .arrow, .feather, .zarr or .lance files
          (:func:`spotal.pool.open_pool`), a ``ray.data.Dataset``, or an iterator of batches
          (:func:`spotal.pool.spool`). These, and an ``np.memmap``, are read in batches and may be larger than memory
    budget : int, rows to select, from 0 to the number of unlabeled rows; with ``cost``, the money to spend (float)
    strategy : str or Strategy
        A name (:func:`spotal.strategies.names`) or an object such as ``SPOT(reach=0.5)``. "spot" needs no labels and no
        model, and uses both if they are given.
    labeled : the rows that have labels: row numbers (m,), or a boolean mask (n,)
    labels : classes as texts, integers, booleans or a categorical: (m,), one for each row of ``labeled``, or (n,), one
        for each row of the pool. Without ``labeled``, all rows with a label are labeled; None, NaN, pandas.NA and the
        integer -1 mean no label. For rows with several classes see :meth:`spotal.strategies.Strategy.query`.
    probabilities : float (n, c), class probabilities of every row under the current model, which sum to 1; or
        (n, c, k) from k draws of the model (an ensemble, dropout)
    mass : float (n,), weight of each row, non-negative, not all zero; None gives equal weights. "spot" multiplies it by
        its rule of mass (:mod:`spotal.mass`)
    cost : float (n,), positive price of each row's label
    groups : (n,), the group of each row, any ids, such as the video of a frame; with ``max_per_group``
    max_per_group : int, maximum number of labels in any group; or int (n,), the maximum of each row's group
    random_state : int, numpy Generator, RandomState or None. The same int gives the same picks, bit for bit.
    engine : "local", "ray" or None, where passes over the pool run; None keeps the current engine
        (:func:`spotal.engine.using`)
    device : "auto", "cpu", "cuda" or None, where batches are processed; None does not move them
    max_memory : int, bytes, or str such as "4GB": the selection reads smaller batches to stay below it. A pool in
        memory is not counted. None means no limit. Only for "spot" without ``cost``.
    column : str, the column of a DataFrame or data set that contains the vectors
    classes : (c,), the class of each column of ``probabilities``, such as ``model.classes_``. Required if labels are
        not integers and some classes have no label yet. Without it, integer labels are column numbers.

    Returns
    -------
    Selection
        ``indices``, the picks as row numbers, int64 (budget,), most useful first; ``index``, their names;
        ``cell_mass``, the share of the pool that each pick represents; ``to_frame()``, ``plot()``,
        ``estimate(values)``.

    Raises
    ------
    BudgetError
        The budget is negative, not an integer (without cost), more rows than are unlabeled or than the groups allow, or
        less than the price of every row.
    InputError
        Another argument has the wrong shape, type or range, or the strategy is unknown, needs probabilities, or does
        not support ``cost``, ``groups``, ``engine`` or ``max_memory``. Both errors are ValueErrors.
    DataFileError
        A file of the pool is missing, damaged, or changed while it was read.

    Notes
    -----
    "spot" reads the pool once, O(n d), and works on a sample of at least 1,024 rows (:class:`~spotal.strategies.SPOT`).
    A million rows take seconds.

    Examples
    --------
    >>> import numpy as np, spotal
    >>> pool = np.random.default_rng(0).normal(size=(1000, 16))
    >>> picks = spotal.select(pool, 10, random_state=0)
    >>> len(picks.indices), round(float(picks.cell_mass.sum()), 6)
    (10, 1.0)

    After some labels, with a model's probabilities:

    >>> from sklearn.linear_model import LogisticRegression
    >>> labels = np.full(1000, None)
    >>> labels[picks.indices] = np.where(pool[picks.indices, 0] > 0, "gull", "tern")
    >>> labeled = picks.indices
    >>> model = LogisticRegression().fit(pool[labeled], labels[labeled].astype(str))
    >>> more = spotal.select(
    ...     pool, 10, labels=labels, probabilities=model.predict_proba(pool), classes=model.classes_, random_state=0
    ... )
    >>> len(np.intersect1d(more.indices, labeled))
    0
    """
    from spotal.engine import using
    from spotal.numeric.sizes import size_of
    from spotal.pool import as_pool, on_device
    from spotal.pool.frames import check_order
    from spotal.strategies._checks import are_sets, check_labels
    from spotal.strategies.memory import within

    check_order(pool, labels=labels, labeled=labeled, probabilities=probabilities, mass=mass, cost=cost, groups=groups)
    chosen = strategy if isinstance(strategy, Strategy) else get(strategy)
    chosen.check_engine(engine)
    most = None if max_memory is None else size_of(max_memory)
    if most is not None and cost is not None:
        raise InputError("max_memory", "is for a budget of rows, found cost too", "leave one of them out")
    if not isinstance(random_state, (int, np.integer)):
        random_state = as_seed(random_state)
    pool = as_pool(pool, column=column, random_state=as_seed(random_state))
    if device is not None:
        pool = on_device(pool, device)
    one_class = None if are_sets(labels) else labels
    scale = {
        "labeled": 0 if most is None else len(check_labels(labeled, one_class, len(pool), classes)[0]),
        "limited": groups is not None or max_per_group is not None,
        "known": mass is not None or probabilities is not None,
        "classes": 0 if probabilities is None else int(np.prod(np.shape(probabilities)[1:])),
    }
    with using(engine), within(most, (len(pool), pool.dim), budget, chosen, **scale):
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
            classes=classes,
        )
