"""The embedder of a pool's folder: loaded by name, trained on the items, or the one that was trained before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from spotal.embed.items import Items
from spotal.embed.items.base import image_of, shape_of_content
from spotal.embed.models.load import ENCODER
from spotal.embed.models.trained import TrainedEncoder, options
from spotal.embed.simclr import recipe_for
from spotal.embed.torch_model import TorchEmbedder
from spotal.errors import DataFileError, InputError
from spotal.images import each
from spotal.pool.manifest import is_pool, read_manifest

__all__ = ["model_before", "open_embedder", "train_embedder"]

MOST_SIZE = 224
MOST_TRAINING_SIZE = 64
TRAINING_BYTES = 2 << 30
"""An encoder is trained on as many images as this holds, drawn under its seed where there are more."""


def open_embedder(
    model: str | os.PathLike[str] | nn.Module | TorchEmbedder,
    items: Items,
    out: str | os.PathLike[str],
    *,
    device: str = "auto",
    image_size: int | None = None,
) -> TorchEmbedder:
    """A model as the embedder of these items; an embedder that is loaded already is taken as it is.

    Images are resized for models that do not do so themselves: to ``image_size``, else to what the model was made for,
    else as they were when the folder ``out`` was begun, else to the first image's longer side, at most 224. Raises what
    :class:`TorchEmbedder` does.
    """
    embedder = (
        model
        if isinstance(model, TorchEmbedder)
        else TorchEmbedder(model, device=device, image_size=image_size, takes=items.takes)
    )
    if items.takes == "images" and embedder.image_size is None:
        before = read_manifest(out).recipe.get("image_size") if is_pool(out) else None
        embedder.image_size = before if isinstance(before, int) else _side(items, MOST_SIZE)
    return embedder


def model_before(out: str | os.PathLike[str]) -> str | None:
    """Return what the pool in the folder ``out`` was embedded by, as a name that ``open_embedder`` takes.

    None for a new folder. Raises InputError where the pool has only the title of a file, a folder or a module.
    """
    if (Path(out) / ENCODER).is_file():
        return os.fspath(out)
    if not is_pool(out):
        return None
    before = read_manifest(out)
    if before.recipe.get("kind") not in ("hugging-face", "timm", "sentence-transformers") or "/" not in before.model:
        raise InputError(
            "model", must="be named again", found="auto", remedy=f"{out} was embedded by {before.model}: give that"
        )
    return before.model


def train_embedder(
    items: Items,
    out: str | os.PathLike[str],
    *,
    dim: int = 64,
    epochs: int = 20,
    random_state: int = 0,
    backbone: str = "small",
    device: str = "auto",
    image_size: int | None = None,
    on_load: Callable[[int, int], object] | None = None,
    on_epoch: Callable[[int, float], object] | None = None,
) -> TorchEmbedder:
    """Train an encoder on the items and save it in the folder ``out``; one that is there is taken as it is.

    Parameters
    ----------
    items : Items, images
    out : path of the pool's folder
    dim, epochs, backbone, device : see :meth:`TrainedEncoder.train`
    random_state : int
    image_size : int or None, height and width to train on; None for the first image's longer side, at most 64
    on_load : called with images read and images to read; on_epoch : with the epoch, from 1, and its mean loss

    Raises
    ------
    InputError
        The items are texts or too few, an argument is out of range, or the encoder that is there was trained otherwise.
    DataFileError
        No image can be read.
    """
    if items.takes != "images":
        raise InputError("items", must="be images", found="text", remedy="give a text model by --model")
    path = Path(out, ENCODER)
    if path.is_file():
        embedder = TorchEmbedder(path, device=device)
        known = embedder.model.recipe
        asked = options(recipe_for(backbone, embedder.device.type == "cuda"), dim, epochs, random_state)
        other = next((key for key in asked if known.get(key) != json.loads(json.dumps(asked[key]))), None)
        if other is not None or image_size not in (None, embedder.image_size):
            raise InputError(
                "out",
                f"{out} has an encoder that was trained otherwise ({other or 'image_size'} differs)",
                f"take --model {out} to embed by it, or a new folder",
            )
        return embedder
    images = _load(items, image_size or _side(items, MOST_TRAINING_SIZE), random_state, on_load)
    trained = TrainedEncoder.train(
        images, dim=dim, epochs=epochs, seed=random_state, backbone=backbone, device=device, on_epoch=on_epoch
    )
    trained.save(path)
    return TorchEmbedder(path, device=device)


def _load(items: Items, size: int, seed: int, on_load: Callable[[int, int], object] | None) -> NDArray[np.uint8]:
    """Images uint8 (n, size, size, c), gray if the first is; without those that cannot be read."""
    channels = 1 if _first(items)[1] else 3
    rows = np.arange(len(items.ids))
    most = TRAINING_BYTES // (size * size * channels)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    images = np.empty((len(rows), size, size, channels), np.uint8)
    kept = 0
    decoded = each(
        lambda row: image_of(items.read([row])[0], items.ids[row], (size, size), channels, None), rows.tolist()
    )
    for done, image in enumerate(decoded, 1):
        if not isinstance(image, DataFileError):
            images[kept] = image
            kept += 1
        if on_load is not None and done % 256 == 0:
            on_load(done, len(rows))
    return images[:kept]


def _side(items: Items, most: int) -> int:
    return min(most, max(_first(items)[0]))


def _first(items: Items) -> tuple[tuple[int, int], bool]:
    """Height and width of the first image that can be read, and whether it is gray. Raises DataFileError."""
    error: DataFileError | None = None
    for row, name in enumerate(items.ids):
        try:
            shape = shape_of_content(items.read([row])[0], name)
        except DataFileError as found:
            error = error or found
        else:
            return shape.size, shape.gray
    raise DataFileError(f"no image of the source can be read ({str(error).split('; ')[0]}); repair them")
