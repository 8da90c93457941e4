"""Pools, row numbers and masses from files: every format there and back, and every fault in one sentence."""

import os
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.raising import raises_input

from spotal.errors import DataFileError, InputError
from spotal.pool.files import read_indices, read_pool
from spotal.pool.values import read_vector

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
IDS = [f"r{k}" for k in range(6)]
MASS = np.arange(6) / 4


def csv(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


# -- there and back


def test_npy_is_mapped(tmp_path):
    np.save(tmp_path / "a.npy", X)
    pool = read_pool(tmp_path / "a.npy")
    assert isinstance(pool.features, np.memmap)
    np.testing.assert_array_equal(pool.features, X)
    assert (pool.ids, pool.mass, pool.paths, pool.kind, len(pool)) == (None, None, None, "npy", 6)


@pytest.mark.parametrize("name", ["X", "embeddings", "whatever"])
def test_npz(tmp_path, name):
    np.savez_compressed(tmp_path / "a.npz", **{name: X, "who": np.array(IDS), "w": MASS})
    pool = read_pool(tmp_path / "a.npz", id_column="who", mass_column="w")
    np.testing.assert_array_equal(pool.features, X)
    np.testing.assert_array_equal(pool.mass, MASS)
    assert pool.ids == IDS
    assert read_pool(tmp_path / "a.npz").ids is None


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    columns = {"id": np.arange(60, 66), "w": MASS, "name": IDS, "label": [1] * 6, "mass": [2.0] * 6}
    columns |= {f"f{k}": X[:, k] for k in range(3)}
    if kind == "csv":
        csv(path, ",".join(columns), zip(*columns.values(), strict=True))
    else:
        pq.write_table(pa.table(columns), path)
    pool = read_pool(path, mass_column="w")
    np.testing.assert_allclose(pool.features, X, rtol=1e-6)
    assert pool.features.dtype == (np.float32 if kind == "parquet" else np.float64)
    if kind == "csv":  # as it is written; of numbers in Parquet their decimal text is the id
        assert pool.ids == [str(name) for name in range(60, 66)]
    else:
        assert pool.ids.tolist() == list(range(60, 66))
    np.testing.assert_array_equal(pool.mass, MASS)
    named = read_pool(path, id_column="name")
    assert named.ids == IDS
    assert named.mass is None
    assert named.features.shape == (6, 4)  # w is a feature now


def test_csv_without_header(tmp_path):
    csv(tmp_path / "a.csv", "1,2.5", [(3, 4), (5, -1e3)])
    assert read_pool(tmp_path / "a.csv").features.tolist() == [[1, 2.5], [3, 4], [5, -1000]]


@pytest.mark.parametrize("make", [pa.list_, lambda kind: pa.list_(kind, 3), pa.large_list])
@pytest.mark.parametrize("name", ["embedding", "X"])
def test_column_of_lists(tmp_path, make, name):
    table = pa.table({"key": IDS, name: pa.array(X.tolist(), make(pa.float32())), "size": np.arange(6)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    pool = read_pool(tmp_path / "a.parquet", id_column="key")
    np.testing.assert_array_equal(pool.features, X)
    assert pool.features.dtype == np.float32
    assert pool.ids == IDS


def test_sliced_lists(tmp_path):
    table = pa.table({"X": pa.array(X.tolist(), pa.list_(pa.float64(), 3))}).slice(2, 3)
    pq.write_table(table, tmp_path / "a.parquet")
    np.testing.assert_allclose(read_pool(tmp_path / "a.parquet").features, X[2:5])


def test_folder_of_images(tmp_path):
    for name in ("b.png", "a/z.JPG", "a/c.bmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / name)
    pool = read_pool(tmp_path, strict=True)
    assert pool.kind == "images"
    assert pool.features is None
    assert pool.ids == ["a/c.bmp", "a/z.JPG", "b.png"]
    assert pool.paths == [tmp_path / name for name in pool.ids]
    assert len(pool) == 3
    (tmp_path / "b.png").write_bytes(b"x")
    assert len(read_pool(tmp_path)) == 3
    with pytest.raises(DataFileError, match=r"b\.png cannot be read as an image"):
        read_pool(tmp_path, strict=True)


def test_strict_wants_finite_numbers(tmp_path):
    bad = X.copy()
    bad[4, 1] = np.nan
    np.save(tmp_path / "a.npy", bad)
    read_pool(tmp_path / "a.npy")
    with pytest.raises(DataFileError, match=r"a\.npy must be finite.*row\(s\) 4"):
        read_pool(tmp_path / "a.npy", strict=True)


# -- faults


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.parquet", "folder", "a.txt"])
def test_missing(tmp_path, name):
    with pytest.raises(DataFileError, match=f"{name} does not exist"):
        read_pool(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.parquet"])
def test_empty_and_foreign(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(DataFileError, match=f"{name} is empty"):
        read_pool(path)
    if name != "a.csv":
        path.write_bytes(b"\x00something else altogether, long enough")
        with pytest.raises(DataFileError, match=f"{name} is (not|truncated|damaged)"):
            read_pool(path)


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_truncated(tmp_path, kind, share):
    path = tmp_path / f"a.{kind}"
    big = np.random.default_rng(1).normal(size=(200, 5))
    if kind == "npy":
        np.save(path, big)
    elif kind == "npz":
        np.savez_compressed(path, X=big)
    else:
        pq.write_table(pa.table({f"f{k}": big[:, k] for k in range(5)}), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataFileError, match=rf"a\.{kind} is (truncated or corrupt|damaged or cut short)"):
        read_pool(path)


def test_corrupt_in_the_middle(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=np.random.default_rng(1).normal(size=(200, 5)))
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"a\.npz is truncated or corrupt"):
        read_pool(path)


class _Trap:
    def __reduce__(self):
        return os.mkdir, ("should-not-exist",)


def test_pickles_are_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "a.npy", np.array([[_Trap()]], object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", X=np.array([[_Trap()]], object))
    (tmp_path / "c.npy").write_bytes(pickle.dumps(_Trap()))
    for name, found in (("a.npy", "pickled"), ("b.npz", "pickled"), ("c.npy", "not a .npy file")):
        with pytest.raises(DataFileError, match=f"{name} .*{found}"):
            read_pool(tmp_path / name)
    assert not (tmp_path / "should-not-exist").exists()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (X[0], r"must have shape \(rows, features\), found \(3,\)"),
        (X[:0], r"found \(0, 3\)"),
        (X[:, :0], r"found \(6, 0\)"),
        (np.array([["a"]]), "must hold numbers, found dtype <U1"),
        (X.astype(complex), "must hold numbers"),
    ],
)
def test_arrays_that_are_no_matrix_of_numbers(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataFileError, match=message):
        read_pool(tmp_path / "a.npy")


def test_npz_that_is_ambiguous_or_uneven(tmp_path):
    np.savez(tmp_path / "a.npz", a=X, b=X)
    with pytest.raises(DataFileError, match="only one 2-D array, found 'a', 'b'"):
        read_pool(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=X, who=np.array(IDS[:4]))
    with pytest.raises(DataFileError, match=r"array 'who', must have shape \(6,\), found \(4,\)"):
        read_pool(tmp_path / "b.npz", id_column="who")
    with raises_input("mass_column", "'w'"):
        read_pool(tmp_path / "b.npz", mass_column="w")


@pytest.mark.parametrize(
    ("text", "arguments", "kind", "message"),
    [
        ("a,b\n1,2\n3\n", {}, DataFileError, "more or fewer fields in line 3 than in its header, 1 for 2"),
        ("a,b\n", {}, DataFileError, "has no rows"),
        ("a,a\n1,2\n", {}, DataFileError, "more than one column called 'a'"),
        ("name\nx\ny\n", {}, DataFileError, "no column of features; its columns are 'name'"),
        ("a,b\n1,2\n3,x\n5,6\n7,8\n", {}, DataFileError, "text among the numbers of column 'b', first 'x' in line 3"),
        ("a,b\n1,2\n", {"id_column": "c"}, InputError, "id_column must name a column of .*'c'; its columns are"),
        ("a,b\n1,2\n", {"mass_column": "c"}, InputError, "mass_column must name a column"),
        ("k,b\nu,2\nu,3\n", {"id_column": "k"}, DataFileError, "must not repeat, found 'u'"),
        ("id,b\n1,2\n,3\n", {}, DataFileError, "empty cell in column 'id', line 3"),
        ("m,b\nq,2\nr,3\n", {"mass_column": "m"}, DataFileError, "column 'm', must hold numbers"),
        ("m,b\n-1,2\n2,3\n", {"mass_column": "m"}, InputError, "mass in .* must not be negative"),
    ],
)
def test_bad_csv(tmp_path, text, arguments, kind, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(kind, match=message):
        read_pool(tmp_path / "a.csv", **arguments)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0], [1.0]], "1 numbers in row 1 and 2 in row 0"),
        ([[1.0], None], "None numbers in row 1"),
        ([["a"], ["b"]], "not lists of numbers"),
        ([[], []], "0 numbers in row 0"),
    ],
)
def test_ragged_lists(tmp_path, rows, message):
    kind = pa.list_(pa.string() if rows[0] == ["a"] else pa.float64())
    pq.write_table(pa.table({"embedding": pa.array(rows, kind)}), tmp_path / "a.parquet")
    with pytest.raises(DataFileError, match=message):
        read_pool(tmp_path / "a.parquet")


def test_other_kinds_and_folders(tmp_path):
    np.save(tmp_path / "a.npy", X)
    for argument in ("id_column", "mass_column"):
        with pytest.raises(InputError, match=f"{argument} 'k' cannot be read from a .npy file"):
            read_pool(tmp_path / "a.npy", **{argument: "k"})
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(DataFileError, match="not a kind of file that holds a pool"):
        read_pool(tmp_path / "a.xlsx")
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataFileError, match="has no images"):
        read_pool(tmp_path / "bare")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DataFileError, match="has no images"):
        read_pool(tmp_path / "d.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_permission(tmp_path):
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").chmod(0)
    with pytest.raises(DataFileError, match="permission denied"):
        read_pool(tmp_path / "a.npy")


def test_permission_is_told_whoever_runs_this(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", X)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(DataFileError, match=r"a\.npy cannot be read \(permission denied\)"):
        read_pool(tmp_path / "a.npy")


# -- labeled rows


def test_row_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.array([4, 0]))
    (tmp_path / "a.txt").write_text("4\n\n 0 \n")
    (tmp_path / "a.csv").write_text("4\n0\n")
    csv(tmp_path / "b.csv", "row,label", [(4, "cat"), (0, "dog")])
    for name in ("a.npy", "a.txt", "a.csv", "b.csv"):
        found = read_indices(tmp_path / name, 6)
        assert found.rows.tolist() == [4, 0]
        assert found.rows.dtype == np.int64
        assert found.labels == (["cat", "dog"] if name == "b.csv" else None)


def test_ids(tmp_path):
    csv(tmp_path / "a.csv", "extra,id,label", [(9, "r5", 1), (9, "r2", 0)])
    assert read_indices(tmp_path / "a.csv", 6, IDS).rows.tolist() == [5, 2]
    assert read_indices(tmp_path / "a.csv", 6, IDS).labels == ["1", "0"]
    csv(tmp_path / "b.csv", "key,who", [(1, "r5"), (2, "r2")])
    assert read_indices(tmp_path / "b.csv", 6, IDS, "who").rows.tolist() == [5, 2]
    (tmp_path / "a.txt").write_text("r1\nr0")
    assert read_indices(tmp_path / "a.txt", 6, IDS).rows.tolist() == [1, 0]
    np.save(tmp_path / "a.npy", np.array([30, 10]))
    assert read_indices(tmp_path / "a.npy", 3, np.array([10, 20, 30])).rows.tolist() == [2, 0]


def test_numbers_where_ids_are_text(tmp_path):
    np.save(tmp_path / "a.npy", np.array([3, 1]))
    assert read_indices(tmp_path / "a.npy", 6, IDS).rows.tolist() == [3, 1]
    csv(tmp_path / "row.csv", "row", [(2,)])
    assert read_indices(tmp_path / "row.csv", 3, np.array([10, 20, 30])).rows.tolist() == [2]


@pytest.mark.parametrize(
    ("text", "ids", "kind", "message"),
    [
        ("6\n", None, InputError, r"must lie in 0\.\.5, the rows of the pool, found 6"),
        ("-1\n", None, InputError, "found -1"),
        ("1\n1\n", None, InputError, "must not repeat a row, found row 1"),
        ("1\nx\n", None, InputError, "must be row numbers, since the pool has no ids, found 'x'"),
        ("r1\nq\n", IDS, InputError, "must be ids of the pool, found 'q'"),
        ("r1\n2\n", IDS, InputError, "must be ids of the pool, found '2'"),
        ("3\n", np.arange(10, 16), InputError, "must be ids of the pool, found '3'"),
        ("", None, DataFileError, "is empty"),
    ],
)
def test_bad_rows(tmp_path, text, ids, kind, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(kind, match=message):
        read_indices(tmp_path / "a.txt", 6, ids)


def test_bad_label_files(tmp_path):
    csv(tmp_path / "a.csv", "row,label", [(1, "a"), (2, "")])
    with pytest.raises(DataFileError, match="no label in line 3"):
        read_indices(tmp_path / "a.csv", 6)
    with raises_input("id_column"):
        read_indices(tmp_path / "a.csv", 6, id_column="who")
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DataFileError, match="must hold row numbers or ids"):
        read_indices(tmp_path / "a.npy", 6)
    with pytest.raises(DataFileError, match="does not exist"):
        read_indices(tmp_path / "none.csv", 6)
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(DataFileError, match=r"must end in \.npy, \.txt or \.csv"):
        read_indices(tmp_path / "a.json", 6)
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe1")
    with pytest.raises(DataFileError, match="not UTF-16 in line 1"):
        read_indices(tmp_path / "b.txt", 6)


# -- masses


def test_vectors(tmp_path):
    np.save(tmp_path / "a.npy", MASS)
    np.save(tmp_path / "b.npy", MASS[:, None])
    (tmp_path / "a.txt").write_text("\n".join(map(str, MASS)))
    csv(tmp_path / "a.csv", "id,mass,other", zip(IDS, MASS, range(6), strict=True))
    csv(tmp_path / "b.csv", "id,weight", zip(IDS, MASS, strict=True))
    csv(tmp_path / "c.csv", "0.0", [(value,) for value in MASS[1:]])
    for name in ("a.npy", "b.npy", "a.txt", "a.csv", "b.csv", "c.csv"):
        found = read_vector(tmp_path / name, 6, IDS)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, MASS)


def test_bad_vectors(tmp_path):
    np.save(tmp_path / "a.npy", MASS)
    with raises_input("path", "shape (6,)"):
        read_vector(tmp_path / "a.npy", 5)
    np.save(tmp_path / "a.npy", -MASS)
    with pytest.raises(InputError, match="must not be negative"):
        read_vector(tmp_path / "a.npy", 6)
    (tmp_path / "a.txt").write_text("1\nmuch\n")
    with pytest.raises(DataFileError, match="must hold one number a line"):
        read_vector(tmp_path / "a.txt", 2)
    csv(tmp_path / "a.csv", "u,v", [(1, 2)])
    with pytest.raises(DataFileError, match="a column 'mass' or one column of numbers, found 2"):
        read_vector(tmp_path / "a.csv", 1)
    np.save(tmp_path / "s.npy", np.array(["a"]))
    with pytest.raises(DataFileError, match="must hold numbers"):
        read_vector(tmp_path / "s.npy", 1)


def test_numbers_go_to_the_rows_of_their_ids(tmp_path):
    (tmp_path / "mass.csv").write_text("id,mass\nc,3\na,1\nb,2\n")
    assert read_vector(tmp_path / "mass.csv", 3, ["a", "b", "c"]).tolist() == [1, 2, 3]
    with raises_input("path", "'c'"):
        read_vector(tmp_path / "mass.csv", 3)
    (tmp_path / "whole.csv").write_text("id,mass\n7,3\n5,1\n")
    assert read_vector(tmp_path / "whole.csv", 2, np.array([5, 7])).tolist() == [1, 3]
    with raises_input("path", "'c'"):
        read_vector(tmp_path / "mass.csv", 3, ["a", "b", "d"])
    (tmp_path / "twice.csv").write_text("id,mass\na,3\na,1\n")
    with pytest.raises(InputError, match="repeat"):
        read_vector(tmp_path / "twice.csv", 2, ["a", "b"])


@pytest.mark.parametrize("suffix", ["", ".npy", ".npz", ".csv", ".parquet", ".jsonl"])
def test_a_path_with_a_nul_character(suffix):
    with pytest.raises(DataFileError, match=r"'a\\x00b.*' has a NUL character, which no path has; check the path"):
        read_pool(f"a\0b{suffix}")
