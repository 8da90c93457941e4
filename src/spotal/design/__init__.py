"""Designs: points that fill [0,1]^d evenly, and measures of how evenly they do."""

from spotal.design.base import Design, SequentialDesign
from spotal.design.centroidal import Centroidal
from spotal.design.halton import Halton
from spotal.design.latin_hypercube import LatinHypercube
from spotal.design.lattice import Lattice
from spotal.design.maximin import Maximin
from spotal.design.merit import discrepancy, fill_distance, separation
from spotal.design.registry import get, names
from spotal.design.sobol import Sobol
from spotal.numeric.seeds import Seed, as_generator

__all__ = [
    "Centroidal",
    "Design",
    "Halton",
    "LatinHypercube",
    "Lattice",
    "Maximin",
    "Seed",
    "SequentialDesign",
    "Sobol",
    "as_generator",
    "discrepancy",
    "fill_distance",
    "get",
    "names",
    "separation",
]
