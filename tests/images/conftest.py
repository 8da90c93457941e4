"""Images of kinds that Pillow itself does not write, and values whose pixels are known."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

COLORS = {0: 1, 2: 3, 4: 2, 6: 4}
"""Channels of PNG's kinds of color."""


def _chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _header(width, height, depth, color):
    start = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", start)


@pytest.fixture
def png16():
    """The bytes of a PNG of 16 bits a value, from integers (height, width, channels)."""

    def png16(values, clear=None):
        height, width, channels = values.shape
        color = next(key for key, count in COLORS.items() if count == channels)
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        marks = b"" if clear is None else _chunk(b"tRNS", struct.pack(">H", clear))
        head = _header(width, height, 16, color) + marks
        return head + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")

    return png16


@pytest.fixture
def bomb():
    """The bytes of a small PNG that says that it has that many pixels."""

    def bomb(width, height=None):
        rows = zlib.compress(bytes(1000))
        return _header(width, height or width, 8, 0) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")

    return bomb


@pytest.fixture
def ramp():
    """64 x 64 numbers from 0 to 1 in equal steps, float64."""
    return np.linspace(0, 1, 64 * 64).reshape(64, 64)
