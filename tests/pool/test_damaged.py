"""Damaged pools: what promises or unpacks to more than there is, and changed bytes, end in one sentence."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from spotal import _npz
from spotal.errors import DataFileError
from spotal.pool.files import read_pool


def header(shape, dtype="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


@pytest.mark.parametrize("shape", [(10**9, 10**6), (10**18, 10**18), (2**63, 4), (5, 0), (-1, 5), (40, 4), ()])
def test_a_header_that_speaks_of_more_or_less_than_is_there(tmp_path, shape):
    path = tmp_path / "pool.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("X.npy", header(shape) + np.ones((40, 5)).tobytes())
    with pytest.raises(DataFileError, match=r"pool\.npz is truncated or corrupt \(X\.npy speaks of .* and has 1,600\)"):
        read_pool(path)


def test_more_than_memory_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "pool.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("X.npy", "weight.npy"):
            file.writestr(name, header((250_000, 5)) + bytes(10_000_000))
    assert path.stat().st_size < 30_000
    assert read_pool(path).features.shape == (250_000, 5)
    monkeypatch.setattr(_npz, "free_memory", lambda: 15_000_000)
    with pytest.raises(DataFileError, match=r"pool\.npz unpacks to 0\.0 GB, and 0\.0 GB of memory are free; save"):
        read_pool(path)
    monkeypatch.setattr(_npz, "free_memory", lambda: None)
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
