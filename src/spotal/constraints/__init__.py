"""Prices of labels and quotas of groups: checked once, and kept exactly while rows are picked.

limits.py  budget, prices and room of groups; picking that keeps to them
check.py   arguments of a query to limits
rounds.py  limits over the rounds of a loop
"""

from spotal.constraints.limits import Allowance, Limits

__all__ = ["Allowance", "Limits"]
