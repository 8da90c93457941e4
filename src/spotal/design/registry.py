"""Registry of designs by name."""

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
from spotal.errors import InputError, unknown_name

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
    """Return the names that :func:`get` takes.

    Examples
    --------
    >>> from spotal.design import names
    >>> "sobol" in names()
    True
    """
    return tuple(_DESIGNS)


def get(name: str, **parameters: Any) -> Design:
    """Return the design with this name and these parameters.

    Parameters
    ----------
    name : str, one of :func:`names`
    **parameters : parameters of the design's class

    Raises
    ------
    InputError
        The name or a parameter is unknown; the message lists the existing names or parameters.

    Examples
    --------
    >>> from spotal.design import get
    >>> get("sobol", scramble=False).points(1, 2).tolist()
    [[0.0, 0.0]]
    """
    if not isinstance(name, str) or name not in _DESIGNS:
        raise unknown_name("design", name, _DESIGNS)
    accepted = inspect.signature(_DESIGNS[name]).parameters
    for parameter in parameters:
        if parameter not in accepted:
            raise InputError("design", f"{name!r} has no parameter {parameter!r}", f"it has {', '.join(accepted)}")
    return _DESIGNS[name](**parameters)
