"""Models from a torch module, and the files that hold one: TorchScript, state dictionaries, saved learners."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spotal.embed.models.base import unchanged, weights_hash
from spotal.embed.models.trained import TrainedEncoder
from spotal.errors import DataFileError, InputError, ModelError, one_line
from spotal.learner import networks

__all__ = ["Network", "Texts", "load_file"]


class Network:
    """A module from standardized images (n, channels, height, width) to vectors or maps."""

    takes = "images"
    resizes = False
    prepare: Any = staticmethod(np.stack)

    def __init__(
        self,
        module: Callable[[torch.Tensor], torch.Tensor],
        device: torch.device,
        recipe: dict[str, Any],
        channels: int | None = None,
        mean: torch.Tensor | None = None,
        deviation: torch.Tensor | None = None,
    ) -> None:
        self.module, self.device, self.recipe = module, device, recipe
        self.channels = channels or 3
        size = getattr(module, "image_size", None)
        self.image_size: int | None = size if isinstance(size, int) else None
        self.scale(mean, deviation)

    def scale(self, mean: torch.Tensor | None, deviation: torch.Tensor | None) -> None:
        """Set the mean and standard deviation of each channel on the scale 0..1; None for 0 and 1."""
        self.mean = torch.zeros(self.channels) if mean is None else mean
        self.deviation = torch.ones(self.channels) if deviation is None else deviation

    def __call__(self, batch: NDArray[np.uint8]) -> torch.Tensor:
        """Return the output of the module."""
        images = torch.from_numpy(np.array(batch)).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, deviation = (value.float().to(self.device)[:, None, None] for value in (self.mean, self.deviation))
        output: torch.Tensor = self.module((images - mean) / deviation)
        return output


class Texts:
    """A module from a list of texts to vectors."""

    takes = "text"
    channels, resizes = 3, False
    image_size: int | None = None
    prepare = staticmethod(unchanged)

    def __init__(self, module: nn.Module, recipe: dict[str, Any]) -> None:
        self.module, self.recipe = module, recipe

    def __call__(self, batch: list[str]) -> torch.Tensor:
        """Return the output of the module."""
        output: torch.Tensor = self.module(batch)
        return output


def load_file(path: Path, device: torch.device) -> Network | TrainedEncoder:
    """Load the model in a file. Raises ModelError, and DataFileError if the file is missing or not readable."""
    if not path.is_file():
        raise DataFileError(f"model {path} does not exist; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch warns about how the file was written
            if _is_script(path):
                jit: Any = torch.jit
                content = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
                script = jit.load(str(path), map_location=device).eval()
                return Network(script, device, {"kind": "torchscript", "file": content})
            content = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError:
        raise DataFileError(f"model {path} cannot be read (permission denied); change its permissions") from None
    except Exception as error:  # a damaged or foreign file can raise any error
        why = one_line(error) if " " in str(error) else "no file of torch"
        raise ModelError(
            f"model {path} cannot be read ({why}); give a TorchScript file, a state file with 'network' and "
            "'state_dict', or a Hugging Face folder"
        ) from None
    if isinstance(content, dict) and content.get("format") == TrainedEncoder.FORMAT:
        return TrainedEncoder.of(content, path, device)
    return _from_state(content, path, device)


def _is_script(path: Path) -> bool:
    """Return whether a file is TorchScript: a zip file with code, which ``torch.save`` does not write."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist())


def _from_state(content: Any, path: Path, device: torch.device) -> Network:
    if not isinstance(content, dict):
        raise ModelError(f"model {path} holds {type(content).__name__}, not 'network' and 'state_dict'; save both")
    learner = {"format", "n_classes", "shape", "state"} <= content.keys()  # written by TorchLearner.save
    missing = [name for name in ("network", "n_classes", "in_channels", "state_dict") if name not in content]
    if missing and not learner:
        raise ModelError(f"model {path} lacks {', '.join(missing)}; save these beside the weights")
    try:
        names = networks.names() if learner else (content["network"],)
        channels = int(content["shape"][-1] if learner else content["in_channels"])
        state = content["state" if learner else "state_dict"]
        classes = int(content["n_classes"])
        network = next((made for name in names if (made := _fitting(name, channels, classes, state))), None)
        scale = [content.get(name) for name in ("mean", "deviation")]
        mean, deviation = (None if value is None else torch.as_tensor(value).float() / 255 for value in scale)
    except InputError as error:  # an unknown name of a network
        raise ModelError(f"model {path}: {error}") from None
    except (TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise ModelError(f"model {path} has entries of the wrong kind ({one_line(error)}); save it again") from None
    if network is None or channels not in (1, 3):
        raise ModelError(
            f"model {path} has weights for {channels} channels that do not fit {' or '.join(map(str, names))}; check "
            "its network, n_classes and in_channels, or export it as TorchScript"
        )
    recipe = {"kind": "state", "network": type(network).__name__, "weights": weights_hash(network)}
    return Network(_BeforeHead(network.eval().to(device)), device, recipe, channels, mean, deviation)


def _fitting(name: str, channels: int, n_classes: int, state: Any) -> nn.Module | None:
    """Return the named network with these weights, or None if they do not fit."""
    network = networks.get(name, channels, n_classes)
    try:
        network.load_state_dict(state)
    except RuntimeError:
        return None
    return network


class _BeforeHead:
    """A network whose output is the input of its last linear layer."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]

    def __call__(self, batch: torch.Tensor) -> Any:
        inputs: list[Any] = []
        hook = self.head.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
        try:
            self.network(batch)
        finally:
            hook.remove()
        return inputs[-1]
