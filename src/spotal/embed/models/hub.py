"""The Hugging Face hub: names with a revision, text prefixes of e5 models, and downloads of small encoders."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from spotal.embed.models.base import need
from spotal.errors import ModelError, one_line

__all__ = ["download_command", "fetch", "from_pretrained", "imported", "is_reference", "prefix_of", "split_revision"]

FILES = {
    "images": ("config.json", "model.safetensors", "preprocessor_config.json"),
    "text": ("config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"),
}
"""Files to download: weights, which contain no code, and the settings of the preparation."""
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([\w.-]+)")
_E5 = re.compile(r"(^|[-_/])e5[-_](small|base|large)")


def split_revision(name: str) -> tuple[str, str | None]:
    """Split ``owner/name@revision`` into the hub's name and the revision, None without one.

    >>> split_revision("facebook/dinov2-small@1a2b3c")
    ('facebook/dinov2-small', '1a2b3c')
    >>> split_revision("facebook/dinov2-small")
    ('facebook/dinov2-small', None)
    """
    match = _PINNED.fullmatch(name)
    return (match[1], match[2]) if match else (name, None)


def is_reference(name: str) -> bool:
    """Return whether a name has the form ``module:function``."""
    return _REFERENCE.fullmatch(name) is not None and not name.startswith("timm:")


@contextmanager
def imported(reference: str, *places: str, gives: str) -> Iterator[Any]:
    """Import ``module:function``, also from some folders; errors in the block are the user's and become a ModelError.

    ``gives`` tells in the error what the function has to do.
    """
    home, _, name = reference.partition(":")
    sys.path[:0] = places
    try:
        yield getattr(import_module(home), name)
    except Exception as error:  # the user's code can raise any error
        raise ModelError(
            f"model {reference!r} cannot be made ({type(error).__name__}: {one_line(error)}); name {gives}"
        ) from error
    finally:
        for place in places:
            sys.path.remove(place)


def from_pretrained(source: str | Path, *kinds: tuple[str, dict[str, Any]], of: str = "") -> list[Any]:
    """Load classes of transformers, each with its options, from a folder or by name on the hub.

    No remote code is run, no progress is shown, and a folder causes no network access. ``of`` names in the error what
    is needed. Raises ModelError.
    """
    try:
        transformers: Any = import_module("transformers")
    except ImportError as error:
        raise need("transformers", "hugging-face", source, error) from None
    logs: Any = transformers.utils.logging
    level, shown = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()  # no warning that a layer is new
    logs.disable_progress_bar()
    is_folder = Path(source).exists()
    name, revision = (source, None) if is_folder else split_revision(str(source))
    plain: dict[str, Any] = {"local_files_only": is_folder, "trust_remote_code": False}
    plain |= {} if revision is None else {"revision": revision}
    try:
        return [getattr(transformers, kind).from_pretrained(name, **plain, **options) for kind, options in kinds]
    except Exception as error:  # transformers passes on any error of its dependencies
        place = "a folder that save_pretrained wrote, or a name on the Hugging Face hub that can be reached from here"
        if is_folder:
            place = "a folder that save_pretrained wrote"
        raise ModelError(
            f"model {source} cannot be loaded by transformers ({one_line(error)}); give {place}{of}"
        ) from None
    finally:
        logs.set_verbosity(level)
        if shown:
            logs.enable_progress_bar()


def prefix_of(name: str) -> str:
    """Return the prefix that a model needs before each text: "query: " for e5 models, which were trained with it.

    >>> prefix_of("intfloat/multilingual-e5-small")
    'query: '
    >>> prefix_of("google-bert/bert-base-uncased")
    ''
    """
    return "query: " if _E5.search(name) else ""


def fetch(name: str, takes: str, tell: Callable[[str], object]) -> tuple[str, bool]:
    """Download the small encoder ``owner/name`` for ``takes``, "images" or "text", unless it is in the cache.

    ``tell`` is called with a sentence before a download starts. Returns ``owner/name@revision``, and True if the
    encoder was in the cache. Raises ModelError if the download fails.
    """
    try:
        hub: Any = import_module("huggingface_hub")
        utils: Any = import_module("huggingface_hub.utils")
    except ImportError as error:
        raise need("huggingface_hub", "hugging-face", name, error) from None
    files = list(FILES[takes])
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=files, local_files_only=True))
        if (folder / "config.json").is_file() and (folder / "model.safetensors").is_file():
            return f"{name}@{folder.name}", True
    except Exception:  # not in the cache, or the cache cannot be read
        pass
    tell(f"fetching {name} from {hub.constants.ENDPOINT}")
    silent, level = utils.are_progress_bars_disabled(), utils.logging.get_verbosity()
    utils.disable_progress_bars()
    utils.logging.set_verbosity_error()  # the hub logs each retry
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=files))
    except Exception as error:  # for example no network, a refusal, or an interrupted download
        raise ModelError(
            f"model {name} is not in the cache and cannot be fetched from {hub.constants.ENDPOINT} "
            f"({_cause(error, hub.constants.HF_HUB_OFFLINE)}); {download_command(name, takes)} fetches it"
        ) from None
    finally:
        utils.logging.set_verbosity(level)
        if not silent:
            utils.enable_progress_bars()
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"model {name} has no model.safetensors on the hub; name another model")
    return f"{name}@{folder.name}", False


def download_command(name: str, takes: str) -> str:
    """Return the shell command that downloads an encoder into the cache.

    >>> download_command("facebook/dinov2-small", "images")
    'hf download facebook/dinov2-small config.json model.safetensors preprocessor_config.json'
    """
    return " ".join(["hf download", name, *FILES[takes]])


def _cause(error: BaseException, offline: bool) -> str:
    """Return a short reason why a download failed: the first sentence of the hub's message."""
    if offline:
        return "HF_HUB_OFFLINE turns the network off"
    text = one_line(error).removeprefix("Got: ")
    return re.split(r"\. |An error happened", text)[0].strip(" .:") or type(error).__name__
