"""Class sets: conversion between the classes of one item and one text, such as "cat|dog".

With ``many`` in spotal.toml, an answer names a set of classes. The database, the journal, the page and CSV files store
a set as one text: its names in alphabetical order with ``|`` between, as ``pandas.Series.str.get_dummies`` reads it.
An answer of the kind "none_of_these" is the empty set and has no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["BETWEEN", "joined", "parted", "places"]

BETWEEN = "|"
"""Separator of two names. No class of a project with ``many`` may contain it."""


def joined(names: Iterable[str]) -> str | None:
    """Return the text of a set of classes; None for the empty set.

    Examples
    --------
    >>> joined(["dog", "cat", "dog"])
    'cat|dog'
    """
    return BETWEEN.join(sorted(set(names))) or None


def parted(label: str | None, many: bool) -> tuple[str, ...]:
    """Return the class names in a text; without ``many`` the whole text is one name. Empty for None.

    Examples
    --------
    >>> parted("cat|dog", many=True), parted("cat|dog", many=False), parted(None, many=True)
    (('cat', 'dog'), ('cat|dog',), ())
    """
    if not label:
        return ()
    return tuple(label.split(BETWEEN)) if many else (label,)


def places(label: str | None, index: Mapping[str, int], many: bool) -> tuple[int, ...] | None:
    """Return the positions of a text's classes in ``index``, ascending; None if a class is not in ``index``.

    Examples
    --------
    >>> places("cat|dog", {"dog": 0, "cow": 1, "cat": 2}, many=True)
    (0, 2)
    """
    positions = [index.get(name, -1) for name in parted(label, many)]
    return None if -1 in positions else tuple(sorted(positions))
