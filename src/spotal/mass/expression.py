"""Rules of mass as text, such as "margin^2 * label-distance", for configuration files and the command line."""

from __future__ import annotations

from collections.abc import Callable

from spotal.errors import InputError, like
from spotal.mass.base import Mass, Product
from spotal.mass.class_balance import ClassBalance
from spotal.mass.discounted import Discounted
from spotal.mass.entropy import Entropy
from spotal.mass.inverse_density import InverseDensity
from spotal.mass.inverse_frequency import InverseFrequency
from spotal.mass.label_distance import LabelDistance
from spotal.mass.least_confidence import LeastConfidence
from spotal.mass.margin import Margin
from spotal.mass.mutual_information import MutualInformation
from spotal.mass.price import Price
from spotal.mass.tempered import Tempered
from spotal.mass.uniform import Uniform

__all__ = ["parse_mass"]

RULES: dict[str, Callable[[float], Mass]] = {
    "class-balance": ClassBalance,
    "entropy": Entropy,
    "inverse-density": InverseDensity,
    "inverse-frequency": InverseFrequency,
    "label-distance": LabelDistance,
    "least-confidence": LeastConfidence,
    "margin": Margin,
    "mutual-information": MutualInformation,
    "price": Price,
}
WRAPPERS: dict[str, Callable[[Mass], Mass]] = {"discounted": Discounted, "tempered": Tempered}


def parse_mass(text: str) -> Mass:
    """Parse a rule: factors joined by ``*``. A factor is a name, or a name and a power such as ``margin^2``.

    The prefix "tempered" applies :class:`~spotal.mass.Tempered` to a factor, "discounted"
    :class:`~spotal.mass.Discounted`. "uniform" has no power. The names are ``class-balance``, ``entropy``,
    ``inverse-density`` and so on: the classes of :mod:`spotal.mass`.

    Raises
    ------
    InputError
        A name is unknown or a power is not a number; the message lists the names.

    Examples
    --------
    >>> from spotal.mass import parse_mass
    >>> parse_mass("margin^2 * label-distance")
    Margin(power=2.0) * LabelDistance(power=1)
    """
    factors = [_factor(part.strip(), text) for part in text.split("*")]
    return factors[0] if len(factors) == 1 else Product(*factors)


def _factor(part: str, whole: str) -> Mass:
    word, _, rest = part.partition(" ")
    if word in WRAPPERS and rest:
        return WRAPPERS[word](_factor(rest.strip(), whole))
    if part == "uniform":
        return Uniform()
    name, caret, power = part.partition("^")
    try:
        return RULES[name.strip()](float(power or "none") if caret else 1)
    except (KeyError, ValueError):
        raise InputError(
            "mass",
            must=f"be factors such as 'margin^2' with * between, of uniform, {', '.join(RULES)}",
            found=f"{part!r} in {whole!r}",
            remedy=like(name.strip(), ["uniform", *RULES]),
        ) from None
