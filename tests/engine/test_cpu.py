"""How a run sets up the processor: its threads, and memory that is kept for the next step."""

import platform
import subprocess
import sys

import pytest
import torch

from adabench.engine.cpu import set_up_cpu

# Steps as a network's: blocks of some megabytes, all free at the end of each.
_STEPS = """
import ctypes, resource, sys
import torch
from adabench.engine.cpu import keep_freed_memory
# glibc's own limits; what it makes of them later hangs on how the heap happens to lie.
ctypes.CDLL(None).mallopt(-3, 2**17)
ctypes.CDLL(None).mallopt(-1, 2**17)
if sys.argv[1] == "kept" and not keep_freed_memory():
    raise SystemExit("no setting")
def step():
    return [torch.ones(2**21) for _ in range(12)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_are_the_config_s_else_the_environment_s(threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    set_up_cpu(2)
    assert torch.get_num_threads() == 2
    set_up_cpu(0)
    assert torch.get_num_threads() == 3


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_step_takes_memory_that_the_one_before_freed():
    given, kept = (
        int(subprocess.check_output([sys.executable, "-c", _STEPS, how], text=True))
        for how in ("given", "kept")
    )
    assert given > 10_000
    assert kept < given / 20
