"""download: whole and checked, or not there at all; and the two loaders that use it."""

import gzip
import hashlib
import io
import socket
import tarfile

import numpy as np
import pytest

from spotal.datasets import cifar10, fashion_mnist, load
from spotal.datasets.download import cache_dir, download
from spotal.errors import DataFileError, DatasetError

WORDS = {"name": "thing", "remedy": "put it there"}


def leftovers(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_good(server, tmp_path):
    content = np.random.default_rng(0).bytes(600_000)
    server.pages["/a"] = content
    seen = []
    target = tmp_path / "deep" / "a.bin"
    md5 = hashlib.md5(content).hexdigest()
    download(f"{server.url}/a", target, md5=md5.upper(), progress=lambda *at: seen.append(at), **WORDS)
    assert target.read_bytes() == content
    assert seen[-1] == (600_000, 600_000)
    assert len(seen) > 1
    assert leftovers(tmp_path) == ["a.bin"]


def test_decompressed_checksum(server, tmp_path):
    server.pages["/a.gz"] = gzip.compress(b"content", mtime=5)
    sha256 = hashlib.sha256(b"content").hexdigest()
    download(f"{server.url}/a.gz", tmp_path / "a.gz", sha256=sha256, decompressed=True, **WORDS)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"content"
    server.pages["/b.gz"] = b"<html>sign in</html>"
    with pytest.raises(DataFileError, match="did not give a gzip file"):
        download(f"{server.url}/b.gz", tmp_path / "b.gz", sha256=sha256, decompressed=True, **WORDS)
    assert leftovers(tmp_path) == ["a.gz"]


def test_wrong_checksum_keeps_what_was_there(server, tmp_path):
    server.pages["/a"] = b"other"
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(DataFileError, match=r"/a has md5 .*, expected 00"):
        download(f"{server.url}/a", target, md5="00", **WORDS)
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == ["a"]


def test_not_found(server, tmp_path):
    with pytest.raises(DatasetError, match=r"thing is not on this machine.*/a \(HTTP 404 Not Found\); put it there"):
        download(f"{server.url}/a", tmp_path / "a", md5="00", **WORDS)
    assert leftovers(tmp_path) == []


def test_broken_connection(server, tmp_path):
    server.pages["/a"] = bytes(1000)
    server.short = 400
    with pytest.raises(DatasetError, match="ended after 600 of 1000 bytes"):
        download(f"{server.url}/a", tmp_path / "a", md5="00", **WORDS)
    assert leftovers(tmp_path) == []


def test_no_server_and_silent_server(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(DatasetError, match=r"could not be downloaded from http.*refused"):
            download(url, tmp_path / "a", md5="00", **WORDS)
        silent.listen()
        with pytest.raises(DatasetError, match="timed out"):
            download(url, tmp_path / "a", md5="00", timeout=0.1, **WORDS)
    assert leftovers(tmp_path) == []


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="thing cannot be saved in"):
        download(f"{server.url}/a", tmp_path / "file" / "a", md5="00", **WORDS)
    assert server.requests == []


def test_cache_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == tmp_path / ".cache" / "spotal"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert str(cache_dir()) == "/elsewhere/spotal"


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def test_fashion_mnist_is_fetched_once(server, nowhere, monkeypatch):
    rng = np.random.default_rng(0)
    checksums = {}
    for name in fashion_mnist.SHA256:
        count = 5 if name.startswith("train") else 2
        shape = (count, 28, 28) if "images" in name else (count,)
        content = idx(rng.integers(0, 10, shape).astype(np.uint8))
        checksums[name] = hashlib.sha256(content).hexdigest()
        server.pages[f"/{name}.gz"] = gzip.compress(content)
    monkeypatch.setattr(fashion_mnist, "SHA256", checksums)
    monkeypatch.setattr(fashion_mnist, "URL", f"{server.url}/")
    seen = []
    data = load("fashion-mnist", progress=lambda *at: seen.append(at))
    assert data.X.shape == (5, 28, 28, 1)
    assert len(data.y_test) == 2
    assert len(server.requests) == 4
    assert len(seen) == 4
    load("fashion-mnist")
    assert len(server.requests) == 4
    assert len(leftovers(nowhere)) == 4


def archive(rows, names=cifar10.TRAIN + cifar10.TEST, prefix="cifar-10-batches-bin/"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name in names:
            member = tarfile.TarInfo(prefix + name)
            member.size = len(rows)
            tar.addfile(member, io.BytesIO(rows))
    return packed.getvalue()


@pytest.fixture
def small_cifar(monkeypatch, server):
    monkeypatch.setattr(cifar10, "ROWS", 2)
    monkeypatch.setattr(cifar10, "URL", f"{server.url}/c")
    first = np.concatenate([[3], np.repeat([10, 20, 30], 1024)])
    first[2] = 99  # the second pixel of the first row, red
    return np.stack([first, np.concatenate([[9], np.zeros(3072)])]).astype(np.uint8)


def publish(server, monkeypatch, content):
    server.pages["/c"] = content
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(content).hexdigest())


def test_cifar10_archive(server, nowhere, monkeypatch, small_cifar):
    publish(server, monkeypatch, archive(small_cifar.tobytes(), prefix="../../escape/"))
    data = load("cifar10")
    assert data.X.shape == (10, 32, 32, 3)
    assert data.X_test.shape == (2, 32, 32, 3)
    assert data.X[0, 0, :3].tolist() == [[10, 20, 30], [99, 20, 30], [10, 20, 30]]
    assert data.y[:4].tolist() == [3, 9, 3, 9]
    assert leftovers(nowhere.parent.parent) == [cifar10.ARCHIVE]
    load("cifar10")
    assert server.requests == ["/c"]
    whole = (nowhere / "cifar10" / cifar10.ARCHIVE).read_bytes()
    (nowhere / "cifar10" / cifar10.ARCHIVE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataFileError, match="truncated or corrupt"):
        load("cifar10")


def test_cifar10_archive_without_its_files(server, nowhere, monkeypatch, small_cifar):
    publish(server, monkeypatch, archive(small_cifar.tobytes(), names=cifar10.TRAIN))
    with pytest.raises(DataFileError, match=r"no such test_batch\.bin"):
        load("cifar10")


def test_cifar10_wrong_checksum(server, nowhere, small_cifar):
    server.pages["/c"] = archive(small_cifar.tobytes())
    with pytest.raises(DataFileError, match="expected c32a1d4ab5d03f1284b67883e8d87530"):
        load("cifar10")
    assert leftovers(nowhere) == []


def test_cifar10_no_network(nowhere, small_cifar):
    with pytest.raises(DatasetError, match=r"HTTP 404.*put train.parquet and test.parquet in .*, or set SPOTAL_DATA"):
        load("cifar10")
