"""Settings: what a person decides about a project, as the readable file spotal.toml."""

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
from spotal.storage.files import atomic_path
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
        "many": "whether an item may have several of the classes, or none",
        "budget": "answers to ask people for in all, or the money for them; leave it out for no limit",
        "batch_size": "items of one round, or the money for the answers about them",
        "overlap": "people who answer each item: an item takes so many answers of the budget",
        "model": 'what is trained; "auto" is the usual one for the data',
        "strategy": "how picks are chosen",
        "random_state": "same number, same picks",
    },
    "data": {
        "kind": "image, text or embedding",
        "path": "folder of images, or file of texts or embeddings; relative to this file",
        "id_column": "column of ids; leave it out for the row's number or the column id",
        "text_column": "column of texts",
        "encoding": "of text files without a byte-order mark, such as cp1252; leave it out for UTF-8",
        "delimiter": "between the columns of .csv files whose first line has it; leave it out to find it",
    },
    "audit": {
        "held_back": "share of the items that is held back at random and never trained on",
        "share": "share of each batch that comes from the items held back, to measure accuracy honestly",
    },
    "limits": {
        "cost": "price of one answer about each item; budgets are money then: a table such as .csv or .parquet",
        "groups": "file with the group of each item: a table with id and group",
        "max_per_group": "most items of a group that are picked, random ones for the audit left out",
    },
    "stop": {
        "rule": "none, accuracy, flat, stable or coverage",
        "target": "what the rule's figure must reach",
    },
}


def _check_nul(part: Any, *names: str) -> None:
    """Raise InputError for a path with a NUL character, which the system refuses."""
    for name in names:
        if "\0" in (getattr(part, name) or ""):
            raise InputError(
                name, must="be a path without NUL characters", found=repr(getattr(part, name)), remedy="correct it"
            )


@dataclass(frozen=True)
class Data:
    """Where the items are.

    kind : "image" (a folder), "text" (.csv, .parquet or .jsonl) or "embedding" (.npy, .npz, .csv or .parquet)
    path : str, relative paths start at the project's folder
    id_column : str or None, of a table; None for its column ``id``, else rows go by number
    text_column : str, of a table of texts
    encoding, delimiter : str or None, of all text files that the project reads: see :class:`spotal.tables.Dialect`
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
        """How text files are written."""
        return Dialect(self.encoding, self.delimiter)


@dataclass(frozen=True)
class Audit:
    """The random sample that measures accuracy.

    held_back : float, probability with which an item is held back when it is added; later changes hold for new items
    share : float, share of each batch's picks that comes from the items held back
    """

    held_back: float = key(float, 0.1, least=0, most=0.9)
    share: float = key(float, 0.1, least=0, most=1)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class LimitSettings:
    """What answers cost, and how many of a group are asked for.

    cost : str or None, a table (.csv, .parquet, .jsonl, ...) with the columns ``id`` and ``cost``, the positive price
        of an answer; ``budget`` and ``batch_size`` are money then
    groups : str or None, the same with the columns ``id`` and ``group``
    max_per_group : int or None, most items of a group that are picked; needed with groups and only there

    Relative paths start at the project's folder.
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
    """When to stop asking.

    rule : "none", "accuracy" (the audit sample's), "flat" (gain of the next batch), "stable" (share of predictions
        that stay) or "coverage" (transport cost between labels and pool)
    target : float or None, what the rule's figure must reach; needed by all but "none"
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
    """What a person decides about a project.

    data : Data
    classes : tuple of str, two or more; the order is that of a model's outputs
    many : bool, whether an item may have several of the classes, or none of them (:mod:`spotal.project.class_sets`)
    budget : int or None, answers to ask for in all, ``overlap`` for each pick; None for no limit; with ``limits.cost``
        float, their money
    batch_size : int, picks of a round, those for the audit among them; with ``limits.cost`` float, the money for
        their answers
    overlap : int, different annotators who answer each pick
    model : str, read by whoever trains; "auto" is the usual one for the data
    strategy : str, a name of :func:`spotal.strategies.names`, checked when a project is made and when it picks
    random_state : int
    audit : Audit
    limits : LimitSettings
    stop : Stop
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
                must=f"be names without {BETWEEN!r}, which stands between the classes of an item",
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
        """States of items whose classes are known: "none_of_these" is one where an item may have no class."""
        return ("labeled", "none_of_these") if self.many else ("labeled",)

    def parted(self, label: str | None) -> tuple[str, ...]:
        """Return the names of the classes in a label: one, or several where items may have several."""
        return parted(label, self.many)

    def places(self, label: str | None) -> tuple[int, ...] | None:
        """Return the positions of a label's classes in ``classes``; None where one of them is not there."""
        return places(label, self._index, self.many)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.classes)}

    def to_toml(self) -> str:
        """The text of the file, every key explained."""
        top = [field.name for field in fields(self) if field.name not in _PARTS]
        lines = ["# A spotal project. Change what you like: every command reads this file anew.", ""]
        lines += _lines(self, top, "")
        for name in _PARTS:
            part = getattr(self, name)
            lines += ["", f"[{name}]", *_lines(part, [field.name for field in fields(part)], name)]
        return "\n".join(lines) + "\n"


_PARTS: dict[str, type] = {"data": Data, "audit": Audit, "limits": LimitSettings, "stop": Stop}


def _check_amount(settings: Settings, name: str) -> None:
    """Money is any positive number; picks, where they have no price, are counted."""
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
    """Settings from the keys and values of their file.

    Raises
    ------
    ProjectError
        A key is unknown or missing, or a value none that it may have; one sentence that names ``where`` and the key.
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
    """Settings from a file. Raises ProjectError as :func:`from_table`, and where it cannot be read as TOML."""
    source = Path(path)
    try:
        table = read_toml(source)
    except DataFileError as error:
        raise ProjectError(str(error)) from None
    return from_table(table, str(source))


def add_classes(path: Path, names: Sequence[str]) -> Settings:
    """Add classes at the end of those in a file, the rest of which stays as it is; the settings that it holds then.

    Raises ProjectError where a name is none that a class may have; nothing is changed then.
    """
    import tomlkit

    read(path)
    mark = "\ufeff" * path.read_bytes().startswith(codecs.BOM_UTF8)
    document = tomlkit.parse(read_text(path))
    document["classes"].extend(names)
    settings = from_table(document.unwrap(), str(path))
    with atomic_path(path) as part:
        part.write_text(mark + tomlkit.dumps(document), encoding="utf-8")
    return settings


def _lines(part: Any, names: list[str], table: str) -> list[str]:
    known = {field.name: field.default for field in fields(part)}
    lines = []
    for name in names:
        value, about = getattr(part, name), _ABOUT[table][name]
        if value is None:
            assert known[name] is not MISSING  # only keys that may be left out are None
            lines.append(f"# {name} = ...  # {about}")
        else:
            lines.append(f"{name} = {_toml(value)}  # {about}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
