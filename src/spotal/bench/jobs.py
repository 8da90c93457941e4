"""Job: one protocol, strategy and seed, and the name under which its results are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from spotal.bench.cache import content_hash
from spotal.bench.protocol import Protocol, StrategyChoice

__all__ = ["Job", "plan"]

_VERSION = 1
"""Raise it when a change to the harness changes numbers: finished jobs are then done again."""


@dataclass(frozen=True)
class Job:
    """One learning curve to be measured."""

    protocol: Protocol
    strategy: StrategyChoice
    seed: int

    @cached_property
    def id(self) -> str:
        """Hash of all that the curve depends on: two protocols that differ in name or strategies alone share jobs."""
        about = {
            "version": _VERSION,
            "task": self.protocol.task(),
            "strategy": self.strategy.identity(),
            "seed": self.seed,
        }
        return content_hash(about)

    @property
    def n_rounds(self) -> int:
        """Rounds of the loop: the first batch, the queries, and a last training."""
        return self.protocol.rounds + 2

    def __str__(self) -> str:
        return f"{self.protocol.name}, {self.strategy.label}, seed {self.seed}"


def plan(protocols: Iterable[Protocol]) -> list[Job]:
    """All jobs, none twice: by seed, then protocol, so that a run that is cut short has whole seeds of everything."""
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
