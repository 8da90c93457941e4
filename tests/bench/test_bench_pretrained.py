"""Files of pretrained features: read where they are, said to be missing or others where they are that."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tests.raising import raises_input

from spotal.bench import data, pretrained, protocol_library
from spotal.bench.cache import Cache
from spotal.bench.protocol import from_table
from spotal.bench.task import prepare
from spotal.errors import DataFileError, DatasetError


@pytest.fixture
def features(tmp_path, monkeypatch):
    """A small file under a known name, the only one there is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SPOTAL_DATA", str(tmp_path))
    folder = tmp_path / "features"
    folder.mkdir()
    rng = np.random.default_rng(0)
    arrays = {
        "X": (rng.normal(size=(60, 6)) * [9, 3, 1, 1, 1, 0.1] + 5).astype(np.float16),
        "y": np.arange(60, dtype=np.int16) % 3,
        "X_test": rng.normal(size=(30, 6)).astype(np.float16),
        "y_test": np.arange(30, dtype=np.int16) % 3,
    }
    path = folder / "emotion-e5.npz"
    np.savez(path, **arrays)
    monkeypatch.setitem(pretrained.FILES, "emotion-e5", hashlib.sha256(path.read_bytes()).hexdigest())
    data._load.cache_clear()
    yield path, arrays
    data._load.cache_clear()


def test_a_file_is_a_dataset(features):
    _, arrays = features
    found = data.load("emotion-e5")
    assert "emotion-e5" in data.names()
    assert np.array_equal(found.X, arrays["X"].astype(np.float32))
    assert np.array_equal(found.y_test, arrays["y_test"])
    assert (found.X.dtype, found.y.dtype, found.n_classes) == (np.float32, np.int64, 3)


def test_features_as_they_are_keep_the_worth_of_their_directions(features, tmp_path):
    table = {
        "dataset": "emotion-e5", "batch_size": 5, "rounds": 2, "seeds": 1, "strategies": ["random"],
        "learner": {"kind": "linear-probe"}, "initial": {"kind": "none"},
    }  # fmt: skip
    task = prepare(from_table("p", table | {"embedding": {"kind": "as-is"}}), 0, Cache(tmp_path))
    deviation = task.X.std(0)
    assert deviation[0] / deviation[2] == pytest.approx(9, rel=0.3)
    assert np.square(task.X).sum(1).mean() == pytest.approx(6, rel=1e-3)
    np.testing.assert_allclose(task.X.mean(0), 0, atol=1e-5)
    with raises_input("embedding", "'ssl' with emotion-e5"):
        prepare(from_table("p", table | {"embedding": {"kind": "ssl"}}), 0, Cache(tmp_path))


def test_what_is_missing_or_another_file_is_said(features):
    path, _ = features
    path.write_bytes(path.read_bytes() + b"\0")
    data._load.cache_clear()
    with pytest.raises(DataFileError, match=r"emotion-e5\.npz has SHA-256 .* expected"):
        data.load("emotion-e5")
    path.unlink()
    with pytest.raises(DatasetError, match="SPOTAL_DATA"):
        data.load("emotion-e5")


def test_protocols_on_encoders_features_are_of_both_roles():
    found = [one for one in map(protocol_library.load, protocol_library.names()) if one.dataset in pretrained.FILES]
    roles = {role: [one.dataset for one in found if one.role == role] for role in ("development", "reporting")}
    assert not set(roles["development"]) & set(roles["reporting"])
    assert all(roles.values())
    assert {one.embedding.kind for one in found} == {"as-is"}
