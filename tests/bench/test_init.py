"""The bench package plans and reports without the training stack."""

import subprocess
import sys

PROBE = """
import sys
import adabench.bench, adabench.leaderboard.rows.collect
print(*(name for name in ("torch", "torchvision", "mmengine", "mmaction") if name in sys.modules))
"""


def test_importing_it_loads_neither_torch_nor_mmengine():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
