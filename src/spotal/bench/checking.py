"""Checks of the data sets of protocols, before the first job runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from spotal.bench import data as library
from spotal.bench import pretrained
from spotal.bench.pool_sampler import drawn
from spotal.bench.protocol import Protocol
from spotal.errors import InputError

__all__ = ["check_data", "missing"]

QUICK = ("breast-cancer", "digits", "wine")
"""Named data sets that come with scikit-learn and load fast."""


def check_data(protocols: Iterable[Protocol]) -> None:
    """Load the user's own data sets and draw the pool of the first seed from each.

    Large named data sets are not loaded; see :func:`missing`.

    Raises
    ------
    DatasetError, DataFileError
        A data set does not exist or cannot be read.
    InputError
        A protocol does not fit its data set: classes, sizes, or a network for images on features.
    """
    for protocol in protocols:
        name = protocol.dataset
        if name in library.names() and name not in QUICK:
            continue
        data = library.load(name)
        where = f"protocol {protocol.name!r}"
        if len(data.class_names) < 2:
            raise InputError(
                "dataset", f"has rows of one class only in {name}, so there is nothing to learn", "add another class"
            ).within(where)
        if not protocol.learner.is_frozen and not data.is_images:
            raise InputError(
                "learner",
                f"{protocol.learner.kind!r} takes images, found features of shape {data.X.shape} in {name}",
                "take linear-probe, random-forest or mlp",
            ).within(where)
        try:
            held = drawn(data, protocol, protocol.first_seed)[1]
        except InputError as error:
            raise error.within(where) from None
        if not len(held):
            raise InputError("dataset", f"has no test rows of these classes in {name}", "add some").within(where)


def missing(protocols: Iterable[Protocol]) -> Iterator[str]:
    """Yield the names of features that protocols need and that are not on this machine, each once."""
    for name in dict.fromkeys(protocol.dataset for protocol in protocols):
        if name in pretrained.FILES and pretrained.find(name) is None and not Path(name).exists():
            yield name
