"""Engines, which run passes over a pool in this process or on a Ray cluster."""

from spotal.engine.base import Pass
from spotal.engine.choice import ENGINES, run, using
from spotal.engine.watch import watching

__all__ = ["ENGINES", "Pass", "run", "using", "watching"]
