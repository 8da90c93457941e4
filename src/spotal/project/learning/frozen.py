"""Frozen: features of a pretrained model without training. The model is loaded when the first item is embedded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.models.hub import prefix_of
from spotal.errors import DataFileError
from spotal.images import shape_of
from spotal.project.learning import inputs
from spotal.project.learning.base import Inputs, Progress

if TYPE_CHECKING:
    from spotal.embed import TorchEmbedder
    from spotal.project.project import Project
    from spotal.project.records import Item

__all__ = ["Frozen"]

MOST_SIZE = 224


class Frozen:
    """Features of images or texts by a pretrained model.

    name : any name that :class:`~spotal.embed.TorchEmbedder` accepts; a path is absolute or relative to the project's
        folder
    """

    def __init__(self, name: str, kind: str, folder: Path) -> None:
        path = folder / name
        self.name, self.title = (str(path), path.name) if path.exists() else (name, name)
        self.kind = kind

    @cached_property
    def embedder(self) -> TorchEmbedder:
        """The model, loaded on first use."""
        from spotal.embed import TorchEmbedder

        return TorchEmbedder(self.name, takes="images" if self.kind == "image" else "text")

    def load(self) -> None:
        """Load the model now. Raises ModelError and DataFileError."""
        _ = self.embedder

    def __call__(self, project: Project, items: Sequence[Item], progress: Progress) -> Inputs:
        """Return the items' features, float32 (n, d)."""
        progress(f"loading {self.name}", 0, None)
        stem = self._stem()
        if self.kind == "text":
            return inputs.texts(project, items, progress, stem, lambda texts: self.embedder.embed(texts))
        return inputs.vectors(project, items, progress, stem, self._embed_images, lambda: self._size(project, items))

    def _embed_images(self, images: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        model, step = self.embedder.model, self.embedder.batch_size
        parts = [images[start : start + step] for start in range(0, len(images), step)]
        return np.concatenate([self.embedder.forward(model.prepare(part), len(part)) for part in parts])

    def _size(self, project: Project, items: Sequence[Item]) -> tuple[int | None, int | None]:
        """Return the height and width to resize to, or for a model that resizes images the minimum that it needs."""
        if self.embedder.model.resizes:
            return None, 2 * (self.embedder.image_size or MOST_SIZE)
        return self.embedder.image_size or min(MOST_SIZE, _longer_side(project, items)), None

    def _stem(self) -> str:
        """Return the name of the feature file; it changes when the model's files change."""
        path = Path(self.name)
        files = sorted(file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
        stamps: list[Any] = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        if self.kind == "text" and (prefix := prefix_of(self.name)):
            stamps.append(prefix)
        return f"model-{blake2b(repr([self.name, stamps]).encode(), digest_size=8).hexdigest()}"


def _longer_side(project: Project, items: Sequence[Item]) -> int:
    for item in items:
        try:
            return max(shape_of(project.items.file(item), item.id).size)
        except DataFileError:
            continue
    return MOST_SIZE
