"""Random numbers keyed by purpose and name, so that they do not depend on the order of the items."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

__all__ = ["uniform"]


def uniform(random_state: int, purpose: str, name: str) -> float:
    """Return a number in [0, 1) that depends on these arguments alone."""
    hashed = _prefix(random_state, purpose).copy()
    hashed.update(name.encode())
    return (int.from_bytes(hashed.digest(), "big") >> 11) / 2.0**53


@lru_cache(16)
def _prefix(random_state: int, purpose: str) -> blake2b:
    return blake2b(f"{random_state}\0{purpose}\0".encode(), digest_size=8)
