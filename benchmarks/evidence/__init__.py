"""Evidence that SPOT does what its paper claims, part by part: ``python -m benchmarks.evidence``."""
