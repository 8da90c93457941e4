"""load: the real named datasets, and names that are none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets_helpers import lacking
from tests.raising import raises_input

from spotal.datasets import load, names
from spotal.datasets.parquet_images import load_parquet_images
from spotal.errors import DataFileError, DatasetError


def test_digits():
    data = load("digits")
    assert data.X.shape == (1258, 8, 8, 1)
    assert data.X_test.shape == (539, 8, 8, 1)
    assert data.X.dtype == np.uint8
    assert data.X.max() == 255
    assert data.class_names == tuple("0123456789")
    # the first digit of scikit-learn's file begins 0 0 5 13 9 1 0 0
    assert data.X[0, 0, :, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    counts, tests = np.bincount(data.y), np.bincount(data.y_test)
    np.testing.assert_allclose(tests / (counts + tests), 0.3, atol=0.004)
    again = load("digits", random_state=7)
    np.testing.assert_array_equal(again.y_test, data.y_test)
    np.testing.assert_array_equal(again.X_test, data.X_test)


def test_fashion_mnist():
    try:
        data = load("fashion-mnist", download=False)
    except DatasetError:
        lacking("Fashion-MNIST")
    assert data.X.shape == (60_000, 28, 28, 1)
    assert data.X_test.shape == (10_000, 28, 28, 1)
    assert data.y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert data.y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert data.class_names[9] == "Ankle boot"
    assert np.bincount(data.y).tolist() == [6000] * 10
    # published mean and deviation of the training pixels
    counts, values = np.bincount(data.X.ravel(), minlength=256), np.arange(256) / 255
    mean = np.average(values, weights=counts)
    assert mean == pytest.approx(0.2860, abs=1e-4)
    assert np.sqrt(np.average((values - mean) ** 2, weights=counts)) == pytest.approx(0.3530, abs=1e-4)
    assert data.X[0, 3, 12:16, 0].tolist() == [1, 0, 0, 13]


def test_fashion_mnist_other_content_is_refused(nowhere, monkeypatch):
    from spotal.datasets import fashion_mnist

    folder = nowhere / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in fashion_mnist.SHA256:
        count = 3
        shape = (count, 28, 28) if "images" in name else (count,)
        head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        (folder / name).write_bytes(head + bytes(int(np.prod(shape))))
    with pytest.raises(DataFileError, match="train-images-idx3-ubyte holds content of SHA-256"):
        load("fashion-mnist", download=False)


def test_cifar10_test_part(cifar10_folder):
    data = load_parquet_images(cifar10_folder / "test.parquet", strict=True)
    assert len(data.X) + len(data.X_test) == 10_000
    assert data.X.shape[1:] == (32, 32, 3)
    assert data.class_names[:3] == ("airplane", "automobile", "bird")
    assert np.bincount(data.y).tolist() == [800] * 10
    assert np.bincount(data.y_test).tolist() == [200] * 10
    # known channel means of CIFAR-10, whatever the compression
    np.testing.assert_allclose(data.X.mean((0, 1, 2)) / 255, [0.494, 0.485, 0.450], atol=0.01)


@pytest.mark.parametrize("where", ["data_dir", "data_dir/cifar10", "environment", "cache"])
def test_cifar10_is_found(where, cifar10_folder, nowhere, tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    home = {"data_dir": tmp_path / "d", "data_dir/cifar10": tmp_path / "d" / "cifar10"}.get(where)
    home = home or {"environment": tmp_path / "env" / "cifar10", "cache": nowhere / "cifar10"}[where]
    home.mkdir(parents=True)
    table = pq.ParquetFile(cifar10_folder / "test.parquet").read_row_group(0)
    pq.write_table(table.slice(0, 30), home / "train.parquet")
    pq.write_table(table.slice(30, 10), home / "test.parquet")
    if where == "environment":
        monkeypatch.setenv("SPOTAL_DATA", str(tmp_path / "env"))
    data = load("cifar10", data_dir=tmp_path / "d" if "data_dir" in where else None, download=False)
    assert data.name == "cifar10"
    assert data.X.shape == (30, 32, 32, 3)
    assert data.y[:5].tolist() == [3, 8, 1, 0, 4]
    assert len(data.X_test) == 10


def test_missing_named_data(nowhere, tmp_path):
    with pytest.raises(DatasetError, match=r"cifar10 is not on this machine.*put train.parquet and test.parquet in"):
        load("cifar10", download=False)
    with pytest.raises(DatasetError, match=r"fashion-mnist is not on this machine.*SPOTAL_DATA"):
        load("fashion-mnist", download=False)
    with pytest.raises(DatasetError, match="data_dir must be a folder"):
        load("cifar10", data_dir=tmp_path / "none")


def test_unknown(tmp_path):
    with pytest.raises(DatasetError, match=r"cifar10, digits, fashion-mnist or the path.*found 'mnist'"):
        load("mnist")
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    with pytest.raises(DatasetError, match="give its folder"):
        load(picture)
    other = tmp_path / "a.xlsx"
    other.write_bytes(b"x")
    with pytest.raises(DatasetError, match="not one of"):
        load(other)
    with raises_input("image_size"):
        load("digits", image_size=4)
    assert names() == ("cifar10", "digits", "fashion-mnist")


def test_import_is_cheap():
    heavy = ("torch", "pyarrow", "PIL", "sklearn")
    code = "import sys, spotal.datasets, spotal.embed, spotal.pool.files; sys.exit(any(m in sys.modules for m in %r))"
    assert subprocess.run([sys.executable, "-c", code % (heavy,)], cwd=Path(__file__).parent).returncode == 0
