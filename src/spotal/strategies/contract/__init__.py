"""The contract of strategies: checks that run on any strategy, your own or one of spotal's.

    from spotal.strategies.contract import CHECKS, check_strategy

    check_strategy(Mine())  # all checks at once

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):  # or one test a check
        check(Mine())

asking.py    a small pool, a query, and the properties of every selection
outcomes.py  picks, cells, masses, seeds, order of rows, degenerate pools
arguments.py accepted kinds of arrays and numbers
refusals.py  refused arguments and the error sentences
limits.py    prices and quotas: kept exactly, or refused
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from spotal.strategies.base import Strategy
from spotal.strategies.contract.arguments import ARGUMENT_CHECKS
from spotal.strategies.contract.limits import LIMIT_CHECKS
from spotal.strategies.contract.outcomes import OUTCOME_CHECKS
from spotal.strategies.contract.refusals import REFUSAL_CHECKS

__all__ = [
    "ARGUMENT_CHECKS",
    "CHECKS",
    "LIMIT_CHECKS",
    "OUTCOME_CHECKS",
    "REFUSAL_CHECKS",
    "Check",
    "check_strategy",
]

Check = Callable[[Strategy], None]

CHECKS: tuple[Check, ...] = (*OUTCOME_CHECKS, *ARGUMENT_CHECKS, *REFUSAL_CHECKS, *LIMIT_CHECKS)
"""All checks. Each takes a strategy and raises AssertionError if the strategy fails."""


def check_strategy(strategy: Strategy, *, without: Collection[str] = ()) -> None:
    """Run every check on a strategy. It queries small pools some 300 times.

    Parameters
    ----------
    strategy : Strategy
    without : names of checks to leave out

    Raises
    ------
    AssertionError
        At least one check fails; the message names all failed checks.

    Examples
    --------
    >>> from spotal.strategies import Random
    >>> from spotal.strategies.contract import check_strategy
    >>> check_strategy(Random())
    """
    failures = []
    for check in CHECKS:
        if check.__name__ in without:
            continue
        try:
            check(strategy)
        except Exception as error:
            notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
            kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
            failures.append((f"{check.__name__}{notes}: {kind}{error}", error))
    if failures:
        text = "\n".join(sentence for sentence, _ in failures)
        raise AssertionError(f"{strategy!r} fails {len(failures)} of {len(CHECKS)} checks\n{text}") from failures[0][1]
