"""How this process computes on the CPU: how many threads, and what becomes of memory that is free again."""

from __future__ import annotations

import ctypes
import os

import torch

# Of glibc's malloc.h, and in bytes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE, _KEPT = 256 * 2**20, 2**30


def set_up_cpu(threads: int) -> None:
    """Fix torch's threads, and keep freed memory for the next step.

    The order of sums, hence the last bits, depends on the number of threads.

    Args:
        threads: 0 takes what the environment's ``OMP_NUM_THREADS`` says, or one a core.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(threads or int(told if told.isdigit() else 0) or os.cpu_count() or 1)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Keep up to a gigabyte of freed memory in this process instead of returning it at once.

    A step frees what the next one asks for. By default glibc hands it back to the system in between,
    which zeroes each page on its next use: a fifth to a quarter of a small network's step. Blocks of
    more than 256 MB are returned as before.

    Returns:
        Whether the C library has this setting.
    """
    try:
        setting = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(setting(_MMAP_THRESHOLD, _LARGE)) and bool(setting(_TRIM_THRESHOLD, _KEPT))
