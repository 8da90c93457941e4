"""Pools in many files: every kind, every fault in one sentence, and nothing left behind."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

import spotal
from spotal.errors import DataFileError, InputError, OutputError
from spotal.pool import bad_rows, check_finite, is_sharded, on_device, open_pool, spool

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
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table(rows).schema) as writer:
            writer.write_table(table(rows, first), max_chunksize=11)


def shards(folder, kind=".npy", rows=ROWS, cuts=(40, 41)):
    for number, part in enumerate(np.split(rows, cuts)):
        write(folder / f"s{number}{kind}", part, first=[0, *cuts][number])
    return folder


@pytest.mark.parametrize("kind", [".npy", ".parquet", ".arrow", ".feather", ".zarr"])
def test_every_kind_reads_the_same_rows(tmp_path, kind):
    pool = open_pool(shards(tmp_path, kind))
    assert (len(pool), pool.dim) == ROWS.shape
    read = torch.cat([batch.points for batch in pool.batches()])
    assert np.array_equal(read.numpy(), ROWS)
    some = np.array([89, 0, 40, 41, 7])
    assert np.array_equal(pool.rows(some).numpy(), ROWS[some])
    assert pool.where(41) == f"0 of {tmp_path / f's2{kind}'}"
    ids = pool.ids()
    assert ids is None if kind in (".npy", ".zarr") else np.array_equal(ids, np.arange(90))
    assert np.array_equal(
        spotal.select(str(tmp_path), 5, random_state=0).indices, spotal.select(ROWS, 5, random_state=0).indices
    )


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


@pytest.mark.parametrize("kind", [".npy", ".parquet", ".arrow"])
def test_a_shard_cut_short_is_named(tmp_path, kind):
    path = shards(tmp_path, kind) / f"s2{kind}"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataFileError, match=f"s2{kind}"):
        list(open_pool(tmp_path).batches())


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
    with pytest.raises(InputError, match=r"row\(s\) 2 of .*s2\.npy, 47 of .*s2\.npy"):
        check_finite(pool)
    with pytest.raises(InputError, match=r"2 of .*s2\.npy"):
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


def test_a_pool_that_changes_between_passes(tmp_path):
    pool = open_pool(shards(tmp_path))
    list(pool.batches())
    changed = ROWS[:40].copy()
    changed[0, 0] += 1
    stat = os.stat(tmp_path / "s0.npy")
    np.save(tmp_path / "s0.npy", changed)
    os.utime(tmp_path / "s0.npy", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same size and time: the hash tells
    with pytest.raises(DataFileError, match=r"s0\.npy changed while the pool was read"):
        list(pool.batches())


def test_a_pool_that_grows_during_a_pass(tmp_path):
    pool = open_pool(shards(tmp_path))
    batches = pool.batches()
    next(batches)
    np.save(tmp_path / "s2.npy", np.repeat(ROWS, 2, axis=0))
    with pytest.raises(DataFileError, match=r"s2\.npy changed"):
        list(batches)


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
    with pytest.raises(InputError, match="batch 1 must have width 6"):
        spool([ROWS[:3], ROWS[:3, :4]])
    with pytest.raises(InputError, match="a batch at least"):
        spool(iter([]))
    with pytest.raises(InputError, match="'embedding'"):
        spool([{"image": ROWS[0]}])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_while_spooling(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    with pytest.raises(OutputError, match="no space left"):
        spool([ROWS])


def test_devices():
    pool = open_pool  # only names are checked before a pool is touched
    with pytest.raises(InputError, match="device must be one of"):
        on_device(pool, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            on_device(pool, "cuda")
        assert on_device(pool, "auto") is pool
