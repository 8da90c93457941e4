"""Conversion of ``random_state`` to a seed or a generator."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.errors import InputError

__all__ = ["Seed", "as_generator", "as_seed", "check_seed"]

Seed = int | np.integer[Any] | np.random.SeedSequence | np.random.Generator | np.random.RandomState | None
"""Type of ``random_state``: a seed, a numpy generator of either kind, or None for fresh entropy."""


def check_seed(random_state: Seed) -> int | np.random.SeedSequence | np.random.Generator | np.random.RandomState | None:
    """Return ``random_state``, a numpy integer as an int.

    Raises InputError unless it is None, an integer of at least 0, a SeedSequence, a Generator or a RandomState.
    """
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    generators = np.random.SeedSequence | np.random.Generator | np.random.RandomState
    if random_state is None or isinstance(random_state, generators):
        return random_state
    raise InputError(
        "random_state",
        must="be an integer of at least 0, a numpy Generator, a RandomState or None",
        found=repr(random_state),
        remedy="pass for example 0",
    )


def as_seed(random_state: Seed) -> int:
    """Return a 63-bit seed made from ``random_state``. Raises InputError as :func:`check_seed`."""
    state = check_seed(random_state)
    if isinstance(state, np.random.Generator):
        return int(state.integers(1 << 63))
    if isinstance(state, np.random.RandomState):
        return int(state.randint(1 << 62, dtype=np.int64))
    sequence = state if isinstance(state, np.random.SeedSequence) else np.random.SeedSequence(state and state * 2)
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def as_generator(random_state: Seed) -> np.random.Generator:
    """Return a numpy Generator made from ``random_state``.

    A Generator is returned unchanged, a RandomState gives one integer as seed, and None takes fresh entropy. Raises
    InputError for anything else and for a negative seed.

    Examples
    --------
    >>> from spotal.design import as_generator
    >>> bool(as_generator(0).integers(10) == as_generator(0).integers(10))
    True
    """
    state = check_seed(random_state)
    if isinstance(state, np.random.RandomState):
        state = int(state.randint(2**31 - 1))
    return np.random.default_rng(state)
