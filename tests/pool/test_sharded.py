"""Pools in many files: every kind, every fault in one sentence, and nothing left behind."""

from __future__ import annotations

import os
import pickle
import tempfile

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from tests.raising import raises_input

import spotal
from spotal.errors import DataFileError, OutputError
from spotal.numeric.arrays import batches_of
from spotal.pool import as_array, as_pool, bad_rows, check_finite, is_sharded, on_device, open_pool, spool

ROWS = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)


def table(rows, first=0, ids=None):
    names = pa.array(range(first, first + len(rows)) if ids is None else ids)
    return pa.table({"id": names, "embedding": pa.array(list(rows), pa.list_(pa.from_numpy_dtype(rows.dtype)))})


def write(path, rows, first=0):
    kind = path.suffix
    if kind == ".npy":
        np.save(path, rows)
    elif kind == ".parquet":
        parquet.write_table(table(rows, first), path, row_group_size=13)
    elif kind == ".zarr":
        import zarr

        zarr.save_array(str(path), rows)
    elif kind == ".lance":
        import lance

        lance.write_dataset(table(rows, first), str(path), max_rows_per_file=17)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table(rows).schema) as writer:
            writer.write_table(table(rows, first), max_chunksize=11)


def shards(folder, kind=".npy", rows=ROWS, cuts=(40, 41)):
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(np.split(rows, cuts)):
        write(folder / f"s{number}{kind}", part, first=[0, *cuts][number])
    return folder


KINDS = [".npy", ".parquet", ".arrow", ".feather", ".zarr", ".lance"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_the_same_rows(tmp_path, kind):
    pool = open_pool(shards(tmp_path, kind))
    assert (len(pool), pool.dim) == ROWS.shape
    read = torch.cat([batch.points for batch in pool.batches()])
    assert np.array_equal(read.numpy(), ROWS)
    some = np.array([89, 0, 40, 41, 7])
    assert np.array_equal(pool.rows(some).numpy(), ROWS[some])
    with batches_of(0):  # 256 rows at a time, more than there are: stretches are cut by what is asked for
        for start, stop in ((0, 1), (12, 53), (39, 42), (41, 90), (60, 60)):
            stretch = list(pool.batches(start, stop))
            assert [batch.start for batch in stretch] == [start] * (start < stop)
            assert all(np.array_equal(batch.points.numpy(), ROWS[start:stop]) for batch in stretch)
    there = pickle.loads(pickle.dumps(pool))
    assert np.array_equal(there.rows(some).numpy(), ROWS[some])
    assert pool.where(41) == f"0 of {tmp_path / f's2{kind}'}"
    ids = pool.ids()
    assert ids is None if kind in (".npy", ".zarr") else np.array_equal(ids, np.arange(90))
    assert np.array_equal(
        spotal.select(str(tmp_path), 5, random_state=0).indices, spotal.select(ROWS, 5, random_state=0).indices
    )


def test_a_stretch_of_a_table_reads_its_row_groups_alone(tmp_path):
    write(tmp_path / "x.parquet", ROWS)  # groups of 13 rows
    (shard,) = open_pool(tmp_path / "x.parquet").shards
    read, file = [], shard.file

    class Watched:
        metadata = file.metadata

        def iter_batches(self, *, row_groups, **options):
            read.extend(row_groups)
            return file.iter_batches(row_groups=row_groups, **options)

    shard.file = Watched()
    for start, stop, groups in ((14, 25, [1]), (25, 27, [1, 2]), (78, 90, [6])):
        assert np.array_equal(np.concatenate(list(shard.pieces(start, stop))), ROWS[start:stop])
        assert read == groups
        read.clear()
    assert np.array_equal(shard.take(np.array([0, 12, 40, 41, 55, 89])), ROWS[[0, 12, 40, 41, 55, 89]])
    assert read == [0, 3, 4, 6]


def sources(folder, kind):
    """The same rows by every way that leads to them."""
    if kind == "loader":
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(ROWS)), batch_size=7)
    if kind == "iterable":

        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter(ROWS)

        return torch.utils.data.DataLoader(Stream(), batch_size=8)
    if kind == "memory":
        import fsspec

        shards(folder)
        for path in folder.iterdir():
            with fsspec.open(f"memory://spotal/{path.name}", "wb") as file:
                file.write(path.read_bytes())
        return "memory://spotal/*.npy"
    if kind == "file":
        return f"file://{shards(folder, '.parquet')}"
    import datasets

    rows = datasets.Dataset.from_dict(
        {"id": range(90), "embedding": list(ROWS), "label": [0] * 90},
        features=datasets.Features(
            id=datasets.Value("int64"), embedding=datasets.List(datasets.Value("float32")), label=datasets.Value("int8")
        ),
    )
    if kind == "datasets":
        return rows
    if kind == "streamed datasets":
        return rows.to_iterable_dataset(num_shards=3)
    rows.save_to_disk(folder / "saved", num_shards=2)
    return folder / "saved"


WAYS = ["loader", "iterable", "memory", "file", "datasets", "streamed datasets", "saved datasets"]


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("least", [40, 4_096])
def test_every_way_to_a_pool_gives_the_picks_of_its_rows(tmp_path, kind, least):
    strategy = spotal.SPOT(sample_size=least)
    alone = spotal.select(ROWS, 3, strategy, random_state=0)
    found = spotal.select(sources(tmp_path, kind), 3, strategy, random_state=0)
    assert np.array_equal(found.indices, alone.indices)
    assert np.array_equal(found.cell_mass, alone.cell_mass)
    if least > len(ROWS):
        assert np.array_equal(as_array(sources(tmp_path / "again", kind)), ROWS)


def test_globs_uris_and_single_files(tmp_path):
    shards(tmp_path)
    for source in (
        f"{tmp_path}/*.npy",
        f"file://{tmp_path}",
        f"file://{tmp_path}/s?.npy",
        f"local://{tmp_path}/s*.npy",
    ):
        assert is_sharded(source)
        assert len(open_pool(source)) == 90
    assert len(open_pool(tmp_path / "s0.npy")) == 40
    assert not is_sharded(tmp_path / "s0.npy")


def test_half_precision_is_read_as_it_is(tmp_path):
    half = ROWS.astype(np.float16)
    pool = open_pool(shards(tmp_path, rows=half))
    assert pool.dtype == np.float16
    assert np.array_equal(
        spotal.select(pool, 5, random_state=0).indices,
        spotal.select(half.astype(np.float32), 5, random_state=0).indices,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_cut_short_is_named(tmp_path, kind):
    path = largest(shards(tmp_path, kind) / f"s0{kind}")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataFileError, match=f"s0{kind}"):
        list(open_pool(tmp_path).batches())


def largest(path):
    """A file, or the largest one in a folder."""
    return path if path.is_file() else max((f for f in path.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)


def test_a_table_whose_rows_change_their_width(tmp_path):
    whole = pa.concat_tables([table(ROWS[:40]), table(ROWS[40:80, :5], 40)])
    parquet.write_table(whole, tmp_path / "x.parquet", row_group_size=40)
    with batches_of(0), pytest.raises(DataFileError, match=r"x\.parquet has 5 numbers in row 40 and 6 in row 0"):
        list(open_pool(tmp_path / "x.parquet").batches())


def test_a_missing_shard(tmp_path):
    with pytest.raises(DataFileError, match="does not exist"):
        open_pool(tmp_path / "gone.npy")
    with pytest.raises(DataFileError, match="has no shards"):
        open_pool(tmp_path)
    pool = open_pool(shards(tmp_path))
    (tmp_path / "s1.npy").unlink()
    with pytest.raises(DataFileError, match=r"s1\.npy is gone"):
        list(pool.batches())


@pytest.mark.parametrize(("other", "what"), [(ROWS[:, :5], "width 5"), (ROWS.astype(np.float64), "dtype float64")])
def test_shards_that_differ(tmp_path, other, what):
    np.save(shards(tmp_path) / "t.npy", other)
    with pytest.raises(DataFileError, match=rf"t\.npy has {what} where .*s0\.npy has"):
        open_pool(tmp_path)


def test_rows_that_are_not_finite_are_named_or_left_out(tmp_path):
    rows = ROWS.copy()
    rows[43, 2], rows[88, 0] = np.nan, np.inf
    pool = open_pool(shards(tmp_path, rows=rows))
    with raises_input("pool", "s2.npy, 47 of"):
        check_finite(pool)
    with raises_input("pool", "s2.npy"):
        spotal.select(pool, 5, random_state=0)
    bad = bad_rows(pool)
    assert bad.tolist() == [43, 88]
    kept = type(pool)(pool.shards, bad)
    clean = np.delete(rows, bad, axis=0)
    assert len(kept) == 88
    assert np.array_equal(torch.cat([batch.points for batch in kept.batches()]).numpy(), clean)
    assert np.array_equal(kept.rows(np.arange(88)).numpy(), clean)
    assert kept.source_rows(np.array([42, 43, 87])).tolist() == [42, 44, 89]
    check_finite(kept)


def change(path):
    """Write other rows of the same size, at the same time as far as the file system says."""
    path = largest(path)
    stat, content = os.stat(path), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pool_that_changes_between_passes(tmp_path, kind):
    pool = open_pool(shards(tmp_path, kind))
    list(pool.batches())
    change(tmp_path / f"s0{kind}")
    with pytest.raises(DataFileError, match=rf"s0\{kind} changed while the pool was read"):
        list(pool.batches())
    with pytest.raises(DataFileError, match=rf"s0\{kind} changed while the pool was read"):
        pool.rows(np.array([3]))


@pytest.mark.parametrize("kind", [".npy", ".zarr"])
def test_a_pool_that_grows_during_a_pass(tmp_path, kind):
    pool = open_pool(shards(tmp_path, kind))
    batches = pool.batches()
    next(batches)
    if kind == ".npy":
        np.save(tmp_path / "s2.npy", np.repeat(ROWS, 2, axis=0))
    else:
        import zarr

        zarr.open_array(str(tmp_path / "s2.zarr"), mode="r+").append(ROWS)
    with pytest.raises(DataFileError, match=rf"s2\{kind} changed"):
        list(batches)


def test_a_mapped_array_whose_file_changes(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    array = np.load(tmp_path / "x.npy", mmap_mode="r")
    for seen in (array, array[20:80], np.asarray(array)[::2]):
        pool = as_pool(seen)
        list(pool.batches())
        change(tmp_path / "x.npy")
        for read in (lambda pool=pool: list(pool.batches()), lambda pool=pool: pool.rows(np.array([3]))):
            with pytest.raises(DataFileError, match=r"x\.npy changed while the pool was read"):
                read()
    picks = spotal.select(array, 2, spotal.SPOT(sample_size=40), random_state=0)
    with (tmp_path / "x.npy").open("ab") as file:
        file.write(b"more")
    with pytest.raises(DataFileError, match=r"x\.npy changed"):
        picks.cells  # noqa: B018 - found by another pass when it is asked for
    (tmp_path / "x.npy").unlink()
    assert len(as_pool(array)) == 90  # a file that has no name any more cannot be changed by it
    assert torch.equal(next(as_pool(spool([ROWS])).batches()).points, torch.from_numpy(ROWS))


def test_a_loop_whose_file_changes_between_rounds(tmp_path):
    from sklearn.linear_model import LogisticRegression

    np.save(tmp_path / "x.npy", ROWS)
    learner, oracle = spotal.SklearnLearner(LogisticRegression(), 2), spotal.VectorOracle((ROWS[:, 0] > 0).astype(int))
    made = spotal.ActiveLearner(tmp_path / "x.npy", learner, spotal.SPOT(), oracle, batch_size=6, random_state=0)
    made.step()
    change(tmp_path / "x.npy")
    with pytest.raises(DataFileError, match=r"x\.npy changed"):
        made.step()
    assert len(made.labeled_) == 6


def test_ids_that_repeat_across_shards(tmp_path):
    for number, ids in enumerate((["a", "b"], ["c", "a"])):
        parquet.write_table(table(ROWS[:2], ids=ids), tmp_path / f"s{number}.parquet")
    with pytest.raises(DataFileError, match=r"found 'a' in .*s0\.parquet and in .*s1\.parquet"):
        open_pool(tmp_path).ids()


def test_batches_of_a_loader_are_spooled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(ROWS)), batch_size=7)
    dicts = ({"embedding": row} for row in ROWS)
    for batches in (loader, dicts, (ROWS[k : k + 20] for k in range(0, 90, 20))):
        pool = spool(batches)
        assert np.array_equal(pool, ROWS)
        assert list(tmp_path.iterdir()) == []
    assert np.array_equal(
        spotal.select(loader, 5, random_state=0).indices, spotal.select(ROWS, 5, random_state=0).indices
    )


def test_a_loop_over_shards_is_one_over_their_rows(tmp_path):
    from sklearn.linear_model import LogisticRegression

    def loop(X):
        learner = spotal.SklearnLearner(LogisticRegression(), 2)
        oracle = spotal.VectorOracle((ROWS[:, 0] > 0).astype(int))
        made = spotal.ActiveLearner(X, learner, spotal.SPOT(), oracle, batch_size=6, max_labels=18, random_state=0)
        made.run()
        return made.labeled_

    expected = loop(ROWS)
    np.save(tmp_path / "whole.npy", ROWS)
    (tmp_path / "parts").mkdir()
    shards(tmp_path / "parts", ".parquet")
    for source in (tmp_path / "whole.npy", str(tmp_path / "parts"), f"{tmp_path}/parts/*.parquet"):
        assert np.array_equal(loop(source), expected)


def test_batches_that_differ_or_are_none():
    with raises_input("batches", "width 4 and dtype float32"):
        spool([ROWS[:3], ROWS[:3, :4]])
    with raises_input("pool", "none"):
        spool(iter([]))
    with raises_input("batches", "image"):
        spool([{"image": ROWS[0]}])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_while_spooling(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    with pytest.raises(OutputError, match="no space left"):
        spool([ROWS])


def test_devices():
    pool = open_pool  # only names are checked before a pool is touched
    with raises_input("device"):
        on_device(pool, "tpu")
    if not torch.cuda.is_available():
        with raises_input("device", "no CUDA device"):
            on_device(pool, "cuda")
        assert on_device(pool, "auto") is pool
