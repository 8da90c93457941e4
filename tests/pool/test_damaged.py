"""Damaged pools: what promises or unpacks to more than there is, and changed bytes, end in one sentence."""

from __future__ import annotations

import gc
import io
import json
import zipfile

import numpy as np
import pytest

from spotal.errors import DataFileError
from spotal.pool.files import read_pool
from spotal.pool.manifest import read_manifest
from spotal.pool.opening import open_pool
from spotal.tables import npz, read_table, unpacked


def header(shape, dtype="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


@pytest.mark.parametrize("shape", [(10**9, 10**6), (10**18, 10**18), (2**63, 4), (5, 0), (-1, 5), (40, 4), ()])
def test_a_header_that_speaks_of_more_or_less_than_is_there(tmp_path, shape):
    path = tmp_path / "pool.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("X.npy", header(shape) + np.ones((40, 5)).tobytes())
    with pytest.raises(DataFileError, match=r"pool\.npz is truncated or corrupt \(X\.npy announces .* but has 1,600\)"):
        read_pool(path)


def test_more_than_memory_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "pool.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("X.npy", "weight.npy"):
            file.writestr(name, header((250_000, 5)) + bytes(10_000_000))
    assert path.stat().st_size < 30_000
    assert read_pool(path).features.shape == (250_000, 5)
    monkeypatch.setattr(npz, "free_memory", lambda: 15_000_000)
    with pytest.raises(DataFileError, match=r"pool\.npz unpacks to 0\.0 GB, and 0\.0 GB of memory are free; save"):
        read_pool(path)
    monkeypatch.setattr(npz, "free_memory", lambda: None)
    assert read_pool(path).features.shape == (250_000, 5)


def test_what_numpy_writes_is_read(tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(
            tmp_path / "a.npz",
            X=np.asfortranarray(np.ones((7, 3), np.float16)),
            name=np.array(["é"] * 7),
            one=np.ones(()),
        )
        assert read_pool(tmp_path / "a.npz").features.shape == (7, 3)


def test_a_lance_data_set_with_any_byte_changed_is_read_or_refused(tmp_path):
    lance = pytest.importorskip("lance")
    import pyarrow as pa

    from spotal.pool import open_pool

    path = tmp_path / "pool.lance"
    lance.write_dataset(pa.table({"a": np.arange(20.0), "b": np.ones(20)}), str(path))
    refused = 0
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        sound = file.read_bytes()
        for place in range(0, len(sound), max(1, len(sound) // 40)):
            file.write_bytes(sound[:place] + bytes([sound[place] ^ 0x81]) + sound[place + 1 :])
            try:
                list(open_pool(path).batches())
            except DataFileError:
                refused += 1
        file.write_bytes(sound)
    assert refused > 5


def test_two_columns_of_one_name_in_an_arrow_file(tmp_path):
    import pyarrow as pa

    from spotal.pool import open_pool

    table = pa.table([[1.0, 2.0], [3.0, 4.0]], ["x", "x"])
    for opened, path in ((pa.ipc.new_file, tmp_path / "file.arrow"), (pa.ipc.new_stream, tmp_path / "stream.arrow")):
        with opened(path, table.schema) as writer:
            writer.write_table(table)
        with pytest.raises(DataFileError, match=f"{path.name} has more than one column called 'x'; rename them"):
            open_pool(path)


@pytest.mark.parametrize(
    "change",
    [
        {"dim": "5"},
        {"dim": None},
        {"dtype": 5},
        {"shards": 5},
        {"shards": [{"file": 5, "ids": "a", "rows": 2, "blake2b": ""}]},
        {"shards": [{"file": "a.npy", "ids": "a", "rows": "2", "blake2b": ""}]},
        {"shards": [{"file": "../a.npy", "ids": "a", "rows": 2, "blake2b": ""}]},
        {"shards": [{"file": "a\0.npy", "ids": "a", "rows": 2, "blake2b": ""}]},
        {"shards": [{"file": "a.npy", "ids": "a", "rows": -2, "blake2b": ""}]},
        {"source": []},
        {"skipped": [{}]},
    ],
)
def test_manifests_that_say_odd_things(tmp_path, change):
    sound = {"format": "spotal pool 1", "rows": 0, "dim": 5, "dtype": "float32", "model": "m", "recipe": {}}
    sound |= {"recipe_hash": "x", "source": {}, "versions": {}, "shards": [], "skipped": []}
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(sound))
    assert read_manifest(tmp_path).rows == 0
    path.write_text(json.dumps(sound | change))
    with pytest.raises(DataFileError, match=r"pool\.json is no manifest of a pool"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"5", b"null", b"\xff\xfe", b"9" * 5_000, b'"\\ud800"', b""])
def test_manifests_that_are_none(tmp_path, content):
    (tmp_path / "pool.json").write_bytes(content)
    with pytest.raises(DataFileError, match=r"pool\.json is no manifest of a pool"):
        read_manifest(tmp_path)


def bomb(path, kind):
    """Write a small file that unpacks to at least 80 MB."""
    import pyarrow as pa
    from pyarrow import parquet

    if kind in ("texts", "dictionary"):  # each row shares one text of 100 kB through a dictionary
        texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int32)), ["x" * 100_000])
        table = pa.table({"a": np.zeros(1000), "text": texts if kind == "dictionary" else texts.dictionary_decode()})
        parquet.write_table(table, path, compression="zstd")
    elif kind == "numbers":
        parquet.write_table(pa.table({"a": np.zeros(10_000_000)}), path, compression="zstd", use_dictionary=False)
    else:
        table = pa.table({"a": np.zeros(10_000_000)})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with pa.OSFile(str(path), "wb") as file, new(file, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=1_000_000)
    assert path.stat().st_size < 300_000
    return path


@pytest.mark.parametrize("kind", ["texts", "dictionary", "numbers", "file", "stream"])
def test_a_small_table_does_not_unpack_to_more_than_memory(tmp_path, monkeypatch, kind):
    import pyarrow as pa

    path = bomb(tmp_path / ("t.arrow" if kind in ("file", "stream") else "t.parquet"), kind)
    assert len(read_table(path)) >= 1000
    monkeypatch.setattr(unpacked, "free_memory", lambda: 20_000_000)
    before = pa.default_memory_pool().bytes_allocated()
    for read in (read_table, read_pool if path.suffix == ".parquet" else open_pool):
        with pytest.raises(DataFileError, match=r"t\.\w+ unpacks to .*, and 0\.0 GB of memory are free; save it"):
            read(path)
        gc.collect()
        assert pa.default_memory_pool().bytes_allocated() - before < 30_000_000


def test_shared_texts_are_read_a_few_rows_at_a_time(tmp_path):
    from pyarrow import parquet

    about = parquet.read_metadata(bomb(tmp_path / "t.parquet", "texts"))
    assert unpacked.batch_rows(about) * 100_000 < 3_000_000
    shard = open_pool(tmp_path / "t.parquet")
    assert sum(len(batch.points) for batch in shard.batches()) == 1000
