"""A drawing process of `generation`: OUT INDEX COUNT PARENT."""

from __future__ import annotations

import sys
from pathlib import Path

from adabench.synthface.writing.generation import run_worker

if __name__ == "__main__":
    run_worker(Path(sys.argv[1]), *(int(argument) for argument in sys.argv[2:5]))
