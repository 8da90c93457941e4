"""Datasets: named datasets with checksums, folders and files of the user, and subsets with a long tail."""

from spotal.datasets.base import Dataset
from spotal.datasets.image_folder import list_images, load_image_folder
from spotal.datasets.long_tail import long_tail
from spotal.datasets.registry import load, names

__all__ = ["Dataset", "list_images", "load", "load_image_folder", "long_tail", "names"]
