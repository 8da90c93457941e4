"""Mutations of a file's bytes for any format: damage, encodings, and odd tokens in text."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

__all__ = ["MUTATIONS", "ODD"]

ODD = (
    b"",
    b"null",
    b"nan",
    b"-inf",
    b"1e400",
    b"-1",
    b"0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"7" * 20,
    b"7" * 400,
    b"7" * 5000,
    b"1_000",
    b"0x10",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"'",
    b'"\\ud800"',
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\x00",
    b"\xff",
    b"\x1b[31m",
    "\u202e\u200b\ufeff".encode(),
    b"=cmd|' /C calc'!A0",
    b"../../../etc/passwd",
    b"~nosuchuser/x",
    b"/dev/null",
    b"a\x00b",
    b"x" * 100_000,
    b"[" * 3_000,
    b'{"a":' * 3_000,
    b"[" * 100_000,
)
"""Tokens that often break parsers."""


def _flip(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _set(data: bytearray, rng: random.Random) -> bytes:
    value = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    start, count = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8, 32))
    data[start : start + count] = bytes([value]) * len(data[start : start + count])
    return bytes(data)


def _truncate(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: rng.choice((0, 1, 4, 8, len(data) - 1, rng.randrange(len(data) + 1)))])


def _behead(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[rng.choice((1, 2, 8, rng.randrange(len(data) + 1))) :])


def _delete(data: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 2, 4, 16, 256))]
    return bytes(data)


def _repeat(data: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    span = data[start : start + rng.choice((1, 4, 64, 1024))]
    data[start:start] = span * rng.choice((1, 2, 50))
    return bytes(data)


def _splice(data: bytearray, rng: random.Random) -> bytes:
    """Overwrite bytes by bytes of another place."""
    size = rng.choice((1, 4, 8, 64, 512))
    source, target = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    data[target : target + size] = data[source : source + size]
    return bytes(data)


def _noise(data: bytearray, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    data[start:start] = rng.randbytes(rng.choice((1, 2, 16, 200)))
    return bytes(data)


def _length(data: bytearray, rng: random.Random) -> bytes:
    """Overwrite four or eight bytes by a number that a parser may read as a length or an offset."""
    size = rng.choice((4, 8))
    value = rng.choice((0, 1, 2**16, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1)) & (2 ** (8 * size) - 1)
    start = rng.randrange(len(data) + 1) // size * size
    data[start : start + size] = value.to_bytes(size, "little")[: len(data[start : start + size])]
    return bytes(data)


def _encoding(data: bytearray, rng: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    name = rng.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7", "cp037"))
    if name in ("latin-1", "cp1252"):
        text = text.replace("a", "é", 1 + rng.randrange(3))
    return text.encode(name, "replace")


def _token(data: bytearray, rng: random.Random) -> bytes:
    """Replace a word or number by an odd token, or put one before it."""
    words = list(re.finditer(rb"[\w.+-]+|\"[^\"\n]*\"", bytes(data)))
    start, end = rng.choice(words).span() if words else (0, 0)
    data[start : rng.choice((start, end, end))] = rng.choice(ODD)
    return bytes(data)


def _lines(data: bytearray, rng: random.Random) -> bytes:
    """Drop, repeat or swap lines, or change their ends."""
    lines = bytes(data).split(b"\n")
    way, k = rng.randrange(6), rng.randrange(len(lines))
    if way == 0:
        del lines[k]
    elif way == 1:
        lines.insert(k, lines[rng.randrange(len(lines))])
    elif way == 2:
        rng.shuffle(lines)
    elif way == 3:
        lines[k] = rng.choice(ODD)
    else:
        return rng.choice((b"\r\n", b"\r", b"\n\n", b"\x0b", b"\x00")).join(lines)
    return b"\n".join(lines)


def _swap(data: bytearray, rng: random.Random) -> bytes:
    """Exchange one character of punctuation for another everywhere."""
    marks = b",;\t:[]{}\"'=#.|"
    return bytes(data).replace(*(bytes([mark]) for mark in rng.sample(marks, 2)))


def _other(data: bytearray, rng: random.Random) -> bytes:
    """Replace the content by a file of another kind."""
    starts = (b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"PAR1", b"ARROW1\x00\x00", b"SQLite format 3\x00", b"\x1f\x8b\x08")
    starts += (b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\x80\x04\x95", b"%PDF-1.4", b"<html>", b"\xef\xbb\xbf", b"\xff\xfe")
    return rng.choice(starts) + rng.choice((b"", bytes(data), rng.randbytes(64)))


MUTATIONS: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    function.__name__.strip("_"): function
    for function in (
        *(_flip, _set, _truncate, _behead, _delete, _repeat, _splice, _noise, _length, _encoding, _token, _lines),
        *(_swap, _other),
    )
}
"""Mutations of a file's bytes by name."""
