"""Photos of clothes taken by people: ten uneven classes, 3,068 in the pool and 713 in the test part."""

from __future__ import annotations

from dataclasses import replace

from spotal.datasets import Dataset, load_image_folder
from spotal.datasets.download import cache_dir, places
from spotal.errors import DatasetError

__all__ = ["NAME", "SIZE", "read"]

NAME = "clothing"
SIZE = 96
"""Height and width to which the photos are resized."""


def read() -> Dataset:
    """Load the photos as uint8 (n, 96, 96, 3), with the test part of their authors.

    They are searched in the folders ``clothing`` of ``$SPOTAL_DATA`` and of spotal's cache, which hold ``train`` and
    ``test`` of alexeygrigorev/clothing-dataset-small. Raises DatasetError if there are none.
    """
    folder = next((place for place in places(NAME, None) if (place / "train").is_dir()), None)
    if folder is None:
        raise DatasetError(
            f"{NAME} is not on this machine; put train and test of github.com/alexeygrigorev/clothing-dataset-small in "
            f"{cache_dir() / NAME}, or set SPOTAL_DATA to the folder that holds {NAME}"
        )
    return replace(load_image_folder(folder, image_size=SIZE), name=NAME)
