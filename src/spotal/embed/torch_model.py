"""TorchEmbedder: an embedder from a trained network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal.embed.base import check_images
from spotal.errors import InputError, ModelError, ResourceError, SpotalError, one_line
from spotal.numeric.arrays import blocks
from spotal.numeric.checks import check_count
from spotal.numeric.device import find_device

if TYPE_CHECKING:
    from torch import nn

    from spotal.embed.models import Model
    from spotal.embed.models.base import Batch

__all__ = ["TorchEmbedder"]


class TorchEmbedder:
    """An embedder from a trained network.

    Parameters
    ----------
    model : path, str or torch.nn.Module, one of
        - a module from images (n, channels, height, width) to (n, d), or to maps (n, d, height, width), which are
          averaged; for text, a module from a list of str to (n, d);
        - a TorchScript file of such a module;
        - a file that ``TorchLearner.save`` wrote, of one of the networks in ``spotal.learner.networks``;
        - a file that ``torch.save`` wrote of a dictionary with ``network`` (such as "resnet18"), ``n_classes``,
          ``in_channels``, ``state_dict`` and optionally ``mean`` and ``deviation`` of each channel on the scale 0..255.
          The embedding is the input of the last linear layer;
        - a folder that ``spotal embed --train`` wrote, or its ``encoder.pt``;
        - a folder with a Hugging Face model (``config.json``) and its processor or tokenizer, or a folder of
          sentence-transformers or timm. The library must be installed;
        - ``"timm:NAME"`` or ``"timm:NAME@CHECKPOINT"``;
        - ``"module:function"``: a function of an importable Python module that returns a torch.nn.Module;
        - a name on the Hugging Face hub, ``"owner/name"`` or ``"owner/name@revision"``. The model is downloaded unless
          it is in the cache.
    batch_size : int
    device : str or None; None or "auto" is CUDA if available, else the CPU
    mean, deviation : sequence of float or None
        Mean and standard deviation of each channel on the scale 0..1, to standardize images; None for those in the
        file, else 0 and 1. Ignored by models that prepare images themselves.
    channels : {1, 3} or None, channels of the images; None for the number in the file, else 3
    image_size : int or None, height and width to resize images to; None for the size of the model
    takes : {"images", "text"}

    Raises
    ------
    ModelError
        There is no such model, its weights do not fit its network, or the package that it needs is not installed.
    DataFileError
        The file is missing.
    InputError
        Another argument is out of range.

    Notes
    -----
    A TorchScript file is a program, and ``module:function`` runs the named code: use only sources that you trust.
    State files and Hugging Face models are loaded without running code from them. Embeddings are computed in float32,
    or on CUDA in mixed precision (bfloat16) with ``forward(..., mixed=True)``.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from spotal.embed import TorchEmbedder
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> TorchEmbedder(network, image_size=8).embed(images).shape
    (2, 4)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | nn.Module,
        *,
        batch_size: int = 256,
        device: str | None = None,
        mean: tuple[float, ...] | None = None,
        deviation: tuple[float, ...] | None = None,
        channels: int | None = None,
        image_size: int | None = None,
        takes: str = "images",
    ) -> None:
        import torch

        from spotal.embed.models import load_model

        for name, value in (("batch_size", batch_size), ("image_size", image_size if image_size is not None else 1)):
            check_count(value, name, 1)
        if channels not in (None, 1, 3):
            raise InputError(
                "channels", must="be 1, 3 or None", found=repr(channels), remedy="take 1 for gray or 3 for color"
            )
        self.path = type(model).__name__ if isinstance(model, torch.nn.Module) else str(model)
        self.batch_size = int(batch_size)
        self.device = find_device(device)
        self.model: Model = load_model(model, takes, self.device)
        title = Path(self.path).name if Path(self.path).exists() else self.path
        self.name: str = getattr(self.model, "name", title)
        self._scale(mean, deviation, channels)
        self.channels = self.model.channels
        self.image_size = image_size or self.model.image_size

    @property
    def takes(self) -> str:
        """Kind of item that the embedder takes, "images" or "text"."""
        return self.model.takes

    def _scale(self, mean: tuple[float, ...] | None, deviation: tuple[float, ...] | None, channels: int | None) -> None:
        """Set the channels and their scale on a plain network; other models have their own."""
        import torch

        from spotal.embed.models.network import Network

        if not isinstance(self.model, Network):
            return
        model = self.model
        if channels not in (None, model.channels):
            model.channels = int(channels)
            model.scale(None, None)
        scale = {"mean": model.mean, "deviation": model.deviation}
        for name, value in (("mean", mean), ("deviation", deviation)):
            tensor = scale[name] if value is None else torch.tensor([float(entry) for entry in value])
            if tensor.shape != (model.channels,):
                must = f"have one number for each of {model.channels} channels"
                raise InputError(name, must=must, found=f"shape {tuple(tensor.shape)}")
            scale[name] = tensor
        if not bool((scale["deviation"] > 0).all()):
            raise InputError("deviation", must="be positive in every channel", remedy="leave it out or repair it")
        model.scale(scale["mean"], scale["deviation"])

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that determines the vector of an item, as JSON types."""
        recipe = {**self.model.recipe, "takes": self.takes}
        if self.takes == "images":
            recipe |= {"channels": self.channels}
            if not self.model.resizes:
                recipe |= {"image_size": self.image_size}
        if hasattr(self.model, "mean"):
            recipe |= {name: getattr(self.model, name).tolist() for name in ("mean", "deviation")}
        return recipe

    def embed(self, images: NDArray[np.uint8] | list[str]) -> NDArray[np.float32]:
        """Embed images, uint8 (n, height, width, channels), or a list of texts, to float32 (n, d).

        The channel of gray images is repeated if the model takes three channels.

        Raises
        ------
        InputError
            The images have another dtype or shape, or other channels.
        ModelError
            The model fails, or does not return a finite vector for each item.
        """
        if self.takes == "images":
            images = check_images(images)
            if images.shape[3] != self.channels:
                if images.shape[3] != 1:
                    must = f"have 1 channel for the model {self.name}"
                    raise InputError("images", must=must, found="3", remedy="convert them to gray")
                images = np.repeat(images, 3, 3)
        parts = [list(images[part]) for part in blocks(len(images), self.batch_size)]
        return np.concatenate([self.forward(self.model.prepare(part), len(part)) for part in parts])

    def forward(self, batch: Batch, n: int, mixed: bool = False) -> NDArray[np.float32]:
        """Embed a batch of n items that ``model.prepare`` made, to float32 (n, d).

        ``mixed`` allows mixed precision, which only CUDA uses. Raises ModelError, and ResourceError if the device has
        too little memory.
        """
        import torch

        mixed = mixed and self.device.type == "cuda"
        try:
            with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
                output: Any = self.model(batch)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise ResourceError(
                f"{self.device} has too little memory for {n} items at a time ({one_line(error)}); lower --batch-size"
            ) from None
        except SpotalError:
            raise
        except Exception as error:  # a model can raise any error
            shape = f" of shape {batch.shape}" if isinstance(batch, np.ndarray) else ""
            remedy = "; check image_size and channels" if self.takes == "images" else "; check what it takes"
            raise ModelError(f"model {self.path} failed on {self.takes}{shape} ({one_line(error)}){remedy}") from None
        output = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            output = output.mean((2, 3))
        if not isinstance(output, torch.Tensor) or output.ndim != 2 or len(output) != n:
            result = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise ModelError(f"model {self.path} must give ({n}, d), found {result}; give one vector an item")
        if not bool(output.isfinite().all()):
            raise ModelError(f"model {self.path} gives NaN or infinity; check its weights and how items are scaled")
        vectors: NDArray[np.float32] = output.float().cpu().numpy()
        return vectors
