"""Labeled embeddings in one file."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spotal.datasets import load
from spotal.errors import DataFileError

X = np.arange(40, dtype=np.float32).reshape(10, 4)
Y = np.array([0, 1] * 5)


def together(data):
    rows = np.concatenate([data.X, data.X_test])
    return rows[np.argsort(rows[:, 0])], np.concatenate([data.y, data.y_test])[np.argsort(rows[:, 0])]


def test_npz_is_split(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    data = load(tmp_path / "a.npz")
    assert len(data.X_test) == 2
    rows, labels = together(data)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, Y)
    assert rows.dtype == np.float32
    assert not data.is_images


def test_npz_with_parts_and_text(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=np.array(["b", "a"] * 5), X_test=X[:2], y_test=np.array(["c", "a"]))
    data = load(tmp_path / "a.npz")
    assert data.class_names == ("a", "b", "c")
    assert data.y[:2].tolist() == [1, 0]
    assert data.y_test.tolist() == [2, 0]


def test_npz_of_images(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((10, 5, 5, 3), np.uint8), y=Y)
    assert load(tmp_path / "a.npz").is_images


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        lines = ["id,f0,f1,f2,f3,label", *(f"r{k},{','.join(map(str, X[k]))},{'xy'[Y[k]]}" for k in range(10))]
        path.write_text("\n".join(lines))
    else:
        pq.write_table(pa.table({"embedding": X.tolist(), "label": ["xy"[y] for y in Y]}), path)
    data = load(path)
    assert data.class_names == ("x", "y")
    rows, labels = together(data)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, Y)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "save 'y' too"),
        ({"X": X, "y": Y[:-1]}, "has 10 rows in 'X' and 9 in 'y'"),
        ({"X": X, "y": Y * 0.5}, "vector of integers or text"),
        ({"X": X[0], "y": Y}, "features \\(n, d\\)"),
        ({"X": np.full((10, 2), np.nan), "y": Y}, "must be finite"),
        ({"X": X, "y": Y, "X_test": X}, "save 'y_test' too"),
        ({"X": X, "y": Y, "X_test": X[:, :2], "y_test": Y}, "match them"),
        ({"X": X, "y": np.array([None] * 10)}, "pickled"),
    ],
)
def test_bad_npz(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataFileError, match=message):
        load(tmp_path / "a.npz")


def test_bad_tables(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataFileError, match="has no column 'label'"):
        load(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("a,label\n1,x\n,y\n1,x\n1,y\n")
    with pytest.raises(DataFileError, match=r"must be finite.*row\(s\) 1"):
        load(tmp_path / "b.csv")
