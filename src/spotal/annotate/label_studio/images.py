"""Images for Label Studio: uploaded, or read by the server from a folder of its machine."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from spotal.errors import LabelStudioError
from spotal.images import fits, png
from spotal.project.sources import location
from spotal.tables import reading

if TYPE_CHECKING:
    from spotal.annotate.label_studio.client import Client
    from spotal.project import Item, Project

__all__ = ["MODES", "ROOT", "image_urls"]

MODES = ("upload", "local")
ROOT = "LOCAL_FILES_DOCUMENT_ROOT"
"""Label Studio's variable for the root folder of its local files."""
SHOWN = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
"""Endings that browsers can show. Other images, and transparent, animated or 16-bit ones, are uploaded as PNG."""
AT_ONCE = 10


def image_urls(client: Client, project: Project, remote: int, items: Sequence[Item], mode: str) -> list[str]:
    """Make the items' images available on the server, and return their addresses there.

    Parameters
    ----------
    remote : int, number of the Label Studio project
    mode : "upload" (images with the same content are not uploaded again), or "local" for a server on this machine that
        can read the folder

    Raises
    ------
    DataFileError
        An image cannot be read.
    LabelStudioError
        The server refuses an image, or cannot read the folder.
    """
    if mode == "local":
        local = [item for item in items if _is_shown(project, item)]
        urls = dict(zip(local, _local(client, project, remote, local), strict=True))
    else:
        urls = {}
    rest = [item for item in items if item not in urls]
    return [{**urls, **dict(zip(rest, _uploaded(client, project, remote, rest), strict=True))}[item] for item in items]


def _uploaded(client: Client, project: Project, remote: int, items: Sequence[Item]) -> list[str]:
    names = {item: _name(item) for item in items}
    uploads = _uploads(client, remote) if items else {}
    missing = [item for item in items if names[item] not in uploads]
    for start in range(0, len(missing), AT_ONCE):
        files = [_file(project, item, names[item]) for item in missing[start : start + AT_ONCE]]
        client.upload(remote, files)
    if missing:
        uploads = _uploads(client, remote)
    lost = next((item for item in items if names[item] not in uploads), None)
    if lost is not None:
        raise LabelStudioError(f"Label Studio at {client.url} has lost the upload of {lost.id!r}; push again")
    return [f"/data/{uploads[names[item]]}" for item in items]


def _uploads(client: Client, remote: int) -> dict[str, str]:
    """Return the paths of spotal's uploads on the server, by name."""
    with client.asking("the uploads"):
        files = client.sdk.files.list(remote, all_=True)
        paths = [file.file or "" for file in files]
    matches = ((re.search(r"spotal-\d+-[0-9a-f]{12}(?=\.\w+$)", path), path) for path in paths)
    return {match.group(): path for match, path in matches if match is not None}


def _name(item: Item) -> str:
    return f"spotal-{item.number}-{blake2b(item.content.encode(), digest_size=6).hexdigest()}"


def _file(project: Project, item: Item, name: str) -> tuple[str, bytes, str]:
    path = project.items.file(item)
    if _is_shown(project, item):
        with reading(path):
            content, suffix = path.read_bytes(), path.suffix.lower()
    else:
        content, suffix = png(path, path), ".png"
    return name + suffix, content, mimetypes.types_map.get(suffix, "application/octet-stream")


def _is_shown(project: Project, item: Item) -> bool:
    """Return whether browsers show the file as spotal's page does. Raises DataFileError if it is no image."""
    path = project.items.file(item)
    return fits(path, path).plain and path.suffix.lower() in SHOWN


def _local(client: Client, project: Project, remote: int, items: Sequence[Item]) -> list[str]:
    """Return addresses of files in the server's local storage, which is added if there is none for the folder."""
    if not items:
        return []
    folder = location(project.settings.data, project.folder).resolve()
    root = Path(os.environ.get(ROOT) or os.environ.get(f"LABEL_STUDIO_{ROOT}") or "/").resolve()
    if not folder.is_relative_to(root):
        raise LabelStudioError(f"{folder} must lie in {root}, which {ROOT} names; correct that here and for the server")
    with client.asking(f"local storage of {folder}"):
        storages = client.sdk.import_storage.local.list(project=remote)
        if not any(folder.is_relative_to(storage.path) for storage in storages if storage.path):
            client.sdk.import_storage.local.create(
                project=remote, path=str(folder), title="spotal", use_blob_urls=True, request_options={"max_retries": 0}
            )
    files = [(folder / (item.path or "")).relative_to(root).as_posix() for item in items]
    urls = [f"/data/local-files/?d={quote(file)}" for file in files]
    if not client.has(urls[0].lstrip("/")):
        raise LabelStudioError(
            f"Label Studio at {client.url} does not show {root / files[0]}; set {ROOT} here as for the server, or "
            "push with --images upload"
        )
    return urls
