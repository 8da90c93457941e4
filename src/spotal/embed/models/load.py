"""Loading of a model from a name, a path or a module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spotal.embed.models.base import Model, weights_hash
from spotal.embed.models.hub import imported, is_reference
from spotal.embed.models.network import Network, Texts, load_file
from spotal.errors import ModelError, one_line
from spotal.tables.json_lines import parse_json

__all__ = ["ENCODER", "load_model"]

ENCODER = "encoder.pt"
"""The file in a pool's folder with the encoder that was trained on the pool."""
_FILES = (".pt", ".pth", ".ts", ".bin", ".ckpt", ".safetensors", ".onnx")


def load_model(model: str | os.PathLike[str] | nn.Module, takes: str, device: torch.device) -> Model:
    """Load a model for ``takes``, "images" or "text", to a device in eval mode.

    ``model`` is described in :class:`~spotal.embed.TorchEmbedder`. Raises ModelError if there is no such model, if it
    cannot be loaded or if it takes the other kind of item, and DataFileError if a file is missing.
    """
    loaded = _load(model, takes, device)
    if loaded.takes != takes:
        raise ModelError(f"model {model} takes {loaded.takes}, found a source of {takes}; give a model of {takes}")
    return loaded


def _load(model: Any, takes: str, device: torch.device) -> Model:
    if isinstance(model, nn.Module):
        return _of_module(model, takes, device)
    path, text = Path(model), str(model)
    if path.is_dir():
        return _folder(path, takes, device)
    if path.is_file():
        return load_file(path, device)
    if text.startswith(("timm:", "timm/")):
        from spotal.embed.models.timm import TimmModel

        return TimmModel(text.removeprefix("timm:") if text.startswith("timm:") else f"hf-hub:{text}", device)
    if is_reference(text):
        return _of_module(_call(text), takes, device)
    if path.suffix.lower() in _FILES or path.is_absolute() or text.startswith((".", "~")) or text.count("/") > 1:
        return load_file(path, device)  # raises the error that it does not exist
    if text.startswith("sentence-transformers/") and takes == "text":
        from spotal.embed.models.sentence import SentenceModel

        return SentenceModel(text, device)
    return _hugging_face(text, takes, device)


def _folder(path: Path, takes: str, device: torch.device) -> Model:
    if (path / ENCODER).is_file():
        return load_file(path / ENCODER, device)
    if (path / "modules.json").is_file() and takes == "text":
        from spotal.embed.models.sentence import SentenceModel

        return SentenceModel(path, device)
    if not (path / "config.json").is_file():
        raise ModelError(f"model {path} is a folder without config.json; give a Hugging Face model or a file")
    try:
        config = parse_json((path / "config.json").read_bytes(), "it is no JSON")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {path} has a config.json that cannot be read ({one_line(error)}); save it again"
        ) from None
    if isinstance(config, dict) and "architecture" in config and "model_type" not in config:
        from spotal.embed.models.timm import TimmModel

        return TimmModel(path, device)
    return _hugging_face(path, takes, device)


def _hugging_face(source: Path | str, takes: str, device: torch.device) -> Model:
    from spotal.embed.models.hugging_face import HuggingFaceImages, HuggingFaceText

    return HuggingFaceText(source, device) if takes == "text" else HuggingFaceImages(source, device)


def _of_module(module: nn.Module, takes: str, device: torch.device) -> Model:
    recipe = {"kind": "module", "class": type(module).__name__, "weights": weights_hash(module)}
    module = module.eval().to(device)
    if takes == "text":
        return Texts(module, recipe)
    channels = getattr(module, "channels", None)
    return Network(module, device, recipe, channels if channels in (1, 3) else None)


def _call(reference: str) -> nn.Module:
    """Return the module of ``module:function``, also from the current folder, as ``python -m`` does."""
    gives = "an importable Python module and a function in it that gives a torch.nn.Module"
    with imported(reference, os.getcwd(), gives=gives) as function:
        module = function if isinstance(function, nn.Module) else function()
    if not isinstance(module, nn.Module):
        raise ModelError(f"model {reference!r} must give a torch.nn.Module, found {type(module).__name__}")
    return module
