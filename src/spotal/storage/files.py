"""Atomic writes: a file is written under a temporary name and then renamed."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotal.errors import OutputError, reason_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FOLDER",
    "FULL",
    "atomic_path",
    "check_writable",
    "flush",
    "is_part",
    "save_array",
    "unwritable",
    "write_text",
]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a full disk."""
FOLDER = "give a folder that you may write to"
"""The usual remedy for a folder that cannot be written."""


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary file, which is renamed to ``path`` when the block ends, or removed when the block fails.

    Missing folders are created. The file is flushed to disk before it is renamed, and its folder afterwards. Links are
    refused, because the file that a link points to is not the one that was named.

    Parameters
    ----------
    path : path, of a new file or of one to replace

    Yields
    ------
    Path, of a new, empty file in the same folder

    Raises
    ------
    OutputError
        The folder cannot be created or written to, ``path`` is a link or not a regular file, or the disk fails.
    """
    asked = Path(path)
    try:
        target = Path(os.path.realpath(asked.parent), asked.name)
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
            kind = "a link" if target.is_symlink() else "a folder" if target.is_dir() else "no ordinary file"
            raise OutputError(f"{asked} cannot be written: it is {kind}; give the name of a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        part.touch(exist_ok=False)
    except OutputError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(_sentence(asked, error)) from None
    try:
        yield part
        flush(part)
        os.replace(part, target)
        flush(target.parent)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(_sentence(asked, error)) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text as a file in UTF-8. Raises OutputError as :func:`atomic_path`."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def flush(path: Path) -> None:
    """Flush a file's content, or a folder's list of names, to disk. Raises OSError."""
    is_folder = path.is_dir()
    if is_folder and not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(number)
    except OSError as error:
        if not is_folder or error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check that the file ``path`` can be written. Only missing folders are created.

    Raises
    ------
    OutputError
        As :func:`atomic_path`.
    """
    with suppress(_Tried), atomic_path(path):
        raise _Tried


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Save an array as ``numpy.save`` does, byte for byte, but with an OSError that names a full disk."""
    import numpy as np

    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)


def is_part(name: str) -> bool:
    """Return whether a file name has the form of the temporary names of :func:`atomic_path`."""
    return re.fullmatch(r"\..+\.[0-9a-f]{8}\.part", name, re.DOTALL) is not None


def unwritable(path: Path, error: OSError, remedy: str) -> OutputError:
    """Return the error for a path that the system refuses to write."""
    return OutputError(f"{path} cannot be written ({reason_of(error)}); {remedy}")


class _Tried(Exception):
    """Ends a trial write before the file is renamed."""


def _sentence(path: Path, error: Exception) -> str:
    reason = (getattr(error, "strerror", None) or " ".join(str(error).split())).lower()
    where = f", {error.filename}" if isinstance(error, NotADirectoryError | FileExistsError) else ""
    return f"{path} cannot be written ({reason}{where}); give a path in a folder that you may write to"
