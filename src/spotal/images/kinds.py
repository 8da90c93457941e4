"""Kinds of image files: the formats that are read, and the detection of other image files."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import PurePath

__all__ = ["formats", "looks_like_image", "missing_plugin", "suffixes"]

EXCLUDED = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"))
"""Formats that Pillow cannot decode, or decodes with another program (EPS with Ghostscript)."""
PLUGINS = {".heic": "heif", ".heif": "heif", ".hif": "heif"}
"""Endings whose formats need an extra of spotal, and the name of the extra."""
SIGNATURES = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"8BPS",
    b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ", b"\xff\x0a", b"v/1\x01", b"qoif", b"FUJIFILMCCD-RAW", b"IIRO", b"IIU\0",
)  # fmt: skip
"""First bytes of images: JPEG, PNG, GIF, TIFF and camera files based on it, PSD, JPEG 2000 and XL, OpenEXR, QOI."""
BRANDS = frozenset((b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"crx "))
"""Brands of ISO media files with images: AVIF, HEIF and Canon's CR3."""


@cache
def formats() -> tuple[str, ...]:
    """Return Pillow's names of the readable formats, in the order of trial; HEIF requires the package pillow-heif."""
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
    """Return the endings of readable image files, in lower case and sorted."""
    from PIL import Image

    names = set(formats())
    return tuple(sorted(end for end, name in Image.registered_extensions().items() if name in names))


def looks_like_image(name: str, head: bytes) -> bool:
    """Return whether a file with an unreadable ending is an image, from its name and its first 16 bytes."""
    if head.startswith(SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in BRANDS
    return is_named_image(name) is True


def is_named_image(name: str) -> bool | None:
    """Return whether a name has the ending of images, or None if the ending is unknown."""
    end = PurePath(name).suffix.lower()
    if end in PLUGINS:
        return True
    kind = _types().guess_type(f"x{end}")[0]
    return None if kind in (None, "application/octet-stream") else str(kind).startswith("image/")


def missing_plugin(name: str) -> str | None:
    """Return the extra of spotal that reads files with the ending of this name, or None."""
    return PLUGINS.get(PurePath(name).suffix.lower())


@cache
def _types() -> mimetypes.MimeTypes:
    """Return Python's built-in table, which is the same on every machine."""
    return mimetypes.MimeTypes()
