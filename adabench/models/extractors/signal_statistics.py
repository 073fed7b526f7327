"""What a clip's signals do over time, for estimators that never see a pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from adabench.bounds import Count
from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.registry import MODELS
from adabench.structures import Clip

# What is taken of signals of which little is.
_BRIEF = ("mean", "deviation")


@MODELS.register_module()
class SignalStatistics(Extractor):
    """Statistics over time of each signal, and of how it changes from frame to frame.

    Those of Song 2022 are ``statistics=["mean", "deviation", "maximum", "minimum"]`` with
    ``changes=False``, ``lags=[1, 2]`` and ``brief=["pose_*"]``: 312 numbers of 23 signals and 6 of pose.

    Args:
        statistics: some of ``mean``, ``deviation``, ``maximum``, ``minimum``.
        changes: also of the absolute difference between frames that follow each other in the view.
        lags: also of the difference, with its sign, between each frame and the one so many before.
        brief: signals of which mean and deviation are taken alone, by names or patterns (``pose_*``).

    Raises:
        ValueError: an unknown statistic, or a lag below 1.
    """

    reads = ("signals",)

    def __init__(
        self,
        *,
        statistics: Sequence[str] = ("mean", "deviation", "maximum"),
        changes: bool = True,
        lags: Sequence[Count] = (),
        brief: Sequence[str] = (),
    ) -> None:
        self.statistics = check_statistics("SignalStatistics.statistics", statistics)
        self.changes = changes
        for lag in lags:
            if lag < 1:
                raise ValueError(f"SignalStatistics.lags are of at least 1 frame; got {lag}")
        self.lags = tuple(lags)
        self.brief = tuple(brief)

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return the statistics of each signal, its changes and differences; 0 of what is not known.

        Of S signals that is (S * statistics,), as much again with changes, and with each lag.

        Raises:
            ValueError: a clip without signals, or without one that is ``brief``.
        """
        if clip.signals is None:
            raise ValueError(f"SignalStatistics reads signals, and clip {clip.id.clip} has none")
        names = clip.signals.names
        for pattern in self.brief:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ValueError(
                    f"SignalStatistics.brief: no signal is called {pattern!r}; there are "
                    f"{', '.join(names)}"
                )
        columns = zip(names, clip.signals.values.T, clip.signals.mask.T, strict=True)
        return torch.cat([row for column in columns for row in self._rows(*column)]).numpy()

    def _rows(self, name: str, values: Tensor, known: Tensor) -> Iterator[Tensor]:
        is_brief = any(fnmatchcase(name, pattern) for pattern in self.brief)
        statistics = _BRIEF if is_brief else self.statistics
        yield _of(values[known], statistics)
        if self.changes:
            follows = known[1:] & known[:-1]
            yield _of(values.diff().abs()[follows], statistics)
        for lag in self.lags:
            both = known[lag:] & known[:-lag]
            yield _of((values[lag:] - values[:-lag])[both], statistics)


def _of(values: Tensor, statistics: Sequence[str]) -> Tensor:
    steps = values if len(values) else values.new_zeros(1)
    return over_time(steps[:, None], statistics)
