"""Reading of image files as 8-bit pixels.

All of spotal opens images with this package, so that models and people see the same pixels.
"""

from spotal.images.decoding import DECODER, decode, fits, png
from spotal.images.depth import note_of_depth
from spotal.images.folder import (
    Listing,
    Skipped,
    find_images,
    list_images,
    listed,
    note_of_skipped,
    printable,
    readable,
)
from spotal.images.header import Shape, Source, shape_of
from spotal.images.kinds import suffixes
from spotal.images.threads import each, report

__all__ = [
    "DECODER", "Listing", "Shape", "Skipped", "Source", "decode", "each", "find_images", "fits", "list_images",
    "listed", "note_of_depth", "note_of_skipped", "png", "printable", "readable", "report", "shape_of", "suffixes",
]  # fmt: skip
