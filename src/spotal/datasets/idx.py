"""The IDX format of MNIST: a header of sizes, then big-endian numbers, with or without gzip compression."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError

__all__ = ["parse_idx", "read_content"]

_DTYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_content(path: Path) -> bytes:
    """Return the bytes of a file, decompressed if it is a gzip file. Raises DataFileError."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except FileNotFoundError:
        raise DataFileError(f"{path} does not exist; check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{path} is truncated or corrupt ({error}); replace it") from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None


def parse_idx(content: bytes, path: Path) -> NDArray[Any]:
    """Return the array in the content of the IDX file ``path``, in native byte order. Raises DataFileError."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES or not content[3]:
        raise DataFileError(f"{path} does not start as an IDX file does (found {content[:4]!r}); replace it")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DataFileError(f"{path} ends within its header, after {len(content)} bytes; replace it")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    dtype = np.dtype(_DTYPES[content[2]])
    expected = header + dtype.itemsize
    for size in shape:
        expected = header + (expected - header) * size
    if len(content) != expected:
        raise DataFileError(f"{path} must hold {expected} bytes for shape {shape}, found {len(content)}; replace it")
    return np.frombuffer(content, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))
