"""What a strategy is asked, once every argument is checked."""

from __future__ import annotations

from spotal.strategies import Choice, Query, Strategy


class _Asked(Strategy):
    name = "asked"

    def _choose(self, query):
        self.asked = query
        return Choice(query.unlabeled[: query.budget])


def asked(pool, budget, **known) -> Query:
    """The query that these arguments of ``Strategy.query`` make."""
    strategy = _Asked()
    strategy.query(pool, budget, **known)
    return strategy.asked
