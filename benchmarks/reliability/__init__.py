"""Reliability: kill loop, load test, mutation fuzz and full-disk sweep; a full run writes docs/evidence/reliability.md.

Importing this module sets environment variables for all commands: no network, one thread, long lines.
"""

import os

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "COLUMNS": "200",
    "NO_COLOR": "1",
}
