"""Workers share the cores: one thread each, in this process and in those that tests start. Ctrl-C reaches these."""

import os
import signal

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)

import torch  # noqa: E402 - after the variables that it reads

torch.set_num_threads(1)
