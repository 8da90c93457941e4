"""Checks of what an error says by its fields, for tests in which the wording is not the point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from spotal.errors import InputError


@contextmanager
def raises_input(argument: str, found: Any = None, *, kind: type[InputError] = InputError) -> Iterator[Any]:
    """Expect an InputError about that argument; with ``found``, one that has it among what was found.

    The sentence must be a single line that names the argument, or what stands for it.
    """
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    assert error.argument == argument, str(error)
    assert found is None or str(found) in error.found, str(error)
    assert str(error).startswith(error.subject or argument)
    assert "\n" not in str(error)
