"""Items read and prepared for a model, a batch at a time, by other processes while the model works."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from spotal.embed.items import Items
from spotal.embed.items.base import image_of
from spotal.embed.torch_model import TorchEmbedder
from spotal.errors import DataFileError
from spotal.numeric.arrays import blocks

__all__ = ["Ready", "item_id", "loader"]


def item_id(items: Items, row: int) -> str | int:
    """An item's id as plain text or a plain number."""
    return items.ids[row] if isinstance(items.ids, list) else int(items.ids[row])


@dataclass
class Ready:
    """A batch that a worker has prepared: rows, what the model takes, and rows that failed with why.

    ``scaled`` has an entry for each image of more than 8 bits a value.
    """

    rows: list[int]
    batch: Any
    failed: list[tuple[int, str]]
    scaled: list[str] = field(default_factory=list)


class _Prepared(Dataset[Any]):
    """Items as the model takes them, a batch at a time."""

    def __init__(self, items: Items, embedder: TorchEmbedder) -> None:
        self.items, self.prepare = items, embedder.model.prepare
        size = embedder.image_size
        self.size = None if embedder.model.resizes or size is None else (size, size)
        self.at_least = 2 * size if size else None
        self.channels = embedder.channels

    def __len__(self) -> int:
        return len(self.items.ids)

    def __getitems__(self, rows: list[int]) -> Ready:
        good: list[int] = []
        held: list[Any] = []
        failed: list[tuple[int, str]] = []
        scaled: list[str] = []
        for row, content in zip(rows, self.items.read(rows), strict=True):
            try:
                if self.items.takes == "images":
                    content = image_of(
                        content, item_id(self.items, row), self.size, self.channels, self.at_least, scaled
                    )
                elif isinstance(content, DataFileError):
                    raise content
            except DataFileError as error:
                failed.append((row, str(error).split("; ")[0]))
            else:
                good.append(row)
                held.append(content)
        if not good:
            return Ready([], None, failed)
        try:
            return Ready(good, self.prepare(held), failed, scaled)
        except Exception as error:
            if len(rows) == 1:  # an image that a model's own preparation refuses
                return Ready(
                    [], None, [*failed, (good[0], f"{item_id(self.items, good[0])} cannot be prepared ({error})")]
                )
        alone = [self.__getitems__([row]) for row in good]
        failed += [failure for ready in alone for failure in ready.failed]
        kept = [k for k, ready in enumerate(alone) if ready.rows]
        return Ready([good[k] for k in kept], self.prepare([held[k] for k in kept]) if kept else None, failed, scaled)


def loader(
    items: Items, embedder: TorchEmbedder, todo: NDArray[np.int64], batch_size: int, shard_rows: int, workers: int
) -> DataLoader[Any]:
    """The items to do as :class:`Ready` batches, in order, none across two shards, by that many processes."""
    batches = [
        todo[part][batch].tolist()
        for part in blocks(len(todo), shard_rows)
        for batch in blocks(len(todo[part]), batch_size)
    ]
    return DataLoader(
        _Prepared(items, embedder),
        batch_sampler=batches,
        num_workers=min(workers, len(batches)),
        collate_fn=_as_it_is,
        worker_init_fn=_ignore_interrupts,
    )


def _as_it_is(ready: Any) -> Any:
    return ready


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches every process of a terminal; the first one ends the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
