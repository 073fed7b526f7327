"""Shared by all tests: one thread, so that results and timings don't depend on the machine."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

# isort: off
import adabench  # noqa: F401 - before torch, whose threads then spin no longer than they should
import pytest
import torch
# isort: on

from forks import Forks

from adabench.structures import Inputs, Truth
from adabench.testing import example_batch

torch.set_num_threads(1)

# Files of few tests that take long, the longest first: left to the end, they would keep one process
# busy when the others have nothing left to do.
LONGEST = (
    "engine/test_bench_real.py",
    "engine/test_kill.py",
    "cli/test_bench.py",
    "engine/test_protocol_runs.py",
    "engine/test_fused.py",
    "engine/test_plugging_in.py",
    "leaderboard/pages/html/test_browser.py",
    "engine/test_faceless.py",
    "cli/test_train.py",
    "test_configs.py",
    "engine/stages/test_method.py",
    "engine/test_run.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all else keeps its order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    here = Path(__file__).parent
    items.sort(
        key=lambda item: (
            places.get(item.path.relative_to(here).as_posix(), len(LONGEST))
            if item.path.is_relative_to(here)
            else len(LONGEST)
        )
    )


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts tools in processes that need not import them."""
    with Forks() as started:
        yield started


@pytest.fixture
def batch() -> tuple[Inputs, Truth]:
    """Three clips of 7, 5 and 6 frames at 64 px, and their truth."""
    return example_batch()
