"""The settings of a project, in the readable file spotal.toml."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError, InputError, ProjectError
from spotal.project.class_sets import BETWEEN, parted, places
from spotal.storage.files import write_text
from spotal.tables import Dialect, read_text
from spotal.tables.configuration import build, check_fields, key
from spotal.tables.toml import read_toml

__all__ = ["FILE", "Audit", "Data", "LimitSettings", "Settings", "Stop", "add_classes", "from_table", "read"]

FILE = "spotal.toml"
KINDS = ("image", "text", "embedding")
RULES = ("none", "accuracy", "flat", "stable", "coverage")
_ABOUT = {
    "": {
        "classes": "names of the classes, in the order of the model's outputs; add new ones at the end",
        "many": "whether an item may have several classes or none",
        "budget": "total number of answers, or an amount of money if answers have a price; leave it out for no limit",
        "batch_size": "number of items in a round, or an amount of money if answers have a price",
        "overlap": "people who answer each item; an item uses this many answers of the budget",
        "model": 'the model to train; "auto" chooses one for the data',
        "strategy": "method that selects items",
        "random_state": "seed; the same seed gives the same picks",
    },
    "data": {
        "kind": "image, text or embedding",
        "path": "folder of images, or file of texts or embeddings; relative to this file",
        "id_column": "column of ids; leave it out for the column id or the row number",
        "text_column": "column of texts",
        "encoding": "encoding of text files without a byte-order mark, such as cp1252; leave it out for UTF-8",
        "delimiter": "character between the columns of .csv files; leave it out to detect it",
    },
    "audit": {
        "held_back": "share of items that are held back at random and never used for training",
        "share": "share of each batch that comes from the held-back items, to measure accuracy without bias",
    },
    "limits": {
        "cost": "table, such as .csv or .parquet, with the price of one answer about each item; budgets are then money",
        "groups": "table with the columns id and group",
        "max_per_group": "maximum number of picks from a group, without the audit's random picks",
    },
    "stop": {
        "rule": "none, accuracy, flat, stable or coverage",
        "target": "value at which the rule stops",
    },
}


def _check_nul(part: Any, *names: str) -> None:
    """Raise InputError for a path with a NUL character."""
    for name in names:
        if "\0" in (getattr(part, name) or ""):
            raise InputError(
                name, must="be a path without NUL characters", found=repr(getattr(part, name)), remedy="correct it"
            )


@dataclass(frozen=True)
class Data:
    """The place and format of the data.

    kind : "image" (a folder), "text" (.csv, .parquet or .jsonl) or "embedding" (.npy, .npz, .csv or .parquet)
    path : str, relative to the project's folder
    id_column : str or None, of a table; None for its column ``id`` or else row numbers
    text_column : str, of a table of texts
    encoding, delimiter : str or None, of all text files of the project; see :class:`spotal.tables.Dialect`
    """

    path: str = key(str)
    kind: str = key(str, "image", choices=KINDS)
    id_column: str | None = key(str, None)
    text_column: str = key(str, "text")
    encoding: str | None = key(str, None)
    delimiter: str | None = key(str, None)

    def __post_init__(self) -> None:
        check_fields(self)
        Dialect(self.encoding, self.delimiter)
        if not self.path:
            raise InputError("path", must="name a folder or file", found="an empty text")
        _check_nul(self, "path")

    @property
    def dialect(self) -> Dialect:
        """Encoding and delimiter of text files."""
        return Dialect(self.encoding, self.delimiter)


@dataclass(frozen=True)
class Audit:
    """The random sample that measures accuracy.

    held_back : float, probability that an item is held back when it is added; a change affects only new items
    share : float, share of each batch's picks that come from the held-back items
    """

    held_back: float = key(float, 0.1, least=0, most=0.9)
    share: float = key(float, 0.1, least=0, most=1)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class LimitSettings:
    """Prices of answers and limits on groups. Paths are relative to the project's folder.

    cost : str or None, a table (.csv, .parquet, .jsonl, ...) with the columns ``id`` and ``cost``, the positive price
        of an answer; ``budget`` and ``batch_size`` are then money
    groups : str or None, a table with the columns ``id`` and ``group``
    max_per_group : int or None, maximum number of picks from a group; required with ``groups``, not allowed without
    """

    cost: str | None = key(str, None)
    groups: str | None = key(str, None)
    max_per_group: int | None = key(int, None, least=1)

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.groups is None) != (self.max_per_group is None):
            raise InputError(
                "max_per_group",
                f"is needed with groups and only there, found {self.max_per_group} with {self.groups!r}",
            )
        if "" in (self.cost, self.groups):
            raise InputError(
                "cost",
                must="name a file",
                found="an empty text",
                remedy="leave the key out for none",
                subject="cost and groups",
            )
        _check_nul(self, "cost", "groups")


@dataclass(frozen=True)
class Stop:
    """The rule for stopping.

    rule : "none", "accuracy" (on the audit sample), "flat" (gain of the next batch), "stable" (share of unchanged
        predictions) or "coverage" (transport cost between labeled items and pool)
    target : float or None, value at which the rule stops; needed by every rule except "none"
    """

    rule: str = key(str, "none", choices=RULES)
    target: float | None = key(float, None, least=0)

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.target is None) != (self.rule == "none"):
            raise InputError(
                "target", f"is needed by every rule but 'none' and only there, found {self.target} with {self.rule!r}"
            )


@dataclass(frozen=True)
class Settings:
    """The settings of a project.

    data : Data
    classes : tuple of str, two or more, in the order of a model's outputs
    many : bool, whether an item may have several classes or none (:mod:`spotal.project.class_sets`)
    budget : int or None, total number of answers, ``overlap`` for each pick; None for no limit; float, an amount of
        money, with ``limits.cost``
    batch_size : int, picks of a round including the audit's; float, an amount of money, with ``limits.cost``
    overlap : int, number of different annotators who answer each pick
    model : str, the model to train; "auto" chooses one for the data
    strategy : str, a name of :func:`spotal.strategies.names`, checked when the project is created and when a batch is
        chosen
    random_state : int
    audit : Audit
    limits : LimitSettings
    stop : Stop

    Examples
    --------
    >>> from spotal.project import Data, Settings
    >>> Settings(data=Data(path="photos"), classes=("cat", "dog")).batch_size
    20
    """

    data: Data
    classes: tuple[str, ...] = key(str, many=True)
    many: bool = key(bool, False)
    budget: float | None = key(float, None, least=0)
    batch_size: float = key(float, 20.0, least=0)
    overlap: int = key(int, 1, least=1)
    model: str = key(str, "auto")
    strategy: str = key(str, "spot")
    random_state: int = key(int, 0, least=0)
    audit: Audit = Audit()
    limits: LimitSettings = LimitSettings()
    stop: Stop = Stop()

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("budget", "batch_size"):
            _check_amount(self, name)
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise InputError(
                "classes", must="be two or more, none twice", found=list(self.classes), remedy="name each once"
            )
        odd = next((name for name in self.classes if not name.strip() or not name.isprintable()), None)
        if odd is not None:
            raise InputError("classes", must="be visible names of one line", found=repr(odd), remedy="rename it")
        odd = next((name for name in self.classes if self.many and BETWEEN in name), None)
        if odd is not None:
            raise InputError(
                "classes",
                must=f"be names without {BETWEEN!r}, which separates the classes of an item",
                found=repr(odd),
                remedy="rename it",
            )
        for name in ("model", "strategy"):
            if not getattr(self, name):
                raise InputError(
                    name, must="be named", found="an empty text", remedy="leave the key out for the usual one"
                )
        _check_nul(self, "model")

    @property
    def decided(self) -> tuple[str, ...]:
        """States of items with known classes; includes "none_of_these" if items may have no class."""
        return ("labeled", "none_of_these") if self.many else ("labeled",)

    def parted(self, label: str | None) -> tuple[str, ...]:
        """Return the names of the classes in a label: one, or several if ``many``."""
        return parted(label, self.many)

    def places(self, label: str | None) -> tuple[int, ...] | None:
        """Return the indices of a label's classes in ``classes``, or None if one is unknown."""
        return places(label, self._index, self.many)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.classes)}

    def to_toml(self) -> str:
        """Return the text of the file, with a comment for each key."""
        top = [field.name for field in fields(self) if field.name not in _PARTS]
        lines = ["# A spotal project. You may edit it: every command reads this file again.", ""]
        lines += _lines(self, top, "")
        for name in _PARTS:
            part = getattr(self, name)
            lines += ["", f"[{name}]", *_lines(part, [field.name for field in fields(part)], name)]
        return "\n".join(lines) + "\n"


_PARTS: dict[str, type] = {"data": Data, "audit": Audit, "limits": LimitSettings, "stop": Stop}


def _check_amount(settings: Settings, name: str) -> None:
    """Raise InputError unless the amount is a positive number of money, or an integer if answers have no price."""
    amount = getattr(settings, name)
    if amount is None:
        return
    if settings.limits.cost is None:
        if not amount.is_integer():
            raise InputError(
                name, must="be an integer", found=f"{amount:g}", remedy="an amount of money needs limits.cost"
            )
        if amount < 1:
            raise InputError(name, must="be at least 1", found=f"{amount:g}")
    elif not amount:
        raise InputError(name, must="be positive, the money to spend", found="0")
    whole = amount.is_integer()
    object.__setattr__(settings, name, int(amount) if whole else amount)


def from_table(table: Mapping[str, Any], where: str = FILE) -> Settings:
    """Return the settings from the keys and values of their file.

    Raises
    ------
    ProjectError
        A key is unknown or missing, or a value is invalid; the error names ``where`` and the key.
    """
    values = dict(table)
    try:
        for name, cls in _PARTS.items():
            if name in values:
                values[name] = build(cls, values[name], f"{where}, table {name!r}")
        return build(Settings, values, where)
    except InputError as error:
        raise ProjectError(str(error)) from None


def read(path: str | os.PathLike[str]) -> Settings:
    """Return the settings in a file. Raises ProjectError as :func:`from_table`, and if it is not valid TOML."""
    source = Path(path)
    try:
        table = read_toml(source)
    except DataFileError as error:
        raise ProjectError(str(error)) from None
    return from_table(table, str(source))


def add_classes(path: Path, names: Sequence[str]) -> Settings:
    """Append classes in a file without other changes, and return its new settings.

    Raises ProjectError for an invalid name. Nothing is changed then.
    """
    import tomlkit

    read(path)
    mark = "\ufeff" * path.read_bytes().startswith(codecs.BOM_UTF8)
    document = tomlkit.parse(read_text(path))
    document["classes"].extend(names)
    settings = from_table(document.unwrap(), str(path))
    write_text(path, mark + tomlkit.dumps(document))
    return settings


def _lines(part: Any, names: list[str], table: str) -> list[str]:
    defaults = {field.name: field.default for field in fields(part)}
    lines = []
    for name in names:
        value, about = getattr(part, name), _ABOUT[table][name]
        if value is None:
            assert defaults[name] is not MISSING  # only optional keys can be None
            lines.append(f"# {name} = ...  # {about}")
        else:
            lines.append(f"{name} = {_toml(value)}  # {about}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
