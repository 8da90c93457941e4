"""Protocols by name, which ship with the package, or from a file."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from spotal.bench.protocol import Protocol, from_table
from spotal.errors import DataFileError, InputError
from spotal.tables.configuration import closest
from spotal.tables.toml import read_toml

__all__ = ["extended", "load", "names", "of_role", "template"]


VARIANTS = "variants"
"""File of protocols that extend another one: a table for each, with the keys that differ."""


@cache
def _ready() -> dict[str, dict[str, Any]]:
    folder = files("spotal.bench").joinpath("protocols")
    tables = {
        entry.name.removesuffix(".toml"): tomllib.loads(entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    for name, changes in tables.pop(VARIANTS).items():
        tables[name] = extended(tables[changes.pop("extends")], changes)
    return dict(sorted(tables.items()))


def extended(table: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Copy a protocol's table with changes to its keys, also within inner tables. An empty text removes a key."""
    merged = dict(table)
    for key, value in changes.items():
        merged[key] = extended(merged.get(key, {}), value) if isinstance(value, dict) else value
    return {key: value for key, value in merged.items() if value != ""}


def names() -> tuple[str, ...]:
    """Return the names of the protocols that ship with spotal, in alphabetical order.

    Examples
    --------
    >>> from spotal.bench import protocol_names
    >>> "encoder-cifar10" in protocol_names()
    True
    """
    return tuple(_ready())


def load(name_or_path: str | os.PathLike[str]) -> Protocol:
    """Load a protocol by name or from a .toml file.

    Raises
    ------
    InputError
        There is no such protocol, or a key or value in it is wrong.
    DataFileError
        The file cannot be read as TOML.

    Examples
    --------
    >>> from spotal.bench import load_protocol
    >>> load_protocol("encoder-cifar10").batch_size
    20
    """
    name = os.fspath(name_or_path)
    if name in _ready():
        return from_table(name, _ready()[name])
    path = Path(name)
    if path.suffix != ".toml":
        raise InputError(
            "protocol",
            must="be one that ships with spotal or the path of a .toml file",
            found=repr(name),
            remedy=f"{closest(name, names())}",
        )
    try:
        table = read_toml(path)
    except DataFileError as error:
        raise DataFileError(f"protocol {error}") from None
    return from_table(path.stem, table, path.parent)


def template() -> str:
    """Return the text of a protocol file that explains every key."""
    return files("spotal.bench").joinpath("template.toml").read_text(encoding="utf-8")


def of_role(role: str) -> tuple[str, ...]:
    """Return the names of the shipped protocols with a role, "development" or "reporting"."""
    return tuple(name for name in names() if load(name).role == role)
