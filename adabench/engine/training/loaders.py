"""Batches from loader processes, which tell in one line what keeps them from coming."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

#: Seconds without a batch after which its process counts as lost.
PATIENCE = 180.0

_SHARED = Path("/dev/shm")
_REMEDY = "set training.workers=0 (--cfg-options training.workers=0)"

# How torch begins its own words on loader processes, as against an error that arose in one.
_TIMED_OUT, _DIED = "DataLoader timed out", "DataLoader worker (pid"
# What it says where two processes can't hand a batch over.
_NOT_HANDED_OVER = ("shared memory", "/torch_", "ancdata", "Too many open files")


class Loader(DataLoader[Any]):
    """A `DataLoader` whose processes don't fail silently.

    Batches travel through shared memory. Where that is full, torch's process writes a traceback and
    drops the batch, and its parent would wait for ever.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # an iterator is all that is used
        """Yield batches.

        Raises:
            ChildProcessError: none comes, or its process died; with the remedy.
        """
        batches = super().__iter__()
        return batches if self.num_workers == 0 else self._told(batches)

    def _told(self, batches: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from batches
        except (RuntimeError, OSError) as error:
            reason = self._reason(str(error))
            if reason is None:
                raise
            raise ChildProcessError(f"training.workers={self.num_workers}: {reason}") from error

    def _reason(self, text: str) -> str | None:
        if text.startswith(_TIMED_OUT):
            return f"no batch came within {self.timeout:g} s{_shared_memory()}: {_REMEDY}"
        if text.startswith(_DIED):
            return f"a loader process died{_shared_memory()}: {_REMEDY}"
        if any(sign in text for sign in _NOT_HANDED_OVER):
            last = text.strip().splitlines()[-1]
            return f"a batch could not be handed over ({last}){_shared_memory()}: {_REMEDY}"
        return None


def _shared_memory() -> str:
    """Say how much room the processes share, where that can be told."""
    if not _SHARED.is_dir():
        return ""
    usage = shutil.disk_usage(_SHARED)
    return f"; {_SHARED} has {usage.free / 2**20:.1f} of {usage.total / 2**20:.1f} MB free"
