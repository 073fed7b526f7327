"""adabench: a benchmark for video-based Automatic Depression Assessment."""

import os

__version__ = "0.1.0"

# torch's idle threads spin while they wait for each other, and beside other work a core that spins is
# one that nobody has. OpenMP reads this when torch is imported; README tells what it costs and saves.
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ):
    os.environ["GOMP_SPINCOUNT"] = "1000"
