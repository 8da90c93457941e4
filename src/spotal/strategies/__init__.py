"""Selection strategies, one file for each method. A method is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotal.lazy import lazily
from spotal.strategies.registry import CLASSES, get, names

if TYPE_CHECKING:
    from spotal.strategies.alfamix import AlfaMix
    from spotal.strategies.badge import Badge
    from spotal.strategies.bait import Bait
    from spotal.strategies.bald import BALD
    from spotal.strategies.base import Choice, Query, Strategy
    from spotal.strategies.batch_bald import BatchBALD
    from spotal.strategies.clue import Clue
    from spotal.strategies.coregcn import CoreGCN
    from spotal.strategies.coreset import CoreSet
    from spotal.strategies.direct import Direct
    from spotal.strategies.dropquery import DropQuery
    from spotal.strategies.entropy import EntropySampling
    from spotal.strategies.facility_location import FacilityLocation
    from spotal.strategies.fads import FADS
    from spotal.strategies.galaxy import Galaxy
    from spotal.strategies.kmeans import KMeans
    from spotal.strategies.least_confidence import LeastConfidenceSampling
    from spotal.strategies.margin import MarginSampling
    from spotal.strategies.maxherding import MaxHerding
    from spotal.strategies.powermargin import PowerMargin
    from spotal.strategies.probcover import ProbCover
    from spotal.strategies.random import Random
    from spotal.strategies.spot import SPOT
    from spotal.strategies.tcm import TCM
    from spotal.strategies.transported import TransportedDesign
    from spotal.strategies.typiclust import TypiClust
    from spotal.strategies.uherding import UHerding

__all__ = [
    "BALD",
    "FADS",
    "SPOT",
    "TCM",
    "AlfaMix",
    "Badge",
    "Bait",
    "BatchBALD",
    "Choice",
    "Clue",
    "CoreGCN",
    "CoreSet",
    "Direct",
    "DropQuery",
    "EntropySampling",
    "FacilityLocation",
    "Galaxy",
    "KMeans",
    "LeastConfidenceSampling",
    "MarginSampling",
    "MaxHerding",
    "PowerMargin",
    "ProbCover",
    "Query",
    "Random",
    "Strategy",
    "TransportedDesign",
    "TypiClust",
    "UHerding",
    "get",
    "names",
]

_homes = {name: f"{__name__}.{module}" for module, name in CLASSES.values()}
_homes |= dict.fromkeys(("Choice", "Query", "Strategy"), f"{__name__}.base")
__getattr__, __dir__ = lazily(__name__, _homes, __all__)
