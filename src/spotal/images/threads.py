"""Threads: a function is called for many images in parallel, and failures are reported."""

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
"""Images in one task of a thread."""
T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R | DataFileError]:
    """Yield the results in order, or the DataFileError of an item; threads work at most 1,024 items ahead."""

    def attempt(item: T) -> R | DataFileError:
        try:
            return function(item)
        except DataFileError as error:
            return error

    remaining = iter(items)
    with ThreadPoolExecutor(min(8, processors())) as threads:
        while block := list(islice(remaining, 1024)):
            tasks = [block[k : k + TASK] for k in range(0, len(block), TASK)]
            for results in threads.map(lambda task: [attempt(item) for item in task], tasks):
                yield from results


def report(failures: Sequence[DataFileError], total: int, where: object, strict: bool | None = None) -> None:
    """Warn that images were skipped, with up to three names; raise DataFileError if strict or if all failed.

    ``strict`` is None if the caller has no such argument.
    """
    if not failures:
        return
    first = "; ".join(str(error).split("; ")[0] for error in failures[:3])
    more = f"; and {len(failures) - 3} more" if len(failures) > 3 else ""
    if strict or len(failures) == total:
        raise DataFileError(
            f"{len(failures)} of {total} images in {where} cannot be read ({first}{more}); repair or remove them"
        )
    message = f"skipped {len(failures)} of {total} images in {where} ({first}{more}); repair or remove them"
    warnings.warn(SkippedWarning(message, "" if strict is None else "pass strict=True"), stacklevel=3)
