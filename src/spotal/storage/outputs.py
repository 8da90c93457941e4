"""Outputs: one check that what a command writes is none of the files that it reads, nor a file that nobody named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spotal.errors import InputError, OutputError
from spotal.storage.files import check_writable

__all__ = ["Source", "check_output", "check_unnamed"]

HTML = b'<meta name="generator" content="spotal">'
"""In the head of every page that spotal writes."""
MARKS = {
    ".html": (HTML,),
    ".csv": (b"id,rank,row,cell_mass,strategy", b"label,by,predicted,confidence"),
    ".json": (b'{"format":1,"metric":', b'{"format":1,"headline":'),
    ".svg": (b"<dc:title>spotal</dc:title>",),
    ".pdf": (b"/Creator (spotal)",),
}
"""What files hold near their beginning or end that spotal writes under names of its own choice; without blanks of JSON
and quotes of CSV."""
ENDS = 8192
"""Bytes at the beginning and at the end of a file that are searched for them."""


@dataclass(frozen=True)
class Source:
    """A file or folder that a command reads.

    path : path; one that does not exist is passed over
    endings : tuple of str, in small letters; of a folder, files and sub-folders with such names are read, and nobody
        may add any; None for all that is there
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
    """Check that the file ``out`` can be written, and that nothing is lost that the command reads.

    Names are compared as files: through links, hard links and other spellings. Leaves no trace but missing folders.

    Parameters
    ----------
    out : path of the file that will be written, or replaced
    sources : what is read; None is passed over
    argument : str, what the file is called in the sentence
    is_folder : bool, whether ``out`` will be a folder; whether it can be made is not tried then

    Raises
    ------
    InputError
        ``out`` is one of the files that are read, or lies in a folder where it would be read.
    OutputError
        As :func:`spotal.storage.files.atomic_path`.
    """
    target = Path(out)
    if not is_folder:
        check_writable(target)
    if any(_meets(target, one) for one in _sources(sources)):
        raise InputError(
            argument, must="be another file than those that are read", found=target, remedy="give a new name"
        )


def check_unnamed(path: Path, remedy: str) -> None:
    """Refuse to replace a file whose name the command chose by itself, unless spotal wrote it.

    Parameters
    ----------
    path : Path, ending in .html, .csv, .json, .svg or .pdf
    remedy : str, what a person can do

    Raises
    ------
    OutputError
        There is such a file, and spotal did not write it.
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


def _sources(given: Iterable[Source | str | os.PathLike[str] | None]) -> Iterator[Source]:
    for one in given:
        if one is not None:
            yield one if isinstance(one, Source) else Source(one)


def _meets(target: Path, source: Source) -> bool:
    """Whether writing ``target`` would replace or add something that is read."""
    try:
        path, real = os.path.realpath(source.path), os.path.realpath(target)
    except ValueError:  # no name of a file; whoever opens it says so
        return False
    if not os.path.isdir(path):
        if not os.path.exists(path):
            return False
        return path.startswith(real + os.sep) or (os.path.exists(real) and os.path.samefile(path, real))
    if real == path or path.startswith(real + os.sep):
        return True  # the folder itself, or one around it
    if real.startswith(path + os.sep):
        parts = real[len(path) + 1 :].split(os.sep)
        if os.path.exists(real) if source.endings is None else any(_ends(part, source) for part in parts):
            return True
    return os.path.isfile(real) and _linked(real, path, source)


def _linked(real: str, folder: str, source: Source) -> bool:
    """Whether a file is read under another name: by a hard link, or in a linked folder."""
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
                except OSError:  # a link that leads nowhere
                    continue
    return False


def _ends(name: str, source: Source) -> bool:
    return source.endings is None or name.lower().endswith(source.endings)
