"""A loop in a file: its labels and rounds as JSON, with a hash of the data that they belong to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from spotal.errors import DataFileError, InputError
from spotal.storage.files import atomic_path

__all__ = ["read", "write"]

KIND = "spotal loop"


def write(path: str | os.PathLike[str], state: dict[str, Any], data: dict[str, Any]) -> None:
    """Write a loop's state and the fingerprint of its data to a file, whole or not at all.

    Raises
    ------
    InputError
        The file is there and is no saved loop, belongs to other data, or holds answers that the state has not.
    OutputError
        The file cannot be written.
    """
    place = Path(path)
    if place.exists():
        try:
            before = read(place, data)
        except DataFileError as error:
            raise InputError(
                "path", f"is taken by a file that is no saved loop: {error}", "give another name"
            ) from None
        except InputError:
            raise InputError(
                "path", "is taken by a loop that was saved with other data", "give another name", subject=str(place)
            ) from None
        lost = len(_answers(before) - _answers(state))
        if lost:
            raise InputError(
                "path",
                f"names a file with {lost} answers that this loop has not",
                "load it first, or give another name",
                subject=str(place),
            )
    with atomic_path(place) as part:
        text = json.dumps({"kind": KIND, "data": data, "state": state}, indent=1)
        part.write_text(text + "\n", encoding="utf-8")


def read(path: str | os.PathLike[str], data: dict[str, Any] | None) -> dict[str, Any]:
    """Return the state in a file that ``write`` wrote; ``data`` is the fingerprint it must belong to, None for any.

    Raises
    ------
    DataFileError
        The file is missing, or is no saved loop.
    InputError
        It belongs to other data.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, belongs, state = found["kind"], found["data"], found["state"]
    except OSError as error:
        raise DataFileError(f"{path} cannot be read ({str(error.strerror).lower()}); check its name") from None
    except (ValueError, KeyError, TypeError):
        raise DataFileError(f"{path} is no saved loop; give a file that ActiveLearner.save wrote") from None
    if kind != KIND or not isinstance(state, dict):
        raise DataFileError(f"{path} is no saved loop; give a file that ActiveLearner.save wrote")
    if data is not None and belongs != data:
        raise InputError(
            "path", "was saved with other data", "make the loop with the X that it was saved with", subject=str(path)
        )
    return state


def _answers(state: dict[str, Any]) -> set[tuple[Any, Any]]:
    """Rows with their labels, and the rows that got none."""
    labels = zip(state.get("labeled", []), map(str, state.get("labels", [])), strict=False)
    return {*labels, *((row, None) for row in state.get("skipped", []))}
