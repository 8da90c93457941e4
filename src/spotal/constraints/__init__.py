"""Prices of labels and quotas of groups. Arguments are checked once; picks then stay within the limits."""

from spotal.constraints.limits import Allowance, Limits

__all__ = ["Allowance", "Limits"]
