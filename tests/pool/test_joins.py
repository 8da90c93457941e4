"""Files about a pool's rows are joined by id, whatever order and form they are in, and never by position."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.raising import raises_input

from spotal.errors import DataFileError, InputError
from spotal.pool.files import read_indices, read_pool
from spotal.pool.values import read_names, read_probabilities, read_vector

IDS = ["007", "7", "x", "é"]
ORDER = [2, 0, 3, 1]


def save(path, columns):
    """Columns as a file of the kind that its name says."""
    kind = path.suffix
    if kind == ".npz":
        np.savez(path, **{name: np.asarray(values) for name, values in columns.items()})
    elif kind == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif kind == ".jsonl":
        rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        lines = [list(columns), *zip(*columns.values(), strict=True)]
        path.write_text("\n".join(",".join(map(str, line)) for line in lines), encoding="utf-8")
    return path


KINDS = ["csv", "npz", "parquet", "jsonl"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", ["id", "row", "named", "another"])
def test_values_names_and_probabilities_follow_the_ids(tmp_path, kind, key):
    if kind == "npz" and key == "another":
        pytest.skip("arrays are looked for by name")
    names = ORDER if key == "row" else [IDS[row] for row in ORDER]
    how = {"id_column": "named"} if key == "named" else {}
    values = [float(row) for row in ORDER]
    mass = save(tmp_path / f"m.{kind}", {key: names, "mass": values})
    assert read_vector(mass, 4, IDS, **how).tolist() == [0, 1, 2, 3]
    group = save(tmp_path / f"g.{kind}", {key: names, "group": [f"g{row}" for row in ORDER]})
    assert read_names(group, 4, IDS, **how) == ["g0", "g1", "g2", "g3"]
    if kind == "jsonl":
        return
    columns = {"X": np.c_[values, values]} if kind == "npz" else {"p0": values, "p1": values}
    found = read_probabilities(save(tmp_path / f"p.{kind}", {key: names, **columns}), 4, IDS, **how)
    assert found.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x", "007", "é", "8"], "must be ids of the pool, found '8'"),
        (["x", "007", "é", "é"], "repeat"),
        (["x", "007", "é"], "found 3 for 4 rows and none for id '7'"),
        (["x", "007", "é", "7", "y"], "must be ids of the pool, found 'y'"),
    ],
)
def test_ids_that_do_not_match(tmp_path, kind, names, message):
    values = [1.0] * len(names)
    with pytest.raises((InputError, DataFileError), match=message):
        read_vector(save(tmp_path / f"m.{kind}", {"id": names, "mass": values}), 4, IDS)
    with pytest.raises((InputError, DataFileError), match=message):
        read_names(save(tmp_path / f"g.{kind}", {"id": names, "group": [str(v) for v in values]}), 4, IDS)
    if kind != "jsonl":
        columns = {"X": np.c_[values, values]} if kind == "npz" else {"p0": values, "p1": values}
        with pytest.raises((InputError, DataFileError), match=message):
            read_probabilities(save(tmp_path / f"p.{kind}", {"id": names, **columns}), 4, IDS)


def test_ids_that_look_like_numbers_are_no_row_numbers(tmp_path):
    (tmp_path / "a.txt").write_text("1\n2\n")
    with raises_input("path", "'1'"):
        read_indices(tmp_path / "a.txt", 4, IDS)
    (tmp_path / "a.csv").write_text("id,label\n0,a\n1,b\n")
    with raises_input("path", "'0'"):
        read_indices(tmp_path / "a.csv", 2, ["p", "q"])
    (tmp_path / "b.csv").write_text("id,label\n7,a\n007,b\n")
    assert read_indices(tmp_path / "b.csv", 4, IDS).rows.tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_same_ids_match_in_every_form(tmp_path, kind):
    large = [2**63 + 5, 2**64 - 1, 3]
    pool = read_pool(save(tmp_path / f"a.{kind}", {"id": np.array(large, np.uint64), "x": [1.0, 2.0, 3.0]}))
    for name in ("l.csv", "l.jsonl", "l.parquet"):
        labeled = save(tmp_path / name, {"id": [str(large[2]), str(large[0])], "label": ["a", "b"]})
        assert read_indices(labeled, 3, pool.ids).rows.tolist() == [2, 0]
    np.save(tmp_path / "l.npy", np.array(large[:2], np.uint64))
    assert read_indices(tmp_path / "l.npy", 3, pool.ids).rows.tolist() == [0, 1]


def test_an_array_of_ids_in_an_npz_counts(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(4), id=np.array(IDS))
    assert read_pool(tmp_path / "a.npz").ids == IDS
    np.savez(tmp_path / "b.npz", X=np.eye(4), id=np.array(["a", "a", "b", "c"]))
    with pytest.raises(DataFileError, match="must not repeat, found 'a'"):
        read_pool(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", X=np.eye(4), id=np.array(["a", "\ud800", "b", "c"]))
    with pytest.raises(DataFileError, match="lone surrogate"):
        read_pool(tmp_path / "c.npz")
