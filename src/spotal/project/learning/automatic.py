"""Model "auto": chosen once, when a project is made, and written to spotal.toml under the name of what it is."""

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
    """Replace the model "auto" by the best that this machine can have.

    Settings that name another model come back as they are. The name of a pretrained encoder has its revision, so that
    later rounds, on this machine or another, never compare vectors of two encoders.

    Parameters
    ----------
    settings : Settings
    tell : called with a sentence before something is fetched

    Returns
    -------
    Settings; and what was chosen, None where the settings named a model or hold embeddings already
    """
    if settings.model != AUTO:
        return settings, None
    if settings.data.kind == "embedding":
        return replace(settings, model=BUILT_IN), None
    from spotal.embed.automatic import choose_model

    found = choose_model("images" if settings.data.kind == "image" else "text", tell=tell)
    return replace(settings, model=found.model or BUILT_IN), found
