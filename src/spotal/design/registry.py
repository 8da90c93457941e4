"""The designs by name."""

from __future__ import annotations

import inspect
from typing import Any

from spotal.design.base import Design
from spotal.design.centroidal import Centroidal
from spotal.design.halton import Halton
from spotal.design.latin_hypercube import LatinHypercube
from spotal.design.lattice import Lattice
from spotal.design.maximin import Maximin
from spotal.design.sobol import Sobol
from spotal.errors import InputError

__all__ = ["get", "names"]

_DESIGNS: dict[str, type[Design]] = {
    "sobol": Sobol,
    "halton": Halton,
    "latin-hypercube": LatinHypercube,
    "lattice": Lattice,
    "maximin": Maximin,
    "centroidal": Centroidal,
}


def names() -> tuple[str, ...]:
    """Return the names that :func:`get` knows."""
    return tuple(_DESIGNS)


def get(name: str, **parameters: Any) -> Design:
    """Return the design of this name, made with these parameters.

    Parameters
    ----------
    name : str
        One of :func:`names`.
    **parameters
        Parameters of the design's class.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        For an unknown name or parameter; the sentence lists the known ones.
    """
    if name not in _DESIGNS:
        raise InputError("design", f"{name!r} is unknown", f"pass one of {', '.join(_DESIGNS)}")
    known = inspect.signature(_DESIGNS[name]).parameters
    for parameter in parameters:
        if parameter not in known:
            raise InputError("design", f"{name!r} has no parameter {parameter!r}", f"it has {', '.join(known)}")
    return _DESIGNS[name](**parameters)
