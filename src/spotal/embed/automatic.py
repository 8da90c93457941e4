"""Model "auto": chooses the best small pretrained encoder that is available on this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from spotal.embed.models.hub import download_command, fetch
from spotal.embed.torch_model import TorchEmbedder
from spotal.errors import DataFileError, InputError, ModelError, ResourceError

__all__ = ["AUTO", "Automatic", "choose_model"]

AUTO = "auto"
_log = logging.getLogger(__name__)
_MODELS = {
    "images": {"transformers": "facebook/dinov2-small", "timm": "timm/vit_small_patch16_224.dino"},
    "text": {"transformers": "intfloat/multilingual-e5-small"},
}
"""Self-supervised encoders by the package that loads them, best first. All are small enough for a CPU."""
_ABOUT = {
    "facebook/dinov2-small": "self-supervised image encoder",
    "timm/vit_small_patch16_224.dino": "self-supervised image encoder",
    "intfloat/multilingual-e5-small": "multilingual sentence encoder",
}
_INSTALL = "pip install 'spotal[hugging-face]'"


@dataclass(frozen=True, eq=False)
class Automatic:
    """The result of :func:`choose_model`.

    Attributes
    ----------
    model : str or None
        Name of the encoder on the Hugging Face hub with its revision, as ``--model`` takes it. None without an encoder.
    embedder : TorchEmbedder or None, the loaded encoder
    sentence : str
        With an encoder: its name and where it came from. Without: the reason.
    command : str, without an encoder: the command that makes one available
    wanted : str, without an encoder: the hub's name of the encoder that ``command`` makes available
    """

    model: str | None
    embedder: TorchEmbedder | None
    sentence: str
    command: str = ""
    wanted: str = ""


def choose_model(takes: str, *, device: str = "auto", tell: Callable[[str], object] | None = None) -> Automatic:
    """Choose and load the best small pretrained encoder that is available on this machine.

    For images this is DINOv2-small (with transformers) or DINO (with timm), for texts multilingual-e5-small (with
    transformers). The encoder is read from the cache of the Hugging Face hub or, if it is not there, downloaded. If
    this fails, no error is raised: ``sentence`` of the result gives the reason.

    Parameters
    ----------
    takes : {"images", "text"}
    device : str, see :class:`TorchEmbedder`
    tell : function or None, called with a sentence before a download starts

    Raises
    ------
    InputError
        ``takes`` or ``device`` is not one of the allowed values.
    """
    if takes not in _MODELS:
        raise InputError("takes", must="be images or text", found=repr(takes))
    models = _MODELS[takes]
    name = next((model for package, model in models.items() if find_spec(package) is not None), None)
    if name is None:
        sentence = f"no pretrained encoder, since {' and '.join(models)} cannot be imported here"
        return Automatic(None, None, sentence, _INSTALL, models["transformers"])
    try:
        model, cached = fetch(name, takes, tell or _log.info)
        embedder = TorchEmbedder(model, device=device, takes=takes)
    except (ModelError, DataFileError, ResourceError) as error:
        _log.info("%s", error)
        command = download_command(name, takes)
        return Automatic(None, None, f"no pretrained encoder: {str(error).partition('; ')[0]}", command, name)
    place = "from the cache" if cached else "fetched from the Hugging Face hub"
    short = f"{name}, {_ABOUT[name]}, {place} (revision {model.rpartition('@')[2][:10]})"
    return Automatic(model, embedder, short)
