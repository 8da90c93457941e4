"""Class sets: the classes of one item as one text, such as "cat|dog", and back.

An answer names one class, or, where a project's items may have several (``many`` of spotal.toml), a set of them. The
database, the journal, the page and CSV files hold a set as one text: its names in alphabetical order with ``|``
between, which is what ``pandas.Series.str.get_dummies`` reads. Equal sets are equal texts. The empty set is the answer
of the kind "none_of_these", without a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["BETWEEN", "joined", "parted", "places"]

BETWEEN = "|"
"""Stands between two names, and so in no name of a class where items may have several."""


def joined(names: Iterable[str]) -> str | None:
    """Return the text of a set of classes; None for the empty set.

    Examples
    --------
    >>> joined(["dog", "cat", "dog"])
    'cat|dog'
    """
    return BETWEEN.join(sorted(set(names))) or None


def parted(label: str | None, many: bool) -> tuple[str, ...]:
    """Return the names in a text, one at most where items have one class. Empty for None.

    Examples
    --------
    >>> parted("cat|dog", many=True), parted("cat|dog", many=False), parted(None, many=True)
    (('cat', 'dog'), ('cat|dog',), ())
    """
    if not label:
        return ()
    return tuple(label.split(BETWEEN)) if many else (label,)


def places(label: str | None, index: Mapping[str, int], many: bool) -> tuple[int, ...] | None:
    """Return the positions of a text's classes by ``index``, ascending; None where one of them is not there.

    Examples
    --------
    >>> places("cat|dog", {"dog": 0, "cow": 1, "cat": 2}, many=True)
    (0, 2)
    """
    found = [index.get(name, -1) for name in parted(label, many)]
    return None if -1 in found else tuple(sorted(found))
