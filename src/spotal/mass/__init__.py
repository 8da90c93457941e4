"""Rules of mass: the weight of each row in coverage and transport. Rules can be multiplied."""

from spotal.mass.base import Evidence, Mass, Product
from spotal.mass.class_balance import ClassBalance
from spotal.mass.discounted import Discounted
from spotal.mass.entropy import Entropy, entropies
from spotal.mass.expression import parse_mass
from spotal.mass.inverse_density import InverseDensity
from spotal.mass.inverse_frequency import InverseFrequency
from spotal.mass.label_distance import LabelDistance
from spotal.mass.least_confidence import LeastConfidence
from spotal.mass.margin import Margin
from spotal.mass.mutual_information import MutualInformation, disagreement
from spotal.mass.price import Price
from spotal.mass.probabilities import class_shares, margins
from spotal.mass.tempered import Tempered, fit_temperature, tempered
from spotal.mass.uniform import Uniform

__all__ = [
    "ClassBalance",
    "Discounted",
    "Entropy",
    "Evidence",
    "InverseDensity",
    "InverseFrequency",
    "LabelDistance",
    "LeastConfidence",
    "Margin",
    "Mass",
    "MutualInformation",
    "Price",
    "Product",
    "Tempered",
    "Uniform",
    "class_shares",
    "disagreement",
    "entropies",
    "fit_temperature",
    "margins",
    "parse_mass",
    "tempered",
]
