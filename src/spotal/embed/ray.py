"""Embedding on a Ray cluster, by actors that hold the model and embed one shard at a time."""

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
    """A function that embeds shards on a cluster, for ``embed_items(..., run=RayActors(engine, model))``.

    Each actor takes a GPU if the cluster has any, else a CPU. All machines need a shared file system to read the items
    and the model and to write to the pool's folder. A lost actor is restarted and embeds its shard again. Shards have
    the same bytes as in one process.

    Parameters
    ----------
    engine : RayEngine, within its ``with`` block
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
        """Yield shards as they are finished."""
        ray = self.engine.ray
        parts = [todo[part] for part in blocks(len(todo), work.shard_rows)]
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        count = max(1, min(len(parts), gpus or int(resources.get("CPU", 1))))
        options = {"num_gpus": 1} if gpus else {"num_cpus": 1}
        actor_class = ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, **options)(_Actor)
        settings = ray.put((replace(work, workers=0), self.model, embedder.image_size, embedder.takes))
        pool = ray.util.ActorPool([actor_class.remote([settings]) for _ in range(count)])
        done = 0
        try:
            tasks = ((part, next(names)) for part in parts)
            for rows, shard in pool.map_unordered(lambda actor, task: actor.embed.remote(*task), tasks):
                done += rows
                progress(done, len(todo))
                yield shard
        except ray.exceptions.RayError as error:
            raise in_words(ray, error, f"batches of {work.batch_size:,} items", "--batch-size") from None


class _Actor:
    def __init__(self, settings: list[Any]) -> None:
        ray: Any = import_module("ray")
        # the reference is in a list: an argument that Ray fetches could be lost before an actor is restarted
        self.work, model, image_size, takes = ray.get(settings[0])
        self.embedder = TorchEmbedder(model, image_size=image_size, takes=takes)

    def embed(self, rows: NDArray[np.int64], name: str) -> tuple[int, Done]:
        loaded = self.work.load(self.embedder, rows)
        return len(rows), self.work.shard(self.embedder, rows, loaded, iter([name]), lambda _: None)
