"""Mutations that keep a file's format and change its content: values, shapes, types and columns."""

from __future__ import annotations

import io
import json
import random
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.reliability.mutations import ODD

__all__ = ["structured"]

DEEP = "[" * 50_000 + "]" * 50_000
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 5, 2**31, 2**63, 2**64, 10**30, 1.5, float("nan"), float("inf"), "", " ", "x", "7"),
    *([], {}, [None], [[]], {"a": 1}, [1, "a", None], "\ud800", "a\x00b", "é", "x" * 10_000, "../x", "~nosuchuser/x"),
)
SHAPES = ("()", "(5,)", "(0, 5)", "(5, 0)", "(-1, 5)", "(40,)", "(4, 5, 10)", "(10**12, 10**6)", "None", "'x'")
SHAPES += (f"({10**18}, {10**18})", f"({2**62}, 4)", f"({10**10}, {10**4})", "(40, 5.0)", "(True, 200)", "((40, 5))")
TYPES = ("'|O'", "'<f2'", "'<f16'", "'<c16'", "'|S1'", "'<U1'", "'|b1'", "'<M8[s]'", "'>f8'", "[('a', '<f8')]")
TYPES += ("'|V8'", "'<i8'", "'<u8'", "'nosuch'", "'<f8,<f8'", "5", "(" * 300 + ")" * 300)


def _json(data: bytes, rng: random.Random) -> bytes:
    """Replace a value of a document, or of one line, by another value, or by a deeply nested one."""
    lines = data.decode().splitlines() if _is_lines(data) else [data.decode()]
    k = rng.randrange(len(lines))
    document = json.loads(lines[k])
    places = list(_places(document))
    if not places:
        return data
    holder, key = rng.choice(places)
    way = rng.randrange(8)
    if way == 0 and isinstance(holder, dict):
        holder[str(rng.choice(("id", "label", "é", "")))] = holder.pop(key)
    elif way == 1:
        del holder[key]
    elif way == 2:
        holder[key] = [holder[key]]
    else:
        holder[key] = rng.choice(VALUES) if way < 7 else "deep"
    lines[k] = json.dumps(document).replace('"deep"', DEEP)
    return "\n".join(lines).encode()


def _is_lines(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return True
    return False


def _places(document: Any) -> Any:
    """Every place of a document with a value."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])


def _toml(data: bytes, rng: random.Random) -> bytes:
    """Replace the value of a key, drop a key, or add one."""
    lines = data.decode().splitlines()
    keys = [k for k, line in enumerate(lines) if re.match(r"\s*[\w.]+ *=", line)]
    k = rng.choice(keys)
    name = lines[k].partition("=")[0]
    deep = ("[" * 3_000 + "]" * 3_000, "{a=" * 500 + "1" + "}" * 500, "a" * 100_000, '"""')
    values = [word.decode("latin-1") for word in ODD] + [*deep, '"auto"', '["a"]', '["a", "b"]', "1979-05-27", "inf"]
    values += ["nan", "1e309", "-5", "0.5", '"\\u0000"', '"\\uD800"', '"~nosuchuser/x"', '"/etc"', '"."', "99999999999"]
    way = rng.randrange(6)
    if way == 0:
        del lines[k]
    elif way == 1:
        lines.insert(k, lines[rng.choice(keys)])
    else:
        lines[k] = f"{name}= {rng.choice(values)}"
    return ("\n".join(lines) + "\n").encode("latin-1", "replace")


def _csv(data: bytes, rng: random.Random) -> bytes:
    """Replace, drop or add a cell or a column's name."""
    rows = [line.split(b",") for line in data.rstrip(b"\n").split(b"\n")]
    row = rng.choice(rows[:1] + rows)
    k = rng.randrange(len(row))
    way = rng.randrange(6)
    if way == 0:
        del row[k]
    elif way == 1:
        row.insert(k, rng.choice(ODD))
    elif way == 2:
        for other in rows[1:]:
            other[k : k + 1] = [rng.choice(ODD)]
    elif way == 3:
        for other in rows:
            del other[k : k + 1]
    else:
        row[k] = rng.choice((*ODD, row[rng.randrange(len(row))]))
    return b"\n".join(b",".join(cells) for cells in rows) + b"\n"


def _npy(data: bytes, rng: random.Random) -> bytes:
    """Change the shape, type or order in a header."""
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].decode("latin-1").rstrip()
    way = rng.randrange(5)
    if way < 2:
        header = re.sub(r"'shape': \(.*?\)", f"'shape': {rng.choice(SHAPES)}", header)
    elif way == 2:
        header = re.sub(r"'descr': '.*?'", lambda _: f"'descr': {rng.choice(TYPES)}", header)
    elif way == 3:
        header = header.replace("False", rng.choice(("True", "None", "2", "(" * 500)))
    else:
        header = rng.choice(("{", "[]", "5", "{'shape': (1, 1)}", "(" * 5_000, header * 2, "é", "\x00", "9" * 5_000))
    return data[:8] + len(header).to_bytes(2, "little") + header.encode("latin-1", "replace") + data[10 + size :]


def _npz(data: bytes, rng: random.Random) -> bytes:
    """Change a member's header or its name, or add a member that is huge when unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen, way = rng.choice(names), rng.randrange(6)
        for name in names:
            content = old.read(name)
            if name == chosen and way < 3:
                content = _npy(content, rng)
            elif name == chosen and way == 3:
                name = rng.choice(("x.txt", "../X.npy", "X.npy", "X", "", "é.npy", "a" * 1000 + ".npy"))
            elif name == chosen and way == 4:  # 100 MB of zeros in 100 KB, after a header for even more
                shape = rng.choice(((12_500, 1_000), (10**9, 1_000)))
                content = _header(shape) + bytes(100_000_000)
            new.writestr(name, content)
        if way == 5:
            new.writestr("more.npy", _header((10**12, 10**3)) + bytes(1_000))
    return out.getvalue()


def _header(shape: tuple[int, ...]) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return out.getvalue()


def _table(data: bytes, rng: random.Random) -> Any:
    """Give a column of an Arrow table another type or other values."""
    import pyarrow as pa

    table = _read_table(data)
    n, k = table.num_rows, rng.randrange(table.num_columns)
    odd: list[Any] = [
        pa.nulls(n),
        pa.array([None] * n, pa.string()),
        pa.array([b"\xff\xfe"] * n),
        pa.array([[1.0]] * n),
        pa.array([[[1.0], []]] * n),
        pa.array([{"a": 1, "bytes": None, "path": None}] * n),
        pa.array([2**63 + r for r in range(n)], pa.uint64()),
        pa.array([float("nan")] * n),
        pa.array(range(n), pa.timestamp("ns")),
        pa.array(range(n), pa.duration("s")),
        pa.array(["x"] * n).dictionary_encode(),
        pa.array([10**30 + r for r in range(n)], pa.decimal128(38, 0)),
        pa.array([True] * n),
        pa.array([f"{r:05}" for r in range(n)], pa.string_view()),
        pa.array([f"{r}" for r in range(n)], pa.large_string()),
        pa.array([[float(r)] * (r % 3) for r in range(n)]),
        pa.array([r / 7 for r in range(n)], pa.float16() if n == 0 else pa.float32()),
        pa.array([b"no image"] * n),
    ]
    way = rng.randrange(5)
    if way == 0:
        table = table.slice(0, rng.choice((0, 1)))
    elif way == 1:
        table = table.remove_column(k)
    elif way == 2:
        table = table.append_column(table.column_names[k], table.column(k))
    else:
        table = table.set_column(k, table.column_names[k], rng.choice(odd))
    return table


def _read_table(data: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if data.startswith(b"PAR1"):
        return pq.read_table(io.BytesIO(data))
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return opened(io.BytesIO(data)).read_all()


def _parquet(data: bytes, rng: random.Random) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(_table(data, rng), out)
    return out.getvalue()


def _arrow(data: bytes, rng: random.Random) -> bytes:
    import pyarrow as pa

    out, table = io.BytesIO(), _table(data, rng)
    with (pa.ipc.new_file if data.startswith(b"ARROW1") else pa.ipc.new_stream)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _sqlite(data: bytes, rng: random.Random) -> bytes:
    """Change a value, a table or the version of a database, as another program might."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.sqlite")
        path.write_bytes(data)
        with closing(sqlite3.connect(path, isolation_level=None)) as base:
            base.executescript("PRAGMA ignore_check_constraints=1; PRAGMA foreign_keys=0; PRAGMA journal_mode=DELETE")
            names = base.execute("SELECT type, name FROM sqlite_master WHERE type != 'index' ORDER BY name").fetchall()
            tables = [name for kind, name in names if kind == "table" and not name.startswith("sqlite_")]
            for kind, name in names:  # drop our triggers, which may forbid the change
                if kind == "trigger" and rng.random() < 0.9:
                    base.execute(f'DROP TRIGGER "{name}"')
            table = rng.choice(tables)
            columns = [row[1] for row in base.execute(f'PRAGMA table_info("{table}")')]
            column = rng.choice(columns)
            values = [value for value in VALUES if not isinstance(value, list | dict) and value != "\ud800"]
            values = [value for value in values if not isinstance(value, int) or abs(value) < 2**63]
            try:
                if (way := rng.randrange(6)) == 0:
                    base.execute(f'DROP TABLE "{table}"')
                elif way == 1:
                    base.execute(f'DELETE FROM "{table}"')
                elif way == 2:
                    base.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "other"')
                else:
                    where = "" if way == 3 else " WHERE rowid = (SELECT max(rowid) FROM " + f'"{table}")'
                    value = rng.choice((*values, b"\xff\xfe", "[" * 5_000, "[null]", '{"classes": 5}', "[1]"))
                    base.execute(f'UPDATE OR REPLACE "{table}" SET "{column}" = ?{where}', (value,))
            except sqlite3.Error:
                pass  # a change that SQLite itself forbids
        return path.read_bytes()


_BY_SUFFIX: dict[str, Callable[[bytes, random.Random], bytes]] = {
    ".json": _json,
    ".jsonl": _json,
    ".toml": _toml,
    ".csv": _csv,
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".sqlite": _sqlite,
}


def structured(name: str) -> Callable[[bytes, random.Random], bytes] | None:
    """Return the mutation for a file of that name; None if only its bytes can be mutated."""
    return _BY_SUFFIX.get(Path(name).suffix.lower())
