"""Tables of a configuration file as frozen dataclasses, with checks of keys, types and ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from spotal.errors import InputError, like

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["build", "check_fields", "check_sizes", "closest", "key"]

T = TypeVar("T")
LARGEST = 2**53
"""Largest magnitude of a number: up to this value, floats represent all integers exactly."""
_WORDS = {int: "an integer", float: "a number", str: "a text in quotes", bool: "true or false", dict: "a table"}


@dataclass(frozen=True)
class _Rule:
    """Constraints on a value: type, range or choices; ``many`` for a list of such values."""

    kind: type
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False


def key(
    kind: type,
    default: object = MISSING,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    many: bool = False,
) -> Any:
    """Return a checked field of a dataclass. It may be None if its default is None."""
    rule = _Rule(kind, least, most, choices, many, default is None)
    if default is MISSING:
        return field(metadata={"rule": rule})
    return field(default=default, metadata={"rule": rule})


def build(cls: type[T], table: object, where: str) -> T:
    """Build the dataclass ``cls`` from a table of its fields. ``where`` names the table in errors.

    Raises
    ------
    InputError
        A key is unknown (the closest one is suggested) or missing, or a value is invalid.
    """
    if not isinstance(table, Mapping):
        raise InputError("table", must="be a table of keys and values", found=repr(table), subject=where)
    by_name = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for name in table:
        if name not in by_name:
            raise InputError(name, f"has an unknown key {name!r}", closest(name, by_name), subject=where)
    for name, item in by_name.items():
        if item.default is MISSING and item.default_factory is MISSING and name not in table:
            raise InputError(name, f"lacks the key {name!r}, which has no default", "add it", subject=where)
    try:
        return cls(**table)
    except InputError as error:
        raise error.within(where) from None


def check_fields(instance: DataclassInstance) -> None:
    """Check every field made by ``key``. Convert lists to tuples, and integers of float fields to floats."""
    for item in fields(instance):
        name, rule = item.name, item.metadata.get("rule")
        value = getattr(instance, name)
        if rule is None or (value is None and rule.optional):
            continue
        if not rule.many:
            object.__setattr__(instance, name, _checked(name, value, rule))
            continue
        if not isinstance(value, list | tuple):
            raise InputError(name, must="be a list", found=repr(value))
        object.__setattr__(instance, name, tuple(_checked(name, entry, rule) for entry in value))


def closest(name: object, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the most similar known name, or all of them."""
    names = sorted(known)
    return like(name, names) or f"it may be {', '.join(names)}"


def _checked(name: str, value: Any, rule: _Rule) -> Any:
    kind = rule.kind
    check_sizes(value, name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(name, must=f"be {_WORDS[kind]}", found=f"{value!r:.100}")
    if rule.choices and value not in rule.choices:
        raise InputError(name, must=f"be one of {', '.join(rule.choices)}", found=repr(value))
    low, high = rule.least, rule.most
    number: Any = value
    outside = (low is not None and not number >= low) or (high is not None and not number <= high)
    if outside or value == float("inf"):
        limits = f"at least {low:g}" if high is None else f"{low or 0:g} to {high:g}"
        raise InputError(name, must=f"be {limits}", found=repr(value))
    return value


def check_sizes(value: object, name: str) -> None:
    """Raise InputError for a number above ``LARGEST``, also inside tables and lists."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_sizes(item, f"{name}, {key}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_sizes(item, name)
    elif isinstance(value, (int, float)) and abs(value) > LARGEST:
        shown = value if isinstance(value, float) or abs(value) < 10**30 else f"one of {value.bit_length()} bits"
        raise InputError(name, must=f"lie within -{LARGEST:,} and {LARGEST:,}", found=shown, remedy="correct it")
