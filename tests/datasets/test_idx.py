"""Files of Fashion-MNIST: what was published is read, and nothing else is."""

import gzip
import hashlib

import numpy as np
import pytest

from spotal.datasets.fashion_mnist import _read
from spotal.errors import DataFileError

GOOD = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
CHECKSUM = hashlib.sha256(GOOD).hexdigest()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_good(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(GOOD))
    array = _read(tmp_path / "a", CHECKSUM)
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert array.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "SHA-256"),
        (b"\x89PNG....", "SHA-256"),
        (GOOD[:-1], "SHA-256"),
        (GOOD + b"x", f"expected {CHECKSUM}"),
        (gzip.compress(GOOD, mtime=0)[:-9], "truncated or corrupt"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 20, "truncated or corrupt"),
    ],
)
def test_bad(tmp_path, content, message):
    path = tmp_path / "named-file"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=f"named-file .*{message}"):
        _read(path, CHECKSUM)


def test_missing(tmp_path):
    with pytest.raises(DataFileError, match="does not exist"):
        _read(tmp_path / "a", CHECKSUM)
