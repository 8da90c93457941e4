"""Where passes over a pool run."""

from spotal.engine.base import Pass
from spotal.engine.local import run

__all__ = ["Pass", "run"]
