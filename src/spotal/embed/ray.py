"""Embed on a Ray cluster: actors that hold the model, on a GPU each where there are any, take a shard at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.run import Done, Work
from spotal.embed.torch_model import TorchEmbedder
from spotal.engine.ray import RETRIES, RayEngine, in_words
from spotal.numeric.arrays import blocks

__all__ = ["RayActors"]


class RayActors:
    """Embeds shards on a cluster: ``embed_items(..., run=RayActors(engine, model))``.

    Each machine must be able to read the items and the model, and to write to the pool's folder: a shared file system.
    An actor that is lost is started again, and its shard embedded again; shards are the same bytes as in one process.

    Parameters
    ----------
    engine : RayEngine, entered
    model : path or str, as :class:`TorchEmbedder` takes it
    """

    def __init__(self, engine: RayEngine, model: str) -> None:
        self.engine, self.model = engine, model

    def __call__(
        self,
        work: Work,
        embedder: TorchEmbedder,
        todo: NDArray[np.int64],
        names: Iterator[str],
        progress: Callable[[int, int], object],
    ) -> Iterator[Done]:
        """Shards as they are finished."""
        ray = self.engine.ray
        parts = [todo[part] for part in blocks(len(todo), work.shard_rows)]
        there = ray.cluster_resources()
        gpus = int(there.get("GPU", 0))
        count = max(1, min(len(parts), gpus or int(there.get("CPU", 1))))
        options = {"num_gpus": 1} if gpus else {"num_cpus": 1}
        made = ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, **options)(_Actor)
        known = ray.put((replace(work, workers=0), self.model, embedder.image_size, embedder.takes))
        pool = ray.util.ActorPool([made.remote([known]) for _ in range(count)])
        done = 0
        try:
            given = ((part, next(names)) for part in parts)
            for rows, shard in pool.map_unordered(lambda actor, part: actor.embed.remote(*part), given):
                done += rows
                progress(done, len(todo))
                yield shard
        except ray.exceptions.RayError as error:
            raise in_words(ray, error, f"batches of {work.batch_size:,} items", "--batch-size") from None


class _Actor:
    """A worker that has loaded the model."""

    def __init__(self, known: list[Any]) -> None:
        ray: Any = import_module("ray")
        # a reference in a list: an argument that Ray itself fetches could be lost before an actor is started again
        self.work, model, image_size, takes = ray.get(known[0])
        self.embedder = TorchEmbedder(model, image_size=image_size, takes=takes)

    def embed(self, rows: NDArray[np.int64], name: str) -> tuple[int, Done]:
        """The number of items and what became of them."""
        loaded = self.work.load(self.embedder, rows)
        return len(rows), self.work.shard(self.embedder, rows, loaded, iter([name]), lambda _: None)
