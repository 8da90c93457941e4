"""Where passes over a pool run."""

from spotal.engine.base import Pass
from spotal.engine.choice import ENGINES, run, using
from spotal.engine.watch import watching

__all__ = ["ENGINES", "Pass", "run", "using", "watching"]
