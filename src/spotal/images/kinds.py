"""Kinds of image files: which Pillow reads here, and which files are images that it does not read."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import PurePath

__all__ = ["formats", "looks_like_image", "missing_plugin", "suffixes"]

EXCLUDED = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"))
"""Formats that Pillow only identifies, or hands to another program (EPS to Ghostscript)."""
PLUGINS = {".heic": "heif", ".heif": "heif", ".hif": "heif"}
"""Endings that are read once an extra of spotal is installed."""
SIGNATURES = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"8BPS",
    b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ", b"\xff\x0a", b"v/1\x01", b"qoif", b"FUJIFILMCCD-RAW", b"IIRO", b"IIU\0",
)  # fmt: skip
"""First bytes of images: JPEG, PNG, GIF, TIFF and camera files built on it, PSD, JPEG 2000 and XL, OpenEXR, QOI."""
BRANDS = frozenset((b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"crx "))
"""Brands of ISO media files that hold images: AVIF, HEIF and Canon's CR3."""


@cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read, in the order in which they are tried.

    HEIF is among them where the package pillow-heif is installed.
    """
    from PIL import Image

    Image.init()
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    return tuple(name for name in Image.ID if name not in EXCLUDED)


@cache
def suffixes() -> tuple[str, ...]:
    """Endings of file names that are taken for images, in lower case and sorted."""
    from PIL import Image

    known = set(formats())
    return tuple(sorted(end for end, name in Image.registered_extensions().items() if name in known))


def looks_like_image(name: str, head: bytes) -> bool:
    """Whether a file whose ending is not read holds an image, by its name or its first 16 bytes."""
    if head.startswith(SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in BRANDS
    return is_named_image(name) is True


def is_named_image(name: str) -> bool | None:
    """Whether a name's ending belongs to images; None where the ending says nothing."""
    end = PurePath(name).suffix.lower()
    if end in PLUGINS:
        return True
    kind = _types().guess_type(f"x{end}")[0]
    return None if kind in (None, "application/octet-stream") else str(kind).startswith("image/")


def missing_plugin(name: str) -> str | None:
    """The extra of spotal that would read a file of this name; None where there is none."""
    return PLUGINS.get(PurePath(name).suffix.lower())


@cache
def _types() -> mimetypes.MimeTypes:
    """Python's own table alone, which is the same on every machine."""
    return mimetypes.MimeTypes()
