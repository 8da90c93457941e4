"""Files of loops: labels and rounds as JSON, with a hash of their data."""

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
        The file exists and is not a saved loop, belongs to other data, or has labels that the state lacks.
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


def read(path: str | os.PathLike[str], data: dict[str, Any]) -> dict[str, Any]:
    """Return the state in a file of ``write``; ``data`` is the expected fingerprint.

    Raises
    ------
    DataFileError
        The file is missing or is not a saved loop.
    InputError
        It belongs to other data.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, saved_data, state = content["kind"], content["data"], content["state"]
    except OSError as error:
        raise DataFileError(f"{path} cannot be read ({str(error.strerror).lower()}); check its name") from None
    except (ValueError, KeyError, TypeError):
        raise DataFileError(f"{path} is no saved loop; give a file that ActiveLearner.save wrote") from None
    if kind != KIND or not isinstance(state, dict):
        raise DataFileError(f"{path} is no saved loop; give a file that ActiveLearner.save wrote")
    if saved_data != data:
        raise InputError(
            "path", "was saved with other data", "make the loop with the X that it was saved with", subject=str(path)
        )
    return state


def _answers(state: dict[str, Any]) -> set[tuple[Any, Any]]:
    """Return pairs of row and label, with None for rows without a label."""
    labels = zip(state.get("labeled", []), map(str, state.get("labels", [])), strict=False)
    return {*labels, *((row, None) for row in state.get("skipped", []))}
