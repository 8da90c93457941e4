"""Downloads with a checksum, and the folders of datasets on this machine."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

from spotal.errors import DataFileError, DatasetError
from spotal.storage.files import FULL

__all__ = ["Progress", "cache_dir", "download", "find_folder", "places"]

Progress = Callable[[int, int | None], object]
"""A function that is called with the bytes so far and, if the server sends the size, the total bytes."""
CHUNK = 1 << 18


def cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/spotal``, or ``~/.cache/spotal`` if the variable is unset or relative."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "spotal"


def places(name: str, data_dir: str | os.PathLike[str] | None, *more: str) -> list[Path]:
    """Return the folders to search for a dataset in order: ``data_dir``, ``$SPOTAL_DATA``, the cache, and ``more``.

    Raises DatasetError if ``data_dir`` is given and is not a folder.
    """
    folders: list[Path] = []
    if data_dir is not None:
        if not Path(data_dir).is_dir():
            raise DatasetError(f"data_dir must be a folder, found {os.fspath(data_dir)!r}; create it or leave it out")
        folders += [Path(data_dir), Path(data_dir, name)]
    if os.environ.get("SPOTAL_DATA"):
        folders.append(Path(os.environ["SPOTAL_DATA"], name))
    return [*folders, cache_dir() / name, *map(Path, more)]


def find_folder(folders: list[Path], files: tuple[str, ...]) -> Path | None:
    """Return the first folder with all of these files, or None."""
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
    """Download ``url`` to the file ``target``, which is created only after the checksum is verified.

    Parameters
    ----------
    url, target : str and Path; the folder of ``target`` is created
    name, remedy : str, for error messages: the dataset, and what to do without a network
    md5, sha256 : str or None, one of them: the checksum in hexadecimal
    decompressed : bool, the checksum is of the content after gzip decompression
    timeout : float, seconds to wait for the server
    progress : called after each 256 KiB

    Raises DatasetError if there is no connection, the server returns an error or the folder cannot be written, and
    DataFileError if the checksum differs.
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
        checksum = _checksum(part, algorithm, decompressed, url)
        if checksum != expected.lower():
            raise DataFileError(
                f"{url} has {algorithm} {checksum}, expected {expected}: it is not the published {name}; {remedy}"
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
    try:
        with gzip.open(path) if decompressed else path.open("rb") as file:
            while block := file.read(CHUNK):
                digest.update(block)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{url} did not give a gzip file ({error}); try again later") from None
    return digest.hexdigest()
