"""Threads: work on many images at once, and report the ones that failed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from spotal.errors import DataFileError, SkippedWarning
from spotal.numeric.processors import processors

__all__ = ["each", "report"]

TASK = 32
"""Images that one thread works on at a time."""
T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R | DataFileError]:
    """Results in order, by a few threads, or the DataFileError of an item; at most 1,024 items ahead of their use."""

    def attempt(some: Sequence[T]) -> list[R | DataFileError]:
        results: list[R | DataFileError] = []
        for item in some:
            try:
                results.append(function(item))
            except DataFileError as error:
                results.append(error)
        return results

    rest = iter(items)
    with ThreadPoolExecutor(min(8, processors())) as threads:
        while block := list(islice(rest, 1024)):
            for results in threads.map(attempt, [block[k : k + TASK] for k in range(0, len(block), TASK)]):
                yield from results


def report(failures: Sequence[DataFileError], total: int, where: object, strict: bool | None = None) -> None:
    """Warn that images were skipped, naming up to three; raise DataFileError if strict or if none is left.

    ``strict`` is None where whoever asked cannot choose it.
    """
    if not failures:
        return
    first = "; ".join(str(error).split("; ")[0] for error in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    if strict or len(failures) == total:
        raise DataFileError(
            f"{len(failures)} of {total} images in {where} cannot be read ({first}{more}); repair or remove them"
        )
    said = f"skipped {len(failures)} of {total} images in {where} ({first}{more}); repair or remove them"
    warnings.warn(SkippedWarning(said, "" if strict is None else "pass strict=True"), stacklevel=3)
