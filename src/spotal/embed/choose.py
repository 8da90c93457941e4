"""The embedder of a pool's folder: loaded by name, or trained on the items."""

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
"""Maximum bytes of training images; of more images, a random sample of this size is used."""


def open_embedder(
    model: str | os.PathLike[str] | nn.Module | TorchEmbedder,
    items: Items,
    out: str | os.PathLike[str],
    *,
    device: str = "auto",
    image_size: int | None = None,
) -> TorchEmbedder:
    """Load a model as the embedder of items.

    For a model that does not resize images, the size is the first available of: ``image_size``, the size of the model,
    the size in the manifest of the folder ``out``, and the longer side of the first image, at most 224. ``model`` may
    also be an embedder. Raises the errors of :class:`TorchEmbedder`.

    Examples
    --------
    >>> import tempfile, torch
    >>> from PIL import Image
    >>> from spotal.embed import open_embedder, open_items
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 8)).save(f"{folder}/a.png")
    ...     embedder = open_embedder(network, open_items(folder), f"{folder}/pool", image_size=8)
    >>> embedder.image_size
    8
    """
    if not isinstance(model, TorchEmbedder):
        model = TorchEmbedder(model, device=device, image_size=image_size, takes=items.takes)
    if items.takes == "images" and model.image_size is None:
        size = read_manifest(out).recipe.get("image_size") if is_pool(out) else None
        model.image_size = size if isinstance(size, int) else _side(items, MOST_SIZE)
    return model


def model_before(out: str | os.PathLike[str]) -> str | None:
    """Return the model that embedded the pool in the folder ``out``, as a name that ``open_embedder`` takes.

    Returns None for a new folder. Raises InputError if the model cannot be loaded by its title in the manifest, for
    example a file, a folder or a module.

    Examples
    --------
    >>> from spotal.embed import model_before
    >>> print(model_before("a-new-folder"))
    None
    """
    if (Path(out) / ENCODER).is_file():
        return os.fspath(out)
    if not is_pool(out):
        return None
    manifest = read_manifest(out)
    kind, model = manifest.recipe.get("kind"), manifest.model
    if kind not in ("hugging-face", "timm", "sentence-transformers") or "/" not in model:
        remedy = f"{out} was embedded by {model}: give that"
        raise InputError("model", must="be named again", found="auto", remedy=remedy)
    return model


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
    """Train an encoder on the items and save it in the folder ``out``, or load the encoder that is there.

    Parameters
    ----------
    items : Items, images
    out : path of the pool's folder
    dim, epochs, backbone, device : see :meth:`TrainedEncoder.train`
    random_state : int
    image_size : int or None, height and width to train on; None for the first image's longer side, at most 64
    on_load : function or None, called with the number of images read and the total
    on_epoch : function or None, called with the epoch, from 1, and its mean loss

    Raises
    ------
    InputError
        The items are texts or too few, an argument is out of range, or the encoder in the folder was trained with
        other options.
    DataFileError
        No image can be read.
    """
    if items.takes != "images":
        raise InputError("items", must="be images", found="text", remedy="give a text model by --model")
    path = Path(out, ENCODER)
    if path.is_file():
        embedder = TorchEmbedder(path, device=device)
        recipe = embedder.model.recipe
        wanted = options(recipe_for(backbone, embedder.device.type == "cuda"), dim, epochs, random_state)
        other = next((key for key in wanted if recipe.get(key) != json.loads(json.dumps(wanted[key]))), None)
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
    """Return the readable images, uint8 (n, size, size, c), in gray if the first image is gray."""
    channels = 1 if _first(items)[1] else 3
    rows = np.arange(len(items.ids))
    most = TRAINING_BYTES // (size * size * channels)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).permutation(len(rows))[:most])
    images = np.empty((len(rows), size, size, channels), np.uint8)
    count = 0
    decoded = each(
        lambda row: image_of(items.read([row])[0], items.ids[row], (size, size), channels, None), rows.tolist()
    )
    for done, image in enumerate(decoded, 1):
        if not isinstance(image, DataFileError):
            images[count] = image
            count += 1
        if on_load is not None and done % 256 == 0:
            on_load(done, len(rows))
    return images[:count]


def _side(items: Items, most: int) -> int:
    return min(most, max(_first(items)[0]))


def _first(items: Items) -> tuple[tuple[int, int], bool]:
    """Return height and width of the first readable image, and whether it is gray. Raises DataFileError."""
    first_error: DataFileError | None = None
    for row, name in enumerate(items.ids):
        try:
            shape = shape_of_content(items.read([row])[0], name)
        except DataFileError as error:
            first_error = first_error or error
        else:
            return shape.size, shape.gray
    raise DataFileError(f"no image of the source can be read ({str(first_error).split('; ')[0]}); repair them")
