"""Numeric helpers: arrays, labels, compiled loops, nearest centers, threads, intervals."""
