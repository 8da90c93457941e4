"""Paired differences of SPOT's default and each peer on the encoders' pools, for docs/evidence/research.md.

spotal bench 'encoder-*' --out RUN --kept benchmarks/results
python -m benchmarks.paired RUN [PREFIX]    # of the protocols, encoder- by default
"""

from __future__ import annotations

import sys

import numpy as np
from benchmarks.pages import cells_of
from scipy.stats import ttest_rel

from spotal.bench.compare import holm
from spotal.bench.summary import METRIC

FIRST = 3
"""Number of first batches that are shown one by one."""


def main(run: str, prefix: str = "encoder-") -> None:
    """Print for each pool and peer: difference in the mean of the curve, p after Holm's correction, first batches."""
    cells, _ = cells_of(run, prefix)
    means: dict[str, list[float]] = {}
    for cell in cells:
        peers = [name for name in cell.curves if name != "spot"]
        pairs = {}
        for name in peers:
            seeds = cell.seeds(name, "spot")
            pairs[name] = [100 * cell.values(one, METRIC, seeds) for one in ("spot", name)]
        corrected = holm(np.array([ttest_rel(own.mean(1), peer.mean(1)).pvalue for own, peer in pairs.values()]))
        print(cell.protocol.name)
        for (name, (own, peer)), p in zip(pairs.items(), corrected, strict=True):
            gap = own - peer
            error = gap.std(0, ddof=1) / np.sqrt(len(gap))
            first = ", ".join(f"{gap[:, k].mean():+.1f} +- {error[k]:.1f}" for k in range(FIRST))
            print(f"  {name:18} {len(gap)} seeds  {gap.mean():+.1f}  p {p:.3f}  first batches {first}")
            means.setdefault(name, []).append(float(gap.mean()))
    for name, gaps in means.items():
        print(f"{name:18} mean over {len(gaps)} pools {np.mean(gaps):+.1f}, ahead on {sum(gap > 0 for gap in gaps)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
