"""Arrays kept by content, and locks."""

from __future__ import annotations

import numpy as np
import pytest
from tests.full_disk import room

from spotal.bench.cache import Cache
from spotal.errors import OutputError
from spotal.storage.locks import locked, try_lock


def test_the_cache_makes_each_thing_once_and_mends_a_broken_file(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(3)}

    cache, recipe = Cache(tmp_path / "cache"), {"kind": "thing", "a": 1}
    for _ in range(2):
        assert cache.get(recipe, make)["x"].tolist() == [0, 1, 2]
    assert len(made) == 1
    assert cache.seconds > 0
    (file,) = (tmp_path / "cache").glob("*.npz")
    file.write_bytes(file.read_bytes()[:40])
    assert cache.get(recipe, make)["x"].tolist() == [0, 1, 2]
    assert len(made) == 2
    cache.get({**recipe, "a": 2}, make)
    assert len(made) == 3
    also = Cache(tmp_path / "empty", also=[tmp_path / "cache"])
    also.get(recipe, make)
    assert len(made) == 3
    assert not (tmp_path / "empty").exists()


def test_a_full_disk_leaves_nothing_half_written(tmp_path, capfd):
    cache, recipe = Cache(tmp_path), {"kind": "thing", "a": 1}
    with room(2_000), pytest.raises(OutputError, match=r"\.npz cannot be written \(file too large"):
        cache.get(recipe, lambda: {"x": np.arange(9_000)})
    assert not [*tmp_path.glob("*.npz"), *tmp_path.glob(".*.part")]
    assert "Traceback" not in capfd.readouterr().err
    assert cache.get(recipe, lambda: {"x": np.arange(3)})["x"].tolist() == [0, 1, 2]


def test_a_lock_is_one_s_own_until_it_is_closed(tmp_path):
    lock = try_lock(tmp_path / "a")
    assert lock is not None
    assert try_lock(tmp_path / "a") is None
    lock.close()
    with locked(tmp_path / "a"):
        assert try_lock(tmp_path / "a") is None
    again = try_lock(tmp_path / "a")
    assert again is not None
    again.close()
