"""Tests of the claims of SPOT's paper, one part a claim: ``python -m benchmarks.evidence``."""
