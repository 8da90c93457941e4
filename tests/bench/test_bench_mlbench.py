"""Tables in R's format: read where they are, and said to be missing, broken or others where they are that."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import rdata

from spotal.bench import data, mlbench
from spotal.errors import DataFileError, DatasetError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty place for mlbench's tables, the only one there is."""
    monkeypatch.setattr(mlbench, "DEBIAN", str(tmp_path / "debian"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SPOTAL_DATA", str(tmp_path))
    data._load.cache_clear()
    yield tmp_path / "mlbench"
    data._load.cache_clear()


def write(folder, content, X, labels, categories):
    folder.mkdir(exist_ok=True)
    table = pd.DataFrame({f"V{k}": column for k, column in enumerate(X.T)})
    table["Class"] = pd.Categorical(labels, categories=categories)
    rdata.write_rda(folder / f"{content}.rda", {content: table})


def expect(monkeypatch, name, X, y):
    known = mlbench._checksum(X, np.asarray(y, np.int64))
    monkeypatch.setitem(mlbench.TABLES, name, (mlbench.TABLES[name][0], known))


def test_a_table_is_read_with_its_classes(folder, monkeypatch):
    X = np.arange(12.0).reshape(4, 3)
    write(folder, "LetterRecognition", X, list("BAAC"), list("ABC"))
    expect(monkeypatch, "letter", X, [1, 0, 0, 2])
    found, y, classes = mlbench.read("letter")
    assert np.array_equal(found, X)
    assert y.tolist() == [1, 0, 0, 2]
    assert classes == ("A", "B", "C")


def test_the_shuttle_keeps_its_small_classes_whole(folder, monkeypatch):
    labels = np.repeat([0, 1, 2], [2_000, 40, 10])
    X = np.random.default_rng(0).normal(size=(len(labels), 2))
    write(folder, "Shuttle", X, np.array(["High", "Bypass", "Open"])[labels], ["High", "Bypass", "Open"])
    expect(monkeypatch, "shuttle", X, labels)
    found = data.load("shuttle")
    assert (np.bincount(found.y) + np.bincount(found.y_test)).tolist() == [400, 40, 10]
    assert np.bincount(found.y_test).tolist() == [120, 12, 3]
    assert {tuple(row) for row in found.X} <= {tuple(row) for row in X.astype(np.float32)}


def test_what_is_missing_broken_or_another_table_is_said(folder, monkeypatch):
    with pytest.raises(DatasetError, match=r"install Debian's r-cran-mlbench, or put its Shuttle\.rda in"):
        data.load("shuttle")
    folder.mkdir()
    (folder / "Shuttle.rda").write_bytes(b"no R data")
    with pytest.raises(DataFileError, match=r"Shuttle\.rda cannot be read as R data"):
        data.load("shuttle")
    write(folder, "Shuttle", np.zeros((3, 2)), list("AAB"), list("AB"))
    with pytest.raises(DataFileError, match="holds content of SHA-256"):
        data.load("shuttle")
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(DatasetError, match=r"pip install spotal\[bench\]"):
        data.load("shuttle")
