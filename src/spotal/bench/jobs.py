"""Job: one protocol, strategy and seed, and the id of its results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from spotal.bench.cache import content_hash
from spotal.bench.protocol import Protocol, StrategyChoice

__all__ = ["Job", "plan"]

_VERSION = 1
"""Increase it when a change to the harness changes numbers: finished jobs are then run again."""


@dataclass(frozen=True)
class Job:
    """A learning curve to measure: one protocol, strategy and seed."""

    protocol: Protocol
    strategy: StrategyChoice
    seed: int

    @cached_property
    def id(self) -> str:
        """Hash of everything that the curve depends on. The protocol's name and its other strategies do not count."""
        about = {
            "version": _VERSION,
            "task": self.protocol.task(),
            "strategy": self.strategy.identity(),
            "seed": self.seed,
        }
        return content_hash(about)

    @property
    def n_rounds(self) -> int:
        """Number of rounds of the loop: the first batch, the queries, and a last training."""
        return self.protocol.rounds + 2

    def __str__(self) -> str:
        return f"{self.protocol.name}, {self.strategy.label}, seed {self.seed}"


def plan(protocols: Iterable[Protocol]) -> list[Job]:
    """List all jobs once, by seed, then protocol: an interrupted run then has complete seeds of every protocol."""
    protocols = list(protocols)
    seeds = sorted({seed for protocol in protocols for seed in protocol.all_seeds})
    jobs = [
        Job(protocol, choice, seed)
        for seed in seeds
        for protocol in protocols
        if seed in protocol.all_seeds
        for choice in protocol.strategies
    ]
    return list({job.id: job for job in jobs}.values())
