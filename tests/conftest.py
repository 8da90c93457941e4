"""Workers share the cores: one thread each, in this process and in those that tests start."""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import torch  # noqa: E402 - after the variables that it reads

torch.set_num_threads(1)
