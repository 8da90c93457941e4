"""Numbers in memory: arrays, compiled loops, nearest centers, threads, intervals."""
