from __future__ import annotations

import pytest

from spotal.bench.cache import Cache
from spotal.bench.protocol import from_table

TINY = {
    "dataset": "digits",
    "batch_size": 5,
    "rounds": 2,
    "seeds": 2,
    "test_size": 100,
    "strategies": ["random", "margin", "coreset"],
    "pool": {"size": 120},
    "learner": {"kind": "linear-probe"},
    "embedding": {"kind": "pixels-pca", "dim": 8},
    "initial": {"kind": "random", "count": 10},
}


@pytest.fixture
def table():
    """A small valid protocol's content, free to be changed."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in TINY.items()}


@pytest.fixture
def tiny(table):
    return from_table("tiny", table)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")
