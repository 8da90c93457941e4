"""Output checks: a command must not overwrite files that it reads, or files that spotal did not write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spotal.errors import InputError, OutputError
from spotal.storage.files import check_writable

__all__ = ["Source", "check_output", "check_unnamed"]

HTML = b'<meta name="generator" content="spotal">'
"""Tag in the head of every page that spotal writes."""
MARKS = {
    ".html": (HTML,),
    ".csv": (b"id,rank,row,cell_mass,strategy", b"label,by,predicted,confidence"),
    ".json": (b'{"format":1,"metric":', b'{"format":1,"headline":'),
    ".svg": (b"<dc:title>spotal</dc:title>",),
    ".pdf": (b"/Creator (spotal)",),
}
"""Content near the beginning or end of files that spotal writes under names it chose; JSON without white space, CSV
without quotes."""
ENDS = 8192
"""Number of bytes searched at each end of a file."""


@dataclass(frozen=True)
class Source:
    """A file or folder that a command reads.

    path : path; ignored if it does not exist
    endings : tuple of str in lower case: endings of the files and sub-folders that are read in a folder, where no
        others may be added; None if the command reads all that exist
    """

    path: str | os.PathLike[str]
    endings: tuple[str, ...] | None = None


def check_output(
    out: str | os.PathLike[str],
    sources: Iterable[Source | str | os.PathLike[str] | None],
    argument: str = "out",
    *,
    is_folder: bool = False,
) -> None:
    """Check that the file ``out`` can be written without overwriting what the command reads.

    Files are compared after resolving links, hard links and other spellings. Only missing folders are created.

    Parameters
    ----------
    out : path of the file to write or replace
    sources : the files and folders that are read; None is ignored
    argument : str, name of the argument in the error
    is_folder : bool, whether ``out`` will be a folder; its creation is then not tried

    Raises
    ------
    InputError
        ``out`` is a file that is read, or is in a folder where it would be read.
    OutputError
        As :func:`spotal.storage.files.atomic_path`.
    """
    target = Path(out)
    if not is_folder:
        check_writable(target)
    given = (one if isinstance(one, Source) else Source(one) for one in sources if one is not None)
    if any(_meets(target, source) for source in given):
        raise InputError(
            argument, must="be another file than those that are read", found=target, remedy="give a new name"
        )


def check_unnamed(path: Path, remedy: str) -> None:
    """Check that a file name chosen by the command is free, or is a file that spotal wrote.

    Parameters
    ----------
    path : Path, ending in .html, .csv, .json, .svg or .pdf
    remedy : str, action to take

    Raises
    ------
    OutputError
        The file exists and spotal did not write it.
    """
    try:
        with path.open("rb") as file:
            ends = file.read(ENDS)
            file.seek(max(ENDS, file.seek(0, os.SEEK_END) - ENDS))
            ends += file.read()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read ({error}); {remedy}") from None
    if path.suffix == ".json":
        ends = b"".join(ends.split())
    if path.suffix == ".csv":
        ends = ends.replace(b'"', b"")
    if not any(mark in ends for mark in MARKS[path.suffix]):
        raise OutputError(f"{path} is there already and spotal did not write it; {remedy}")


def _meets(target: Path, source: Source) -> bool:
    """Return whether writing ``target`` would replace or add something that is read."""
    try:
        path, real = os.path.realpath(source.path), os.path.realpath(target)
    except ValueError:  # not a valid file name; opening it reports the error
        return False
    if not os.path.isdir(path):
        if not os.path.exists(path):
            return False
        return path.startswith(real + os.sep) or (os.path.exists(real) and os.path.samefile(path, real))
    if real == path or path.startswith(real + os.sep):
        return True  # the folder itself or a parent
    if real.startswith(path + os.sep):
        parts = real[len(path) + 1 :].split(os.sep)
        if os.path.exists(real) if source.endings is None else any(_ends(part, source) for part in parts):
            return True
    return os.path.isfile(real) and _linked(real, path, source)


def _linked(real: str, folder: str, source: Source) -> bool:
    """Return whether a file is read under another name, through a hard link or a linked folder."""
    wanted = os.stat(real)
    if wanted.st_nlink < 2 and not _ends(os.path.basename(real), source):
        return False
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        if (here := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(here)
        for name in files:
            if _ends(name, source):
                try:
                    if os.path.samestat(os.stat(os.path.join(place, name)), wanted):
                        return True
                except OSError:  # a broken link
                    continue
    return False


def _ends(name: str, source: Source) -> bool:
    return source.endings is None or name.lower().endswith(source.endings)
