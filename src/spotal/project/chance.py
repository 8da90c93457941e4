"""Chance: random numbers that depend on what they are for, never on the order in which items come."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

__all__ = ["uniform"]


def uniform(random_state: int, purpose: str, name: str) -> float:
    """Return a number in [0, 1) that depends on these arguments alone."""
    hashed = _begun(random_state, purpose).copy()
    hashed.update(name.encode())
    return (int.from_bytes(hashed.digest(), "big") >> 11) / 2.0**53


@lru_cache(16)
def _begun(random_state: int, purpose: str) -> blake2b:
    """The hash of what comes before a name."""
    return blake2b(f"{random_state}\0{purpose}\0".encode(), digest_size=8)
