"""Images from files: which are read, how they become 8-bit pixels, and how much is decoded at a time.

Everything in spotal that opens an image does it here, so that it looks the same to the models and to people.
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
    "DECODER",
    "Listing",
    "Shape",
    "Skipped",
    "Source",
    "decode",
    "each",
    "find_images",
    "fits",
    "list_images",
    "listed",
    "note_of_depth",
    "note_of_skipped",
    "png",
    "printable",
    "readable",
    "report",
    "shape_of",
    "suffixes",
]
