"""Batches of items for a model, read and prepared by worker processes while the model runs."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from spotal.embed.items import Items
from spotal.embed.items.base import image_of
from spotal.embed.models.base import unchanged
from spotal.embed.torch_model import TorchEmbedder
from spotal.errors import DataFileError
from spotal.numeric.arrays import blocks

__all__ = ["Ready", "item_id", "loader"]


def item_id(items: Items, row: int) -> str | int:
    """Return an item's id as a Python str or int."""
    return items.ids[row] if isinstance(items.ids, list) else int(items.ids[row])


@dataclass
class Ready:
    """A prepared batch.

    rows : rows in the batch
    batch : input of the model
    failed : rows that cannot be read, with the reason
    scaled : an entry for each image with more than 8 bits per value
    """

    rows: list[int]
    batch: Any
    failed: list[tuple[int, str]]
    scaled: list[str] = field(default_factory=list)


class _Prepared(Dataset[Any]):
    def __init__(self, items: Items, embedder: TorchEmbedder) -> None:
        self.items, self.prepare = items, embedder.model.prepare
        size = embedder.image_size
        self.size = None if embedder.model.resizes or size is None else (size, size)
        self.at_least = 2 * size if size else None
        self.channels = embedder.channels

    def __len__(self) -> int:
        return len(self.items.ids)

    def __getitems__(self, rows: list[int]) -> Ready:
        readable: list[int] = []
        contents: list[Any] = []
        failed: list[tuple[int, str]] = []
        scaled: list[str] = []
        for row, content in zip(rows, self.items.read(rows), strict=True):
            try:
                if self.items.takes == "images":
                    name = item_id(self.items, row)
                    content = image_of(content, name, self.size, self.channels, self.at_least, scaled)
                elif isinstance(content, DataFileError):
                    raise content
            except DataFileError as error:
                failed.append((row, str(error).split("; ")[0]))
            else:
                readable.append(row)
                contents.append(content)
        if not readable:
            return Ready([], None, failed)
        try:
            return Ready(readable, self.prepare(contents), failed, scaled)
        except Exception as error:
            if len(rows) == 1:  # the model's own preparation refuses the image
                return Ready([], None, [(rows[0], f"{item_id(self.items, rows[0])} cannot be prepared ({error})")])
        singles = [self.__getitems__([row]) for row in readable]
        failed += [failure for ready in singles for failure in ready.failed]
        good = [k for k, ready in enumerate(singles) if ready.rows]
        batch = self.prepare([contents[k] for k in good]) if good else None
        return Ready([readable[k] for k in good], batch, failed, scaled)


def loader(
    items: Items, embedder: TorchEmbedder, todo: NDArray[np.int64], batch_size: int, shard_rows: int, workers: int
) -> DataLoader[Any]:
    """Load the rows ``todo`` as :class:`Ready` batches, in order; no batch has rows of two shards."""
    batches = [
        todo[part][batch].tolist()
        for part in blocks(len(todo), shard_rows)
        for batch in blocks(len(todo[part]), batch_size)
    ]
    return DataLoader(
        _Prepared(items, embedder),
        batch_sampler=batches,
        num_workers=min(workers, len(batches)),
        collate_fn=unchanged,
        worker_init_fn=_ignore_interrupts,
    )


def _ignore_interrupts(_: int) -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal; the parent process ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
