"""Seeds: what ``random_state`` may be, everywhere in spotal."""

from __future__ import annotations

from typing import Any

import numpy as np

from spotal.errors import InputError

__all__ = ["Seed", "as_generator", "as_seed"]

Seed = int | np.integer[Any] | np.random.Generator | np.random.RandomState | np.random.SeedSequence | None
"""A seed of at least 0, a numpy generator of either kind, a SeedSequence, or None for fresh entropy."""


def as_seed(random_state: object) -> int:
    """Return a 63-bit seed: the same for the same integer or SeedSequence, the next one from a generator.

    Raises InputError for what :data:`Seed` does not name.
    """
    if random_state is None:
        random_state = np.random.SeedSequence()
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(1 << 63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(1 << 62, dtype=np.int64))
    if not isinstance(random_state, np.random.SeedSequence):
        random_state = np.random.SeedSequence(2 * _checked(random_state))
    return int(random_state.generate_state(1, np.uint64)[0] >> np.uint64(1))


def as_generator(random_state: object) -> np.random.Generator:
    """Return the numpy Generator that ``random_state`` stands for.

    A Generator is returned as it is, a RandomState gives one integer, an integer seeds a SeedSequence and None takes
    fresh entropy. Raises InputError for what :data:`Seed` does not name.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        random_state = int(random_state.randint(2**31 - 1))
    if random_state is None or isinstance(random_state, np.random.SeedSequence):
        return np.random.default_rng(random_state)
    return np.random.default_rng(np.random.SeedSequence(_checked(random_state)))


def _checked(random_state: object) -> int:
    if isinstance(random_state, bool) or not isinstance(random_state, (int, np.integer)) or random_state < 0:
        raise InputError(
            f"random_state must be an integer of at least 0, a numpy Generator, RandomState or SeedSequence, or None, "
            f"found {random_state!r}; pass for example 0"
        )
    return int(random_state)
