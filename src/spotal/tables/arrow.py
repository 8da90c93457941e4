"""Reading of Arrow files and streams that may be damaged: each batch is validated before use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.errors import DataFileError, SpotalError, one_line
from spotal.tables.opening import check_names, reading
from spotal.tables.unpacked import check_arrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowFile", "arrow_faults"]

MAGIC = b"ARROW1"


class ArrowFile:
    """A memory-mapped Arrow (Feather) file, or an Arrow stream as Hugging Face ``datasets`` writes it.

    Offsets in a damaged batch may point outside the map, which would crash the process. So each batch is fully
    validated when it is first read.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    schema : pyarrow.Schema
    num_record_batches : int

    Raises
    ------
    DataFileError
        The file is missing, is neither an Arrow file nor a stream, or two columns have the same name. Later: a batch is
        damaged.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self._valid: dict[int, Any] = {}
        with arrow_faults(path):
            source = pa.memory_map(str(path))
            self._file: Any = None
            is_file = source.read(len(MAGIC)) == MAGIC
            source.seek(8 if is_file else 0)
            check_arrow(path, source)
            if is_file:
                self._file = pa.ipc.open_file(source)
                self.schema, self.num_record_batches = self._file.schema, self._file.num_record_batches
            else:
                source.seek(0)
                with pa.ipc.open_stream(source) as stream:
                    self.schema, self._batches = stream.schema, list(stream)
                self.num_record_batches = len(self._batches)
            check_names(self.schema.names, path)

    def get_batch(self, k: int) -> pa.RecordBatch:
        """Return a batch by number, as a view of the map."""
        if k not in self._valid:
            with arrow_faults(self.path):
                batch = self._batches[k] if self._file is None else self._file.get_batch(k)
                batch.validate(full=True)
            self._valid[k] = batch
        return self._valid[k]

    def batches(self) -> Iterator[Any]:
        """Return an iterator over all batches in order."""
        return (self.get_batch(k) for k in range(self.num_record_batches))

    def read_all(self) -> pa.Table:
        """Return all batches as one table."""
        import pyarrow as pa

        return pa.Table.from_batches(self.batches(), self.schema)


@contextmanager
def arrow_faults(path: Path) -> Iterator[None]:
    """Turn errors of pyarrow about a damaged or foreign file into a DataFileError that names the file."""
    import pyarrow as pa

    with reading(path):
        try:
            yield
        except SpotalError:
            raise
        except (pa.ArrowException, OSError, MemoryError, ValueError, EOFError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # an error of the system, not of the content
            raise DataFileError(f"{path} is damaged or cut short ({one_line(error)}); write it again") from None
