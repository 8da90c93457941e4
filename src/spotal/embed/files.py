"""Embed image files: decode a batch while the model works on the one before, never hold them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spotal.embed.base import Embedder
from spotal.errors import DataFileError, InputError
from spotal.images import decode, each, note_of_depth, report
from spotal.numeric.seeds import as_seed

__all__ = ["embed_images"]

BATCH = 256
DEFAULT_SIZE = 32
FIT_ROWS = 20_000
FIT_BYTES = 256 << 20
"""An embedder that learns from the pool first sees at most this many images, and no more than these bytes of them."""


def embed_images(
    paths: Sequence[Path],
    embedder: Embedder,
    image_size: int | None = None,
    strict: bool = False,
    progress: Callable[[int, int], object] | None = None,
    *,
    batch_size: int = BATCH,
    fit_rows: int = FIT_ROWS,
) -> tuple[NDArray[np.float32], list[Path], list[Path]]:
    """Embed image files batch by batch.

    An embedder with ``fit`` that has not been fitted is fitted first, on at most ``fit_rows`` of the images, drawn
    under its ``random_state``.

    Parameters
    ----------
    paths : sequence of Path, at least one
    embedder : Embedder
    image_size : int or None
        Height and width that images are resized to; None for the embedder's own ``image_size``, else 32.
    strict : bool
        Whether an image that cannot be read is an error; else it is skipped.
    progress : called with images done and images in all, after each batch
    batch_size : int, images that are embedded at a time
    fit_rows : int, most images that the embedder is fitted on

    Returns
    -------
    features : float32 (m, d)
    kept : list of Path (m,), in the order given
    skipped : list of Path

    Raises
    ------
    InputError
        There are no paths, or the size is below 1.
    DataFileError
        No image can be read; or, if strict, one cannot.
    ModelError
        The embedder fails.

    Warns
    -----
    SpotalWarning
        Images were skipped: how many, and the names of the first. Or some have more than 8 bits a value: how many, and
        how they were scaled.

    Notes
    -----
    Memory is that of a batch of images and of the embeddings.
    """
    size = image_size if image_size is not None else getattr(embedder, "image_size", None) or DEFAULT_SIZE
    if size < 1:
        raise InputError("image_size", must="be at least 1", found=size, remedy="give the height and width in pixels")
    if not paths:
        raise InputError("paths", must="name at least one image", found="none", remedy="give a folder that has images")
    channels: int = getattr(embedder, "channels", 3)
    files = [Path(path) for path in paths]
    if hasattr(embedder, "fit") and not getattr(embedder, "is_fitted", True):
        most = max(2, min(fit_rows, FIT_BYTES // (size * size * channels)))
        some = files
        if len(files) > most:
            rng = np.random.default_rng(as_seed(getattr(embedder, "random_state", 0)))
            some = [files[row] for row in np.sort(rng.choice(len(files), most, replace=False))]
        images = [image for image in _decoded(some, size, channels) if not isinstance(image, DataFileError)]
        if images:
            embedder.fit(np.stack(images))
        del images
    features: list[NDArray[np.float32]] = []
    kept: list[Path] = []
    failed: dict[Path, DataFileError] = {}
    scaled: list[str] = []
    batch: list[NDArray[np.uint8]] = []
    for done, (path, image) in enumerate(zip(files, _decoded(files, size, channels, scaled), strict=True), 1):
        if isinstance(image, DataFileError):
            if strict:
                raise image
            failed[path] = image
        else:
            batch.append(image)
            kept.append(path)
        if len(batch) == batch_size or done == len(files):
            if batch:
                features.append(embedder.embed(np.stack(batch)))
                batch = []
            if progress is not None:
                progress(done, len(files))
    report(list(failed.values()), len(files), "the pool", strict)
    note_of_depth(scaled, "the pool")
    return np.concatenate(features), kept, list(failed)


def _decoded(
    paths: Sequence[Path], size: int, channels: int, scaled: list[str] | None = None
) -> Iterator[NDArray[np.uint8] | DataFileError]:
    return each(lambda path: decode(path, path, (size, size), channels, scaled=scaled), paths)
