"""What a clip's signals do over time, for estimators that never see a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike

from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.registry import MODELS
from adabench.structures import Clip


@MODELS.register_module()
class SignalStatistics(Extractor):
    """Statistics over time of each signal, and of how it changes from frame to frame.

    Args:
        statistics: some of ``mean``, ``deviation``, ``maximum``.
        changes: also of the absolute difference between frames that follow each other in the view.

    Raises:
        ValueError: an unknown statistic.
    """

    reads = ("signals",)

    def __init__(
        self, *, statistics: Sequence[str] = ("mean", "deviation", "maximum"), changes: bool = True
    ) -> None:
        self.statistics = check_statistics("SignalStatistics.statistics", statistics)
        self.changes = changes

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (S * statistics,), twice that with changes; 0 for what was never measured."""
        if clip.signals is None:
            raise ValueError(f"SignalStatistics reads signals, and clip {clip.id.clip} has none")
        found = []
        for values, known in zip(clip.signals.values.T, clip.signals.mask.T, strict=True):
            found.append(self._of(values[known]))
            if self.changes:
                follows = known[1:] & known[:-1]
                found.append(self._of(values.diff().abs()[follows]))
        return torch.cat(found).numpy()

    def _of(self, values: torch.Tensor) -> torch.Tensor:
        steps = values if len(values) else values.new_zeros(1)
        return over_time(steps[:, None], self.statistics)
