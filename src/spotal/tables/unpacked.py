"""Memory checks for compressed tables: a small file may unpack to any size."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.storage.system import free_memory, too_large

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["batch_rows", "bounded", "check_arrow", "check_parquet", "read_parquet"]

ROWS, ROWS_OF_TEXT, ROWS_OF_BOMB = 1 << 16, 1 << 10, 1 << 4
"""Rows of a batch: for numbers; for texts that rows share; for shared texts with a suspicious compression."""
SUSPICIOUS = 100
"""Compression ratio of a column above which a batch of shared texts is tiny."""
UNPACKED = struct.Struct("<q")
REMEDY = "save it without compression or in smaller files"


def read_parquet(
    file: pq.ParquetFile, path: Path, columns: list[str] | None = None, groups: Iterable[int] | None = None
) -> pa.Table:
    """Read an open Parquet file, or some of its columns and row groups, as one table.

    Raises DataFileError if it needs more than the free memory.
    """
    import pyarrow as pa

    about = file.metadata
    chosen = list(range(about.num_row_groups) if groups is None else groups)
    if columns is None:
        check_parquet(path, about, chosen)
    batches = file.iter_batches(batch_size=batch_rows(about), row_groups=chosen, columns=columns)
    parts = list(bounded(path, batches))
    if parts:
        return pa.Table.from_batches(parts)
    empty = file.schema_arrow.empty_table()
    return empty if columns is None else empty.select(columns)


def check_parquet(path: Path, about: pq.FileMetaData, groups: Iterable[int]) -> None:
    """Raise DataFileError if row groups announce that they unpack to more than the free memory."""
    free, size = free_memory(), sum(about.row_group(k).total_byte_size for k in groups)
    if free is not None and size > free:
        raise too_large(path, f"{size / 1e9:.1f}", free, REMEDY)


def bounded(path: Path, batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches. Raises DataFileError when their total exceeds the memory that was free at the start."""
    free, total = free_memory(), 0
    for batch in batches:
        total += batch.nbytes + sum(map(_shared, batch.columns))
        if free is not None and total > free:
            raise too_large(path, f"more than {free / 1e9:.1f}", free, REMEDY)
        yield batch


def _shared(column: Any) -> int:
    """Return the bytes that shared texts of a column take when each row has its own copy."""
    from pyarrow import compute, types

    kind = column.type
    if not types.is_dictionary(kind) or not (types.is_string(kind.value_type) or types.is_binary(kind.value_type)):
        return 0
    rows = [column] if hasattr(column, "dictionary") else column.chunks
    sizes = (compute.sum(compute.take(compute.binary_length(part.dictionary), part.indices)) for part in rows)
    return sum(size.as_py() or 0 for size in sizes)


def batch_rows(about: pq.FileMetaData, most: int = ROWS) -> int:
    """Return the number of rows of a Parquet file to read at a time.

    Rows may share a text through a dictionary. A million such rows take the space of one on disk, but a million times
    that in memory.
    """
    for group in map(about.row_group, range(about.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.physical_type != "BYTE_ARRAY" or not chunk.has_dictionary_page:
                continue
            if chunk.total_uncompressed_size > SUSPICIOUS * max(1, chunk.total_compressed_size):
                return min(most, ROWS_OF_BOMB)
            most = min(most, ROWS_OF_TEXT)
    return most


def check_arrow(path: Path, source: pa.NativeFile) -> None:
    """Raise DataFileError if the compressed batches of an Arrow stream unpack to more than the free memory.

    Nothing is unpacked: each compressed buffer begins with its unpacked size. ``source`` is a memory-mapped file at the
    position of the first message.
    """
    import pyarrow as pa

    free, total = free_memory(), 0
    # reading the file reports these errors
    with suppress(pa.ArrowException, OSError, EOFError, StopIteration, struct.error, IndexError):
        messages = pa.ipc.MessageReader.open_stream(source)
        while (message := messages.read_next_message()) is not None:
            if message.type not in ("record batch", "dictionary"):
                continue
            body = memoryview(message.body)
            for start, length in _buffers(bytes(message.metadata)):
                size = UNPACKED.unpack_from(body, start)[0] if length else 0
                total += max(size, 0)  # -1 for a buffer that is not compressed
            if free is not None and total > free:
                raise too_large(path, f"{total / 1e9:.1f}", free, REMEDY)


def _buffers(header: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and length of each compressed buffer in the body of a message.

    A message is a flatbuffer (Arrow's ``format/Message.fbs``): its table's third field is the header, a record batch
    (length, nodes, buffers, compression) or a dictionary batch (id, record batch, ...).
    """
    table = struct.unpack_from("<I", header)[0]
    kind = header[_field(header, table, 1)]
    batch = _table(header, table, 2)
    if kind == 2:  # a dictionary batch
        batch = _table(header, batch, 1)
    if not _field(header, batch, 3):
        return
    vector = _table(header, batch, 2)
    (count,) = struct.unpack_from("<I", header, vector)
    for k in range(count):
        yield struct.unpack_from("<qq", header, vector + 4 + 16 * k)


def _field(header: bytes, table: int, number: int) -> int:
    """Return the position of a table's field, 0 if it is absent."""
    names = table - struct.unpack_from("<i", header, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", header, names)[0]:
        return 0
    offset = struct.unpack_from("<H", header, names + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _table(header: bytes, table: int, number: int) -> int:
    """Return the position of the table or vector that a field refers to."""
    place = _field(header, table, number)
    return place + int(struct.unpack_from("<I", header, place)[0])
