"""Shared by all tests: one thread, so that results and timings don't depend on the machine."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from adabench.structures import Inputs, Truth
from adabench.testing import example_batch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def batch() -> tuple[Inputs, Truth]:
    """Three clips of 7, 5 and 6 frames at 64 px, and their truth."""
    return example_batch()
