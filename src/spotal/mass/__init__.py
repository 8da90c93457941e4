"""How much each row weighs in the transport: rules that multiply."""

from spotal.mass.base import Evidence, Mass, Product
from spotal.mass.label_distance import LabelDistance
from spotal.mass.margin import Margin, margins
from spotal.mass.uniform import Uniform

__all__ = ["Evidence", "LabelDistance", "Margin", "Mass", "Product", "Uniform", "margins"]
