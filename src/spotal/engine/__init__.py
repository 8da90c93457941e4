"""Where passes over a pool run."""

from spotal.engine.base import Pass
from spotal.engine.current import Engine, using
from spotal.engine.local import run
from spotal.engine.watch import watching

__all__ = ["Engine", "Pass", "run", "using", "watching"]
