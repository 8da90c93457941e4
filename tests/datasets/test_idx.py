"""IDX files: what is written is read, and nothing else is."""

import gzip

import numpy as np
import pytest

from spotal.datasets.idx import parse_idx, read_content
from spotal.errors import DataFileError


def read_idx(path):
    return parse_idx(read_content(path), path)


GOOD = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_good(tmp_path, pack):
    (tmp_path / "a").write_bytes(pack(GOOD))
    array = read_idx(tmp_path / "a")
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_big_endian_numbers(tmp_path):
    (tmp_path / "a").write_bytes(bytes([0, 0, 12, 1, 0, 0, 0, 1]) + (-7).to_bytes(4, "big", signed=True))
    array = read_idx(tmp_path / "a")
    assert array.dtype == np.int32
    assert array.dtype.isnative
    assert array.tolist() == [-7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not start"),
        (b"\x89PNG....", "does not start"),
        (GOOD[:7], "ends within its header"),
        (GOOD[:-1], "must hold 18 bytes for shape \\(2, 3\\), found 17"),
        (GOOD + b"x", "found 19"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8 + b"x", "must hold"),
        (gzip.compress(GOOD, mtime=0)[:-9], "truncated or corrupt"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 20, "truncated or corrupt"),
    ],
)
def test_bad(tmp_path, content, message):
    path = tmp_path / "named-file"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=f"named-file .*{message}"):
        read_idx(path)


def test_missing(tmp_path):
    with pytest.raises(DataFileError, match="does not exist"):
        read_idx(tmp_path / "a")
