"""The contract of an extractor, and the statistics over time that extractors share."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from adabench.models.roles import Backbone
from adabench.structures import Clip


class Extractor(ABC):
    """Turns one view of a clip into numbers. It learns nothing and sees no label.

    Attributes:
        version: raised when results change for the same config.
        reads: ``frames``, ``signals`` or both: what a clip has to hold.
    """

    version: ClassVar[int] = 1
    reads: tuple[str, ...] = ("frames",)

    @abstractmethod
    def __call__(self, clip: Clip) -> ArrayLike:
        """Return the numbers (D,) of a clip: as many for every clip, and finite.

        Args:
            clip: its frames (T, 3, H, W), uint8; or ``features`` of :meth:`frozen_part` in their place;
                and its ``signals``, where it reads them.
        """

    def frozen_part(self) -> Backbone | None:
        """Return the frozen backbone whose output may be cached and handed on as ``clip.features``."""
        return None


_STATISTICS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda steps: steps.mean(0),
    "deviation": lambda steps: steps.std(0, correction=0),
    "maximum": lambda steps: steps.amax(0),
    "minimum": lambda steps: steps.amin(0),
}


def check_statistics(place: str, statistics: Sequence[str]) -> tuple[str, ...]:
    """Return the names of statistics over time.

    Raises:
        ValueError: none, or an unknown one; with the nearest name.
    """
    known = ", ".join(_STATISTICS)
    if isinstance(statistics, str) or not statistics:
        raise ValueError(f"{place} is a list of some of {known}; got {statistics!r}")
    for name in statistics:
        if name not in _STATISTICS:
            near = difflib.get_close_matches(str(name), _STATISTICS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{place}: no statistic is called {name!r}.{hint} Known: {known}")
    return tuple(statistics)


def over_time(steps: Tensor, statistics: Sequence[str]) -> Tensor:
    """Return statistics of steps (T, D) over time, one after the other: (D * len(statistics),).

    The deviation is that of the steps themselves: 0 for a single one.
    """
    steps = steps.double()
    return torch.cat([_STATISTICS[name](steps) for name in statistics])
