"""Lance data sets as shards of a pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.errors import DataFileError, SpotalError, one_line
from spotal.pool.shards import TableShard

__all__ = ["LanceShard"]


class LanceShard(TableShard):
    """A .lance folder, at its version when it is opened."""

    def take(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the given rows; only these are read."""
        with self._reading():
            return self._features(self.file.take(numbers.tolist()))

    def _open(self) -> Any:
        try:
            import lance
        except ImportError:
            raise DataFileError(
                f"{self.path} is a Lance data set, and pylance is not installed: pip install spotal[lance]"
            ) from None
        return lance.dataset(str(self.path))

    def _schema(self) -> Any:
        return self.file.schema

    def _sizes(self) -> list[int]:
        return [fragment.count_rows() for fragment in self.file.get_fragments()]

    def _parts(self, first: int, last: int, columns: list[str] | None, rows: int) -> Iterator[Any]:
        for fragment in self.file.get_fragments()[first : last + 1]:
            yield from fragment.to_batches(columns=columns, batch_size=rows)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with super()._reading():
                yield
        except SpotalError:
            raise
        except BaseException as error:  # damaged bytes can cause a panic of Lance's Rust code, which is no Exception
            if not isinstance(error, (ValueError, RuntimeError)) and type(error).__name__ != "PanicException":
                raise
            reason = one_line(error)
            raise DataFileError(f"{self.path} cannot be read as a Lance data set ({reason}); write it again") from None
