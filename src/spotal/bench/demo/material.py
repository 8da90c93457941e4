"""Photos of a folder for a demo, decoded at a small size, and their features by an encoder that is not trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.datasets import Dataset, load
from spotal.errors import InputError
from spotal.images import decode, each, find_images, note_of_skipped, readable

if TYPE_CHECKING:
    from spotal.embed import TorchEmbedder

__all__ = ["Forecast", "Material", "gather"]

SIDE, ENCODER_SIDE, SHOWN = 64, 224, 4
"""Side of decoded photos for the built-in features and for an encoder; the latter are shown at a quarter of it."""
MOST_BUILT_IN, MOST_ENCODED = 2_000, 500
"""Default maximum number of photos: about a minute of decoding or embedding on two cores."""
TRIED = 6
TRAINING = 0.15
"""Typical seconds of one training of a linear probe and one query."""


@dataclass(frozen=True)
class Forecast:
    """Number of photos used, number of photos in all, seconds to compute features, and seconds to train."""

    used: int
    of: int
    features: float
    trainings: float


@dataclass(frozen=True, eq=False)
class Material:
    """Photos to show, and their features to train on.

    data : Dataset of small images
    features, features_test : float32 (n, d) and (m, d), of the pool and of the test part
    model : str, a sentence about the encoder
    """

    data: Dataset
    features: NDArray[np.float32]
    features_test: NDArray[np.float32]
    model: str


def gather(
    folder: str,
    trainings: int,
    *,
    model: str = "auto",
    most: int | None = None,
    strict: bool = False,
    foresee: Callable[[Forecast], object] | None = None,
    progress: Callable[[str, int, int | None], object] | None = None,
) -> Material:
    """Decode a folder's labeled photos at a reduced size and embed them once, without training an encoder.

    Parameters
    ----------
    folder : path, of photos with a sub-folder for each class
    trainings : int, number of trainings, for the forecast
    model : "auto", "built-in", or any model that :class:`~spotal.embed.TorchEmbedder` takes
    most : int or None
        Maximum number of photos, drawn at random with a fixed seed; None for 500 with an encoder, else 2,000.
    strict : bool, whether a photo that cannot be read is an error
    foresee : called with a forecast, measured on 6 photos, before the work starts
    progress : called with the title of a step, the finished amount, and the total amount or None

    Raises
    ------
    DataFileError, ModelError
        The photos or the model cannot be read.
    """
    tell = progress or (lambda what, done, total: None)
    if strict:  # before the first call of progress
        note_of_skipped(readable(find_images(Path(folder))).skipped, folder, strict=True)
    tell("looking at the model", 0, None)
    embedder, sentence = _encoder(model)
    side = SIDE if embedder is None else ENCODER_SIDE
    limit = most or (MOST_BUILT_IN if embedder is None else MOST_ENCODED)
    if foresee is not None:
        paths = find_images(Path(folder)).paths
        seconds = _seconds(paths[:: max(1, len(paths) // TRIED)][:TRIED], embedder, side)
        used = min(limit, len(paths))
        foresee(Forecast(used, len(paths), used * seconds, trainings * TRAINING))
    tell("decoding photos", 0, None)
    data = load(folder, strict=strict, image_size=side, most=limit)
    every = np.concatenate([data.X, data.X_test])
    if embedder is None:
        from spotal.learner.cold import cold_embeddings

        features = cold_embeddings(_smaller(every, 2), 0)
    else:
        parts = []
        for start in range(0, len(every), 16):
            tell("embedding photos", start, len(every))
            parts.append(embedder.embed(every[start : start + 16]))
        features = np.concatenate(parts)
        data = replace(data, X=_smaller(data.X, SHOWN), X_test=_smaller(data.X_test, SHOWN))
    n = len(data.X)
    return Material(data, features[:n], features[n:], sentence)


def _encoder(model: str) -> tuple[TorchEmbedder | None, str]:
    from spotal.embed import TorchEmbedder, choose_model

    plain = "built-in features, which see colors and coarse shapes only"
    if model == "built-in":
        return None, plain
    if model == "auto":
        choice = choose_model("images")
        if choice.embedder is None:
            return None, f"{plain}; {choice.sentence}; to mend it: {choice.command}"
        return choice.embedder, choice.sentence
    embedder = TorchEmbedder(model)
    if not embedder.model.resizes and embedder.image_size not in (None, ENCODER_SIDE):
        raise InputError(
            "model", must=f"take images of {ENCODER_SIDE} pixels", found=embedder.image_size, remedy="take another"
        )
    return embedder, f"{embedder.name}, its features as they are"


def _seconds(paths: list[Path], embedder: TorchEmbedder | None, side: int) -> float:
    """Measure the seconds for one photo."""
    start = time.perf_counter()
    decoded = each(lambda path: decode(path, path.name, (side, side), 3), paths)
    good = [image for image in decoded if isinstance(image, np.ndarray)]
    if embedder is not None and good:
        embedder.embed(np.stack(good))
    return (time.perf_counter() - start) / max(1, len(paths))


def _smaller(images: NDArray[Any], times: int) -> NDArray[np.uint8]:
    """Shrink images: each pixel is the mean of times x times pixels. ``times`` divides height and width."""
    n, height, width, channels = images.shape
    shape = (n, height // times, times, width // times, times, channels)
    shrunk: NDArray[np.uint8] = images.reshape(shape).mean((2, 4)).round().astype(np.uint8)
    return shrunk
