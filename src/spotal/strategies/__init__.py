"""Ways to choose what to label next, one file a method, all with the same ``query``."""

from spotal.strategies.base import Strategy
from spotal.strategies.coreset import CoreSet
from spotal.strategies.entropy import Entropy
from spotal.strategies.margin import Margin
from spotal.strategies.random import Random
from spotal.strategies.registry import get, names
from spotal.strategies.spot import SPOT

__all__ = ["SPOT", "CoreSet", "Entropy", "Margin", "Random", "Strategy", "get", "names"]
