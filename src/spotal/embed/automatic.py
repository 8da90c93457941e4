"""Model "auto": the best small encoder that this machine can have, or none, with one sentence about it."""

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
"""Self-supervised encoders by the package that loads them, the best first. All are small enough for a CPU."""
_ABOUT = {
    "facebook/dinov2-small": "self-supervised image encoder",
    "timm/vit_small_patch16_224.dino": "self-supervised image encoder",
    "intfloat/multilingual-e5-small": "multilingual sentence encoder",
}
_INSTALL = "pip install 'spotal[hugging-face]'"


@dataclass(frozen=True, eq=False)
class Automatic:
    """What "auto" stands for on this machine.

    Attributes
    ----------
    model : str or None
        The hub's name of the encoder with its revision, which ``--model`` takes; None where none can be had.
    embedder : TorchEmbedder or None, the encoder, loaded
    sentence : str
        With an encoder: which one, and where it came from. Without: why there is none.
    command : str, the command that mends it; empty where there is an encoder
    wanted : str, the hub's name of the encoder that there would be after it
    """

    model: str | None
    embedder: TorchEmbedder | None
    sentence: str
    command: str = ""
    wanted: str = ""


def choose_model(takes: str, *, device: str = "auto", tell: Callable[[str], object] | None = None) -> Automatic:
    """Choose the best small pretrained encoder that can be had here.

    For images this is DINOv2-small (with transformers) or DINO (with timm), for texts multilingual-e5-small (with
    transformers). The cache of the Hugging Face hub is looked in first, so that a machine without a network has what
    was fetched before. A failure is no error: it is said in ``sentence``.

    Parameters
    ----------
    takes : {"images", "text"}
    device : str, see :class:`TorchEmbedder`
    tell : called with a sentence before something is fetched

    Raises
    ------
    InputError
        ``takes`` or ``device`` is out of range.
    """
    if takes not in _MODELS:
        raise InputError("takes", must="be images or text", found=repr(takes))
    known = _MODELS[takes]
    name = next((model for package, model in known.items() if find_spec(package) is not None), None)
    if name is None:
        packages = " and ".join(known) if len(known) > 1 else next(iter(known))
        sentence = f"no pretrained encoder, since {packages} cannot be imported here"
        return Automatic(None, None, sentence, _INSTALL, known["transformers"])
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
