"""Model "auto": a choice that is made once, when a project is created, and written to spotal.toml by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotal.embed.automatic import Automatic
    from spotal.project.settings import Settings

__all__ = ["resolve"]

AUTO, BUILT_IN = "auto", "built-in"


def resolve(settings: Settings, tell: Callable[[str], object] | None = None) -> tuple[Settings, Automatic | None]:
    """Replace the model "auto" by the best model that is available on this machine.

    Settings with another model are returned unchanged. The name of a pretrained encoder includes its revision, so that
    later rounds never compare vectors of two encoders.

    Parameters
    ----------
    settings : Settings
    tell : called with a sentence before a download

    Returns
    -------
    Settings; and the choice, None if the settings already name a model or the items are embeddings
    """
    if settings.model != AUTO:
        return settings, None
    if settings.data.kind == "embedding":
        return replace(settings, model=BUILT_IN), None
    from spotal.embed.automatic import choose_model

    choice = choose_model("images" if settings.data.kind == "image" else "text", tell=tell)
    return replace(settings, model=choice.model or BUILT_IN), choice
