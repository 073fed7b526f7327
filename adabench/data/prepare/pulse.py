"""Signs of life: what a process that prepares a clip tells of it, so that a hung one is noticed."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two signs of steady work.
INTERVAL = 0.5

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Sign:
    """A sign of life.

    Args:
        passes: how often the clip's frames were gone through: 0.5 is half of the first time.
        frames: how many were decoded by that.
        decoding: frames are awaited from a decoder, which may hang.
        of: how many passes there will be, as far as is known.
    """

    passes: float = 0.0
    frames: int = 0
    decoding: bool = False
    of: int = 1


class _Pulse:
    """A process's own: it prepares one clip at a time."""

    def __init__(self) -> None:
        self.listener: Callable[[Sign], object] | None = None
        self.passes = self.frames = 0
        self.decoding, self.expected = False, 1
        self.last = -math.inf

    def begin(self, listener: Callable[[Sign], object] | None) -> None:
        self.listener, self.passes, self.frames, self.decoding = listener, 0, 0, False
        self.expected = 1
        self.last = -math.inf

    def tell(self, share: float = 0.0) -> None:
        self.last = time.monotonic()
        if self.listener is not None:
            done = self.passes + min(share, 1.0)
            self.listener(Sign(done, self.frames, self.decoding, self.expected))


_pulse = _Pulse()


def listen(listener: Callable[[Sign], object] | None) -> None:
    """Begin a clip: its signs go to ``listener``, or nowhere."""
    _pulse.begin(listener)


def beat(share: float = 0.0, frames: int = 0) -> None:
    """Say that the work goes on.

    Args:
        share: how much of the clip's frames was gone through this time, 0 to 1.
        frames: how many came since the last call.
    """
    _pulse.frames += frames
    if time.monotonic() - _pulse.last >= INTERVAL:
        _pulse.tell(share)


def expect(passes: int) -> None:
    """Say how often the clip's frames will be gone through, as far as is known."""
    _pulse.expected = passes


@contextlib.contextmanager
def decoding(whole: bool = True) -> Iterator[None]:
    """Within the block frames come from a decoder; for each that comes :func:`beat` is called.

    Args:
        whole: the block goes through all of the clip's frames.
    """
    _pulse.decoding = True
    _pulse.tell()
    try:
        yield
    finally:
        _pulse.decoding = False
        _pulse.passes += whole
        _pulse.tell()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 in hexadecimal; reading a long file goes with signs of life.

    Raises:
        OSError: the file can't be read.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            beat()
    return digest.hexdigest()
