"""Rows kept of items: damaged files are worked out again, and never end a command."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from spotal.project.learning.feature_cache import FeatureCache


@dataclass(frozen=True)
class Thing:
    number: int
    content: str = "same"


ITEMS = [Thing(k) for k in range(10)]


def update(kept):
    """Work out what is missing; how many rows were."""
    done = []

    def compute(items):
        done.extend(items)
        return list(range(len(items))), np.array([[item.number, 1.0, 2.0] for item in items], np.float32)

    assert kept.update(ITEMS, compute, lambda *_: None).tolist() == list(range(10))
    assert kept.rows()[:10, 0].tolist() == list(range(10))
    return len(done)


HEADER = b"\x93NUMPY\x01\x00"


@pytest.mark.parametrize("which", ["path", "marks_path"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:50],
        lambda data: data[:-8],
        lambda data: b"x" * len(data),
        lambda data: data.replace(b"'shape': (", b"'shape': ((", 1),
        lambda data: data.replace(b"'shape': (", b"'shape': (9", 1),
        lambda data: HEADER + (20_000).to_bytes(2, "little") + b"(" * 20_000,
    ],
)
def test_damage_is_worked_out_again(tmp_path, which, damage):
    kept = FeatureCache(tmp_path, "pixels")
    assert update(kept) == 10
    assert update(kept) == 0
    path = getattr(kept, which)
    path.write_bytes(damage(path.read_bytes()))
    assert update(kept) == 10
    assert update(kept) == 0


@pytest.mark.parametrize("array", [np.zeros(()), np.zeros(16), np.zeros((16, 2), np.float32), np.zeros((16, 3), "S1")])
def test_rows_of_another_shape_are_worked_out_again(tmp_path, array):
    kept = FeatureCache(tmp_path, "pixels")
    update(kept)
    np.save(kept.path, array)
    np.save(kept.marks_path, np.zeros(16, np.int64))
    assert update(kept) == 10
    assert update(kept) == 0
