"""Embedding of image files, batch by batch."""

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
"""An embedder is fitted on at most this number of images and this number of bytes."""


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
    """Embed image files, one batch at a time.

    An embedder with ``fit`` that is not fitted yet is first fitted on a random sample of the images, drawn with its
    ``random_state``.

    Parameters
    ----------
    paths : sequence of Path, at least one
    embedder : Embedder
    image_size : int or None
        Height and width to resize to; None for the ``image_size`` of the embedder, or 32 if it has none.
    strict : bool, whether an image that cannot be read is an error; if False, it is skipped
    progress : function or None, called after each batch with the number of images done and the total
    batch_size : int, images to embed at a time
    fit_rows : int, maximum number of images to fit on

    Returns
    -------
    features : float32 (m, d)
    kept : list of Path (m,), the embedded files in the order of ``paths``
    skipped : list of Path

    Raises
    ------
    InputError
        There are no paths, or the size is below 1.
    DataFileError
        No image can be read, or ``strict`` and one image cannot be read.
    ModelError
        The embedder fails.

    Warns
    -----
    SpotalWarning
        Images were skipped, or images with more than 8 bits per value were scaled to 8 bits.

    Notes
    -----
    Memory holds one batch of images and all embeddings.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from spotal.embed import PixelEmbedder, embed_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [Path(folder, f"{k}.png") for k in range(3)]
    ...     for k, path in enumerate(paths):
    ...         Image.new("RGB", (8, 8), (80 * k, 0, 0)).save(path)
    ...     embeddings, done, unreadable = embed_images(paths, PixelEmbedder())
    >>> len(embeddings), len(unreadable)
    (3, 0)
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
        sample = files
        if len(files) > most:
            rng = np.random.default_rng(as_seed(getattr(embedder, "random_state", 0)))
            sample = [files[row] for row in np.sort(rng.choice(len(files), most, replace=False))]
        images = [image for image in _decoded(sample, size, channels) if not isinstance(image, DataFileError)]
        if images:
            embedder.fit(np.stack(images))
        del images
    features: list[NDArray[np.float32]] = []
    embedded: list[Path] = []
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
            embedded.append(path)
        if len(batch) == batch_size or done == len(files):
            if batch:
                features.append(embedder.embed(np.stack(batch)))
                batch = []
            if progress is not None:
                progress(done, len(files))
    report(list(failed.values()), len(files), "the pool", strict)
    note_of_depth(scaled, "the pool")
    return np.concatenate(features), embedded, list(failed)


def _decoded(
    paths: Sequence[Path], size: int, channels: int, scaled: list[str] | None = None
) -> Iterator[NDArray[np.uint8] | DataFileError]:
    return each(lambda path: decode(path, path, (size, size), channels, scaled=scaled), paths)
