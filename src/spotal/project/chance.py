"""Chance: random numbers that depend on what they are for, never on the order in which items come."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["uniform"]


def uniform(random_state: int, purpose: str, name: str) -> float:
    """Return a number in [0, 1) that depends on these arguments alone."""
    digest = blake2b(f"{random_state}\0{purpose}\0{name}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53
