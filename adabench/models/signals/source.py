"""The contract of a source of signals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor


class SignalSource(ABC):
    """Tells which named signals a method reads, and where they come from.

    It is built before any stage is trained, so a constructor opens no file.

    Attributes:
        version: raised when results change for the same config.
    """

    version: ClassVar[int] = 1

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The S signals, in the order of their columns."""

    @abstractmethod
    def describe(self) -> str:
        """Say for the record what they are."""

    def carried(self) -> dict[str, Any]:
        """Return plain values and tensors by which a checkpoint can make them again."""
        return {"type": type(self).__name__, "names": list(self.names)}


class FrameSignals(SignalSource):
    """Signals that are seen in frames: computed once for a corpus, and kept."""

    @abstractmethod
    def compute(self, frames: Tensor) -> Tensor:
        """Map frames (T, 3, H, W) in [0, 1] to signals (T, S); NaN where nothing can be measured.

        A frame's signals depend on no other frame: how a clip is cut into pieces is not told.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of what decides the numbers, beside the frames: weights and settings."""

    def to(self, device: str) -> None:
        """Compute on a device from now on."""
        del device


def checked_names(place: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of signals.

    Raises:
        ValueError: no list of names, none at all, or one twice.
    """
    if isinstance(names, str) or not names or not all(isinstance(n, str) and n for n in names):
        raise ValueError(f"{place} is a list of names, e.g. ['AU12_r']; got {names!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{place} names {twice[0]!r} twice")
    return tuple(names)
