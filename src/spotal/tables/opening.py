"""Errors for files that cannot be read, and for repeated column names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from spotal.errors import DataFileError, one_line

__all__ = ["check_names", "listed", "reading", "repeated"]

T = TypeVar("T")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn system errors at opening or reading ``path`` into a DataFileError."""
    if "\0" in str(path):
        raise DataFileError(f"{str(path)!r} has a NUL character, which no path has; check the path")
    try:
        yield
    except FileNotFoundError:
        raise DataFileError(f"{path} does not exist; check the path") from None
    except IsADirectoryError:
        raise DataFileError(f"{path} is a folder where a file is needed; name the file in it") from None
    except PermissionError:
        raise DataFileError(f"{path} cannot be read (permission denied); change its permissions") from None
    except OSError as error:
        raise DataFileError(f"{path} cannot be read ({one_line(error)}); check the file and its disk") from None


def listed(names: list[str]) -> str:
    """Return the first ten names in quotes, and the number of others."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(repr(name) for name in names[:10]) or "none") + more


def repeated(values: Iterable[T]) -> Iterator[T]:
    """Yield the values that an earlier one equals."""
    seen: set[T] = set()
    return (value for value in values if value in seen or seen.add(value))  # type: ignore[func-returns-value]


def check_names(names: Iterable[str], path: Path) -> None:
    """Raise DataFileError if two columns have the same name."""
    twice = sorted(set(repeated(names)))
    if twice:
        raise DataFileError(f"{path} has more than one column called {listed(twice)}; rename them")
