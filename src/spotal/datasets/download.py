"""Fetch a file once, check it, and only then give it its name. Where data lie on this machine."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.request import Request, urlopen

from spotal.errors import DataFileError, DatasetError
from spotal.storage.files import FULL

__all__ = ["Progress", "cache_dir", "download", "find_folder", "places"]

Progress = Callable[[int, int | None], object]
"""Called with the bytes so far and, where the server says so, the bytes in all."""
CHUNK = 1 << 18


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def cache_dir() -> Path:
    """``$XDG_CACHE_HOME/spotal``, or ``~/.cache/spotal`` where that is unset or relative."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "spotal"


def places(name: str, data_dir: str | os.PathLike[str] | None, *more: str) -> list[Path]:
    """Folders that may hold the dataset, best first: ``data_dir``, ``$SPOTAL_DATA``, the cache, and ``more``.

    Raises DatasetError if ``data_dir`` is given and is no folder.
    """
    found: list[Path] = []
    if data_dir is not None:
        if not Path(data_dir).is_dir():
            raise DatasetError(f"data_dir must be a folder, found {os.fspath(data_dir)!r}; create it or leave it out")
        found += [Path(data_dir), Path(data_dir, name)]
    if os.environ.get("SPOTAL_DATA"):
        found.append(Path(os.environ["SPOTAL_DATA"], name))
    return [*found, cache_dir() / name, *map(Path, more)]


def find_folder(folders: list[Path], files: tuple[str, ...]) -> Path | None:
    """The first folder that has all of these files."""
    return next((folder for folder in folders if all((folder / name).is_file() for name in files)), None)


def download(
    url: str,
    target: Path,
    *,
    name: str,
    remedy: str,
    md5: str | None = None,
    sha256: str | None = None,
    decompressed: bool = False,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> None:
    """Fetch ``url`` into the file ``target``, which appears whole and checked or not at all.

    Parameters
    ----------
    url, target : str and Path; the folder of target is made
    name, remedy : str, the dataset and what to do without a network, for messages
    md5, sha256 : str or None, one of them: the checksum in hexadecimal
    decompressed : bool, whether the checksum is that of what gzip decompresses to
    timeout : float, seconds that the server may be silent
    progress : called every 256 KiB

    Raises
    ------
    DatasetError
        There is no connection, the server refuses, or the folder cannot be written.
    DataFileError
        The checksum differs, or what came is not gzip where it should be.
    """
    algorithm, expected = ("sha256", sha256) if sha256 else ("md5", md5)
    if not expected:
        raise ValueError("download needs md5 or sha256")
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise _unsaved(name, target, error) from None
    try:
        try:
            _fetch(url, part, timeout, progress)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise _unsaved(name, target, error) from None
            reason = getattr(error, "reason", None) or error
            code = f"HTTP {error.code} " if hasattr(error, "code") else ""
            raise DatasetError(
                f"{name} is not on this machine and could not be downloaded from {url} ({code}{reason}); {remedy}"
            ) from None
        found = _checksum(part, algorithm, decompressed, url)
        if found != expected.lower():
            raise DataFileError(
                f"{url} has {algorithm} {found}, expected {expected}: what came is not the published {name}; {remedy}"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _unsaved(name: str, target: Path, error: OSError) -> DatasetError:
    return DatasetError(
        f"{name} cannot be saved in {target.parent} ({error.strerror}); set XDG_CACHE_HOME to a folder that can be "
        "written"
    )


def _fetch(url: str, part: Path, timeout: float, progress: Progress | None) -> None:
    request = Request(url, headers={"User-Agent": "spotal"})
    with urlopen(request, timeout=timeout) as reply, part.open("wb") as file:
        length = reply.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        while block := reply.read(CHUNK):
            file.write(block)
            done += len(block)
            if progress is not None:
                progress(done, total)
    if total is not None and done < total:
        raise OSError(f"the connection ended after {done} of {total} bytes")


def _checksum(path: Path, algorithm: str, decompressed: bool, url: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)

    def feed(file: _Readable) -> None:
        while block := file.read(CHUNK):
            digest.update(block)

    if not decompressed:
        with path.open("rb") as file:
            feed(file)
        return digest.hexdigest()
    try:
        with gzip.open(path) as unpacked:
            feed(unpacked)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{url} did not give a gzip file ({error}); try again later") from None
    return digest.hexdigest()
