"""Strategy classes from the user's own files: "file.py:Class"."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from spotal.errors import InputError
from spotal.strategies import Strategy

__all__ = ["load_class"]


def load_class(reference: str) -> type[Strategy]:
    """Import the strategy class "path/to/file.py:Class". This runs the file.

    Raises
    ------
    InputError
        The file is missing or fails, or it has no such subclass of ``spotal.strategies.Strategy``.
    """
    file, _, name = reference.rpartition(":")
    path = Path(file).resolve()
    unique = f"spotal_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if unique not in sys.modules:
        spec = importlib.util.spec_from_file_location(unique, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise InputError("strategy", f"{reference!r} names a file that is not there", 'write "file.py:Class"')
        module = importlib.util.module_from_spec(spec)
        sys.modules[unique] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[unique]
            raise InputError("strategy", f"{reference!r} cannot be loaded ({type(error).__name__}: {error})") from error
    cls: Any = getattr(sys.modules[unique], name, None)
    if not isinstance(cls, type) or not issubclass(cls, Strategy):
        raise InputError(
            "strategy",
            must="name a subclass of spotal.strategies.Strategy",
            found=repr(cls),
            subject=f"strategy {reference!r}",
        )
    return cls
