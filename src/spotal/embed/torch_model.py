"""TorchEmbedder: a trained network from a file or folder as an embedder."""

from __future__ import annotations

import os
import zipfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spotal._arrays import blocks
from spotal.embed._hugging_face import HuggingFaceModel
from spotal.embed.base import check_images
from spotal.errors import DataFileError, InputError, ModelError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["TorchEmbedder"]


class TorchEmbedder:
    """Embeddings from a trained network.

    Parameters
    ----------
    path : path, one of
        - a TorchScript file, of a module from images (n, channels, height, width) to (n, d), or to maps
          (n, d, height, width), which are averaged;
        - a file that ``TorchLearner.save`` wrote, of one of the networks in ``spotal.learner.networks``;
        - a file that ``torch.save`` wrote of a dictionary with ``network`` (such as "resnet18"), ``n_classes``,
          ``in_channels`` and ``state_dict``, and perhaps ``mean`` and ``deviation`` of each channel on the scale
          0..255: then embeddings are what enters its last linear layer;
        - a folder with a Hugging Face model (``config.json``), which needs ``transformers``; its own processor, if it
          has one, prepares the images.
    batch_size : int
    device : str or None; None is CUDA where there is any, else the CPU
    mean, deviation : sequence of float or None
        Of each channel on the scale 0..1, taken off and divided by before the network sees an image; None for what the
        file says, else 0 and 1. A Hugging Face processor does this itself.
    channels : {1, 3} or None, channels of the images; None for what the file says, else 3
    image_size : int or None, height and width that :func:`~spotal.embed.embed_images` resizes to

    Raises
    ------
    ModelError
        The file is none of these, its weights do not fit its network, or ``transformers`` is not installed.
    DataFileError
        The file is missing.
    InputError
        Another argument is out of range.

    Notes
    -----
    A TorchScript file is a program: load only files you trust. State files are read as plain tensors, never as code,
    and a Hugging Face folder is read without its own code. Embeddings are computed in float32.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        batch_size: int = 256,
        device: str | None = None,
        mean: tuple[float, ...] | None = None,
        deviation: tuple[float, ...] | None = None,
        channels: int | None = None,
        image_size: int | None = None,
    ) -> None:
        import torch

        for name, value in (("batch_size", batch_size), ("image_size", image_size if image_size is not None else 1)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise InputError(f"{name} must be an integer of at least 1, found {value!r}")
        if channels not in (None, 1, 3):
            raise InputError(f"channels must be 1, 3 or None, found {channels!r}; take 1 for gray or 3 for color")
        self.path = Path(path)
        self.name = self.path.name
        self.batch_size = int(batch_size)
        try:
            self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        except RuntimeError as error:
            raise InputError(f"device {device!r} is not one that torch knows ({_line(error)}); take 'cpu'") from None
        self._model, found_mean, found_deviation, found_channels = _load(self.path, self.device)
        self.channels = channels or found_channels or 3
        self.image_size = image_size or getattr(self._model, "image_size", None)
        self._mean = self._per_channel("mean", mean, found_mean, 0.0)
        self._deviation = self._per_channel("deviation", deviation, found_deviation, 1.0)
        if not bool((self._deviation > 0).all()):
            raise InputError("deviation must be positive in every channel; leave it out or repair it")

    def _per_channel(
        self, name: str, asked: tuple[float, ...] | None, found: torch.Tensor | None, default: float
    ) -> torch.Tensor:
        import torch

        value = found if asked is None else torch.tensor([float(entry) for entry in asked])
        if value is None:
            value = torch.full((self.channels,), default)
        if value.shape != (self.channels,):
            raise InputError(
                f"{name} must have one number for each of {self.channels} channels, found shape {tuple(value.shape)}"
            )
        return value.float().to(self.device)[:, None, None]

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings float32 (n, d) of images, uint8 (n, height, width, channels).

        Gray images are repeated to three channels where the model wants three.

        Raises
        ------
        InputError
            The images have another dtype or shape, or other channels.
        ModelError
            The model fails on them, or gives no finite vector for each.
        """
        images = check_images(images)
        if images.shape[3] != self.channels:
            if images.shape[3] != 1:
                raise InputError(f"images must have 1 channel for the model {self.name}, found 3; convert them to gray")
            images = np.repeat(images, 3, 3)
        return np.concatenate([self._batch(images[part]) for part in blocks(len(images), self.batch_size)])

    def _batch(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        try:
            with torch.inference_mode():
                if isinstance(self._model, HuggingFaceModel):
                    output = self._model(images)
                else:
                    batch = torch.from_numpy(np.array(images)).to(self.device).permute(0, 3, 1, 2).float() / 255
                    output = self._model((batch - self._mean) / self._deviation)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ModelError(
                f"model {self.path} failed on images of shape {images.shape} ({_line(error)}); check image_size and "
                "channels"
            ) from None
        output = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            output = output.mean((2, 3))
        if not isinstance(output, torch.Tensor) or output.ndim != 2 or len(output) != len(images):
            found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise ModelError(f"model {self.path} must give ({len(images)}, d), found {found}; give one vector an image")
        if not bool(output.isfinite().all()):
            raise ModelError(f"model {self.path} gives NaN or infinity; check its weights and how images are scaled")
        vectors: NDArray[np.float32] = output.float().cpu().numpy()
        return vectors


Loaded = tuple[Any, "torch.Tensor | None", "torch.Tensor | None", int | None]
"""A model, the mean and deviation of its inputs on the scale 0..1, and its channels, where the file says so."""


def _load(path: Path, device: torch.device) -> Loaded:
    import torch

    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"model {path} is a folder without config.json; give a Hugging Face model or a file")
        return HuggingFaceModel(path, device), None, None, 3
    if not path.is_file():
        raise DataFileError(f"model {path} does not exist; check the path")
    try:
        if _is_script(path):
            jit: Any = torch.jit
            return jit.load(str(path), map_location=device).eval(), None, None, None
        content = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError:
        raise DataFileError(f"model {path} cannot be read (permission denied); change its permissions") from None
    except Exception as error:  # a damaged or foreign file fails in any way it likes
        raise ModelError(
            f"model {path} cannot be read ({_line(error)}); give a TorchScript file, a state file with 'network' and "
            "'state_dict', or a Hugging Face folder"
        ) from None
    network, mean, deviation, channels = _from_state(content, path)
    return _BeforeHead(network.eval().to(device)), mean, deviation, channels


def _is_script(path: Path) -> bool:
    """TorchScript and torch.save both write zip files; only the first puts code into them."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist())


def _from_state(content: Any, path: Path) -> tuple[nn.Module, torch.Tensor | None, torch.Tensor | None, int]:
    known: Any = import_module("spotal.learner.networks")
    if not isinstance(content, dict):
        raise ModelError(f"model {path} holds {type(content).__name__}, not 'network' and 'state_dict'; save both")
    learner = {"format", "n_classes", "shape", "state"} <= content.keys()  # what TorchLearner.save writes
    missing = [name for name in ("network", "n_classes", "in_channels", "state_dict") if name not in content]
    if missing and not learner:
        raise ModelError(f"model {path} lacks {', '.join(missing)}; save these beside the weights")
    try:
        names = known.names() if learner else (content["network"],)
        channels = int(content["shape"][-1] if learner else content["in_channels"])
        state = content["state" if learner else "state_dict"]
        network = next((made for name in names if (made := _fitting(known, name, channels, content, state))), None)
        scale = [content.get(name) for name in ("mean", "deviation")]
        mean, deviation = (None if value is None else _vector(value) / 255 for value in scale)
    except InputError as error:  # a network's name that is unknown
        raise ModelError(f"model {path}: {error}") from None
    except (TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise ModelError(f"model {path} has entries of the wrong kind ({_line(error)}); save it again") from None
    if network is None or channels not in (1, 3):
        raise ModelError(
            f"model {path} has weights for {channels} channels that do not fit {' or '.join(map(str, names))}; check "
            "its network, n_classes and in_channels, or export it as TorchScript"
        )
    return network, mean, deviation, channels


def _fitting(known: Any, name: str, channels: int, content: dict[str, Any], state: Any) -> nn.Module | None:
    """The network of that name with these weights, or None if they do not fit it."""
    network: nn.Module = known.get(name, channels, int(content["n_classes"]))
    try:
        network.load_state_dict(state)
    except RuntimeError:
        return None
    return network


def _vector(value: Any) -> torch.Tensor:
    import torch

    return torch.as_tensor(value, dtype=torch.float32)


class _BeforeHead:
    """What enters the last linear layer of a network."""

    def __init__(self, network: nn.Module) -> None:
        from torch import nn

        self.network = network
        self.head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]

    def __call__(self, batch: torch.Tensor) -> Any:
        caught: list[Any] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
        try:
            self.network(batch)
        finally:
            hook.remove()
        return caught[-1]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
